"""The template index of the nodes, and downloads from it."""

import hashlib
import time
from typing import Any

from fakepve.model import PveError, TaskError
from fakepve.storage import TYPES

from .base import Base, Values, refuse
from .calls import log
from .worker_logs import template_path

SYSTEM, TURNKEY = "http://download.proxmox.com/images", "https://releases.turnkeylinux.org/pve"
PAGE = "https://pve.proxmox.com/wiki/Linux_Container#pct_supported_distributions"
LXC_PAGE, TURNKEY_PAGE = "https://linuxcontainers.org", "https://www.turnkeylinux.org"
PROXMOX = "Proxmox Support Team <support@proxmox.com>"
MEGABYTE = 1_000_000
# file, headline, description, size in MB
INDEX = (
    ("almalinux-9-default_20240911_amd64.tar.xz", "LXC default image for almalinux 9 (20240911)", "", 99),
    ("almalinux-10-default_20250930_amd64.tar.xz", "LXC default image for almalinux 10 (20250930)", "", 98),
    ("alpine-3.21-default_20241217_amd64.tar.xz", "LXC default image for alpine 3.21 (20241217)", "", 3),
    ("alpine-3.22-default_20250617_amd64.tar.xz", "LXC default image for alpine 3.22 (20250617)", "", 3),
    ("alpine-3.24-default_20260714_amd64.tar.xz", "LXC default image for alpine 3.24 (20260714)", "", 3),
    ("archlinux-base_20240911-1_amd64.tar.zst", "ArchLinux base image.", "ArchLinux template with base packages.", 150),
    ("debian-12-standard_12.12-1_amd64.tar.zst", "Debian 12 Bookworm (standard)",
     "A small Debian Bookworm system including all standard packages.", 126),
    ("debian-13-standard_13.6-1_amd64.tar.zst", "Debian 13 Trixie (standard)",
     "A small Debian Trixie system including all standard packages.", 129),
    ("devuan-5.0-standard_5.0_amd64.tar.gz", "Devuan 5 (standard)",
     "A small Devuan Daedalus system including a minimal set of essential packages.", 107),
    ("fedora-42-default_20250428_amd64.tar.xz", "LXC default image for fedora 42 (20250428)", "", 104),
    ("opensuse-15.6-default_20240910_amd64.tar.xz", "LXC default image for opensuse 15.6 (20240910)", "", 43),
    ("rockylinux-9-default_20240912_amd64.tar.xz", "LXC default image for rockylinux 9 (20240912)", "", 108),
    ("rockylinux-10-default_20251001_amd64.tar.xz", "LXC default image for rockylinux 10 (20251001)", "", 110),
    ("ubuntu-22.04-standard_22.04-1_amd64.tar.zst", "Ubuntu 22.04 Jammy (standard)",
     "A small Ubuntu 22.04 Jammy Jellyfish system including all standard packages.", 130),
    ("ubuntu-24.04-standard_24.04-2_amd64.tar.zst", "Ubuntu 24.04 Noble (standard)",
     "A small Ubuntu 24.04 Noble Numbat system including all standard packages.", 142),
    ("debian-12-turnkey-core_18.1-1_amd64.tar.gz", "TurnKey Core", "The common base of all appliances.", 233),
    ("debian-12-turnkey-gitea_18.0-1_amd64.tar.gz", "TurnKey Gitea", "Painless self-hosted Git.", 334),
    ("debian-12-turnkey-mediawiki_18.1-1_amd64.tar.gz", "TurnKey MediaWiki", "The wiki engine of Wikipedia.", 400),
    ("debian-12-turnkey-nextcloud_18.2-1_amd64.tar.gz", "TurnKey Nextcloud", "Files, calendars and contacts.", 545),
    ("debian-12-turnkey-nginx-php-fastcgi_18.0-1_amd64.tar.gz", "TurnKey NGINX PHP FastCGI", "A web stack.", 302),
    ("debian-12-turnkey-wordpress_18.2-1_amd64.tar.gz", "TurnKey WordPress", "Blogs and sites.", 333),
)  # fmt: skip
DOWNLOAD_SECONDS = 3.0


def _entry(file: str, headline: str, description: str, size: int) -> dict[str, Any]:
    package, version, _ = file.split("_", 2)
    turnkey, own = "turnkey" in package, "standard" in package or "base" in package
    return {
        "architecture": "amd64", "description": description or headline, "headline": headline,
        "os": "-".join(package.split("-")[:2]) if "-base" not in package else package.split("-")[0],
        "package": package, "infopage": TURNKEY_PAGE if turnkey else PAGE if own else LXC_PAGE,
        "location": f"{TURNKEY}/{file}" if turnkey else f"{SYSTEM}/system/{file}",
        "maintainer": "TurnKey GNU/Linux Developers <admin@turnkeylinux.org>" if turnkey else PROXMOX,
        "section": "turnkeylinux" if turnkey else "system", "source": TURNKEY if turnkey else SYSTEM,
        "template": file, "type": "lxc", "version": version,
        "md5sum": hashlib.md5(file.encode(), usedforsecurity=False).hexdigest(),
        "sha512sum": hashlib.sha512(file.encode()).hexdigest(), "size": size * MEGABYTE,
    }  # fmt: skip


TEMPLATES = {entry["template"]: entry for entry in (_entry(*row) for row in INDEX)}


class Templates(Base):
    def _routes_a_templates(self) -> list[Any]:
        return [
            ("GET", "/nodes/{node}/aplinfo", self._template_index),
            ("POST", "/nodes/{node}/aplinfo", self._template_download),
        ]

    async def _template_index(self, v: Values, user: str) -> list[dict[str, Any]]:
        return [{key: value for key, value in entry.items() if key != "size"} for entry in TEMPLATES.values()]

    async def _template_download(self, v: Values, user: str) -> str:
        storage, file, node = v["storage"], v["template"], v["node"]
        self.require(user, f"/storage/{storage}", "Datastore.AllocateTemplate")
        entry = TEMPLATES.get(file)
        if entry is None:
            raise refuse(template="no such template")
        self._vztmpl_storage(storage)

        async def body() -> None:
            await self._download(node, storage, file, entry["location"], entry["size"])

        return str(await self.task(node, "download", file, user, body))

    def _vztmpl_storage(self, storage: str) -> None:
        store = self._store(storage)
        if "vztmpl" not in store["content"].split(",") or not TYPES[store["type"]]["files"]:
            raise PveError(500, f"storage '{storage}' does not support templates")

    async def _download(self, node: str, storage: str, file: str, url: str, size: int) -> None:
        path = template_path(f"{storage}:vztmpl/{file}")
        log(f"downloading {url} to {path}")
        if self.volume_exists(f"{storage}:vztmpl/{file}"):
            log("calculating checksum of existing file...OK, got correct file already, no need to download")
            return
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        host = url.split("/")[2]
        log(f"--{stamp}--  {url}", f"Resolving {host} ({host})... 51.91.38.34",
            f"Connecting to {host} ({host})|51.91.38.34|:80... connected.",
            "HTTP request sent, awaiting response... 200 OK",
            f"Length: {size} ({size >> 20}M) [application/octet-stream]",
            f"Saving to: '{path}.tmp_dwnl.6100'")  # fmt: skip
        for share in (25, 50, 75):
            await self.pause(DOWNLOAD_SECONDS / 4)
            log(f"{size * share // 100 // 1024:>7}K ........ ........ ........ ........ {share}% 41.9M 2s")
            self.need_storage(storage, node)
            if self.storage_full(storage, node):
                raise TaskError(f"download failed: {path}.tmp_dwnl.6100: No space left on device")
        await self.pause(DOWNLOAD_SECONDS / 4)
        log(f"{stamp} (41.9 MB/s) - '{path}.tmp_dwnl.6100' saved [{size}/{size}]",
            "calculating checksum...OK, checksum verified",
            f"download of '{url}' to '{path}' finished")  # fmt: skip
        self.put_template(storage, file, size)

    def put_template(self, storage: str, file: str, size: int) -> None:
        """On the node that the running call is about, or for all where the storage is shared."""
        form = {"gz": "tgz", "xz": "txz", "zst": "tzst"}.get(file.rsplit(".", 1)[-1], "tar")
        volume = {"content": "vztmpl", "format": form, "size": size, "ctime": int(time.time())}
        self.storages[storage]["volumes"][f"vztmpl/{file}"] = volume
