"""Images from registries: pulled as archives, and containers made of them."""

import asyncio
import re
import shlex
import time
from typing import Any

from fakepve.lxc import normalise, split_props
from fakepve.model import PveError, TaskError

from . import registry, worker_logs
from .base import Base, Body, Values
from .calls import log, warn
from .guests import CREATE_SECONDS, LAST_WRITTEN
from .network import cards
from .registry import MEBIBYTE

PULL_SECONDS = 4.0
FILE_CHARACTERS = re.compile(r"[^a-zA-Z0-9_.-]")
KNOWN_SYSTEMS = ("debian", "devuan", "ubuntu", "centos", "fedora", "opensuse", "archlinux", "alpine", "gentoo", "nixos")
FIRST_VERSION = (9, 1)
"""Of Proxmox VE that knows images."""
ENDING = ("/hello", "bash", "/bin/sh")
"""Entry points that end at once, where nobody is at the terminal."""
SHORT_LIFE_SECONDS = 1.0


def _why_not(reference: str) -> str:
    name, _, tag = reference.rpartition(":")
    return f"reading manifest {tag} in {name}: manifest unknown"


class Images(Base):
    def _routes_a_images(self) -> list[Any]:
        return [
            ("POST", "/nodes/{node}/storage/{storage}/oci-registry-pull", self._pull_image),
            ("GET", "/nodes/{node}/query-oci-repo-tags", self._image_tags),
        ]

    async def _image_tags(self, v: Values, user: str) -> list[str]:
        name = registry.repository(v["reference"])
        image = registry.IMAGES.get(name)
        if image is None:
            raise PveError(500, f"command 'skopeo list-tags docker://{name}' failed: exit code 1")
        return list(image.tags)

    async def _pull_image(self, v: Values, user: str) -> str:
        storage, reference, node = v["storage"], v["reference"], v["node"]
        if self.version_of(node) < FIRST_VERSION:
            raise PveError(501, "not implemented")
        if self.faults.holds("no_skopeo", node=node):
            raise PveError(500, "Install 'skopeo' to pull OCI images from registries.")
        store = self._check_enabled(storage, node)
        if "path" not in store:
            raise PveError(500, f"can't upload to storage type '{store['type']}', not a file based storage!")
        if "vztmpl" not in store["content"].split(","):
            raise PveError(500, f"storage '{storage}' is not configured for content-type 'vztmpl'")
        file = FILE_CHARACTERS.sub("_", re.split(r"[/\\]", v.get("filename") or reference)[-1]) + ".tar"
        if self.volume_exists(f"{storage}:vztmpl/{file}"):
            raise PveError(500, f"refusing to override existing file '{file}'")

        async def body() -> None:
            await self._pull(node, storage, file, reference)

        return str(await self.task(node, "ociregistrypull", file, user, body))

    async def _pull(self, node: str, storage: str, file: str, reference: str) -> None:
        image, path = registry.find(reference), self._volume_path(storage, f"vztmpl/{file}", "vztmpl")
        log("Getting image source signatures")
        if image is None or self.storage_full(storage, node):
            log("writing blob: no space left on device" if image else _why_not(reference))
            target = f"oci-archive:{path}.tmp.{next(self._pids)}"
            raise TaskError(f"command 'skopeo copy docker://{reference} {target}' failed: exit code 1")
        log(f"Copying blob sha256:{self.random.randbytes(32).hex()}")
        await self.pause(PULL_SECONDS)
        log(f"Copying config sha256:{self.random.randbytes(32).hex()}", "Writing manifest to image destination")
        volume = {"content": "vztmpl", "format": "tar", "size": image.size * MEBIBYTE, "ctime": int(time.time())}
        self.storages[storage]["volumes"][f"vztmpl/{file}"] = volume | {"image": image.saved()}

    # ----------------------------------------------------------------- create

    async def _create_steps(self, container: Any, values: Values, body: Body) -> str | None:
        storage, _, name = values["ostemplate"].partition(":")
        image = (self._find_volume(storage, name) or {}).get("image")
        if image is None:
            note: str | None = await super()._create_steps(container, values, body)
            return note
        failed = f"unable to create CT {container.vmid} -"
        await self.pause(CREATE_SECONDS / 6)
        self.log_new_disks(container, values)
        log("Detected OCI archive", *(f"creating base directory for volume at {path}" for path in image["volumes"]))
        if self.storage_full(str(values.get("rootfs", "local")).partition(":")[0], container.node):
            log(*worker_logs.NO_SPACE)
            raise TaskError(f"{failed} failed to extract OCI image: No space left on device")
        if values.get("ostype") != "unmanaged" and image["system"] not in (*KNOWN_SYSTEMS, ""):
            raise TaskError(f"{failed} unable to detect OS distribution")
        await self.pause(CREATE_SECONDS * 4 / 6)
        note = await body()
        self._take_from_image(container, image, values)
        held = {key: container.config.pop(key) for key in LAST_WRITTEN if key not in values}
        self._note_in_journal("create", container)
        self.changed()
        managed = container.config["ostype"] != "unmanaged"
        log("Detected container architecture: amd64" if managed else "Falling back to amd64.")
        await self.meet_fault()
        await self.pause(CREATE_SECONDS / 6)
        container.config.update(held)
        return note

    @staticmethod
    def _take_from_image(container: Any, image: dict[str, Any], values: Values) -> None:
        """The image's entry point and environment replace what the request said."""
        config = container.config
        command = [*image["entrypoint"], *image["cmd"]]
        if command and command[0] != "/sbin/init":
            config |= {"entrypoint": shlex.join(command), "cmode": "console"}
            for key in sorted(key for key in config if re.fullmatch(r"net\d+", key)):
                if "host-managed" not in split_props(config[key])[1]:
                    config[key] = normalise(key, f"{config[key]},host-managed=1")
                    log(f"Auto-Enabling host-managed network for network device {key}.")
        if image["env"]:
            config["env"] = "\0".join(image["env"])
        config["ostype"] = values.get("ostype") or image["system"] or "unmanaged"
        container.image = image
        raw = []
        if image["user"]:
            raw += [["lxc.init.uid", image["user"]], ["lxc.init.gid", image["user"]]]
        if image["folder"]:
            raw.append(["lxc.init.cwd", image["folder"]])
        config["lxc"] = [*raw, ["lxc.signal.halt", image["stop_signal"] or "SIGTERM"]]

    # ------------------------------------------------------------------ start

    async def _start_steps(self, ct: Any, user: str, skiplock: bool = False) -> None:
        await super()._start_steps(ct, user, skiplock)
        if self.faults.holds("no_dhcp", node=ct.node):
            for key, card in cards(ct).items():
                if card.get("ip") == "dhcp" and card.get("host-managed") == "1":
                    warn(f"DHCP failed - command 'dhclient' for {key} failed: exit code 2")
        if ct.config.get("entrypoint") in ENDING:
            self.jobs[f"end of {ct.vmid}"] = asyncio.create_task(self._end_soon(ct, ct.pid))

    async def _end_soon(self, container: Any, pid: int) -> None:
        """The container stops with its first process: no task, and nobody starts it again."""
        try:
            await self.pause(SHORT_LIFE_SECONDS)
        finally:
            self.jobs.pop(f"end of {container.vmid}", None)
        if container.pid == pid:
            container.status, container.pid = "stopped", None
            self.changed()
