"""The template index of the nodes, and downloads from it."""

import hashlib
import time
from typing import Any

from fakepve.model import PveError, TaskError
from fakepve.storage import TYPES

from .base import Base, Values, refuse
from .calls import log
from .worker_logs import template_path

SYSTEM = "http://download.proxmox.com/images/system"
TURNKEY = "https://releases.turnkeylinux.org/pve"
MEGABYTE = 1_000_000
# file, headline, size in MB
INDEX = (
    ("almalinux-10-default_20250930_amd64.tar.xz", "LXC default image for almalinux 10 (20250930)", 98),
    ("alpine-3.22-default_20250617_amd64.tar.xz", "LXC default image for alpine 3.22 (20250617)", 3),
    ("alpine-3.24-default_20260714_amd64.tar.xz", "LXC default image for alpine 3.24 (20260714)", 3),
    ("archlinux-base_20240911-1_amd64.tar.zst", "ArchLinux base image.", 150),
    ("debian-12-standard_12.12-1_amd64.tar.zst", "Debian 12 Bookworm (standard)", 126),
    ("debian-13-standard_13.6-1_amd64.tar.zst", "Debian 13 Trixie (standard)", 129),
    ("fedora-42-default_20250428_amd64.tar.xz", "LXC default image for fedora 42 (20250428)", 104),
    ("ubuntu-22.04-standard_22.04-1_amd64.tar.zst", "Ubuntu 22.04 Jammy (standard)", 130),
    ("ubuntu-24.04-standard_24.04-2_amd64.tar.zst", "Ubuntu 24.04 Noble (standard)", 142),
    ("debian-12-turnkey-core_18.1-1_amd64.tar.gz", "TurnKey Core", 233),
    ("debian-12-turnkey-gitea_18.0-1_amd64.tar.gz", "TurnKey Gitea", 334),
    ("debian-12-turnkey-mediawiki_18.1-1_amd64.tar.gz", "TurnKey MediaWiki", 400),
    ("debian-12-turnkey-nextcloud_18.2-1_amd64.tar.gz", "TurnKey Nextcloud", 545),
    ("debian-12-turnkey-nginx-php-fastcgi_18.0-1_amd64.tar.gz", "TurnKey NGINX PHP FastCGI", 302),
    ("debian-12-turnkey-wordpress_18.2-1_amd64.tar.gz", "TurnKey WordPress", 333),
)
DOWNLOAD_SECONDS = 3.0


def _entry(file: str, headline: str, size: int) -> dict[str, Any]:
    package, version, _ = file.split("_", 2)
    os = "-".join(package.split("-")[:2])
    turnkey = "turnkey" in package
    source = TURNKEY if turnkey else SYSTEM
    entry = {
        "architecture": "amd64", "description": headline, "headline": headline, "os": os, "package": package,
        "infopage": "https://www.turnkeylinux.org" if turnkey else "https://linuxcontainers.org",
        "location": f"{source}/{file}", "maintainer": "", "section": "turnkeylinux" if turnkey else "system",
        "source": source, "template": file, "type": "lxc", "version": version,
        "md5sum": hashlib.md5(file.encode(), usedforsecurity=False).hexdigest(),
        "sha512sum": hashlib.sha512(file.encode()).hexdigest(),
    }  # fmt: skip
    return entry | {"size": size * MEGABYTE}


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
