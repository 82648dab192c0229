"""Downloads by URL. Nothing is fetched; but an address on this machine's loopback that refuses is an error."""

import asyncio
import ipaddress
import re
import time
import urllib.parse

from aiohttp import web
from fakepve.model import PveError, TaskError
from fakepve.server import USER

from . import parameters
from .base import Base, answer, refuse
from .calls import log
from .worker_logs import template_path

EXTENSIONS = {"vztmpl": r".*\.tar\.(gz|xz|zst|bz2)", "iso": r".*\.(iso|img)", "import": r".*\.(ova|qcow2|raw|vmdk)"}
PRETENDED = 100_000_000
"""Bytes of a file that nobody has seen."""


class Downloads(Base):
    async def _download_url(self, request: web.Request) -> web.Response:
        user, node = request[USER], request.match_info["node"]
        storage = request.match_info["storage"]
        self.require(user, f"/storage/{storage}", "Datastore.AllocateTemplate")
        network = self.allowed(user, f"/nodes/{node}", "Sys.AccessNetwork")
        if not network and not all(self.allowed(user, "/", privilege) for privilege in ("Sys.Audit", "Sys.Modify")):
            raise PveError(403, "Permission check failed")
        values = self._verify(request, await parameters.params(request))
        content, file, url = values["content"], values["filename"], values["url"]
        store = self._store(storage)
        if "path" not in store:
            raise PveError(500, f"can't upload to storage type '{store['type']}', not a file based storage!")
        if content not in store["content"].split(","):
            raise PveError(500, f"storage '{storage}' is not configured for content-type '{content}'")
        if not re.fullmatch(EXTENSIONS[content], file):
            raise refuse(filename="wrong file extension")

        async def body() -> None:
            if content == "vztmpl":
                await self._reach(url, template_path(f"{storage}:vztmpl/{file}"))
                await self._download(node, storage, file, url, PRETENDED)
            else:
                await self._reach(url, f"{store['path']}/template/{content}/{file}")
                await self.pause(3)
                self.store_file(storage, file, PRETENDED, content)

        return answer(await self.task(node, "download", file, user, body))

    @staticmethod
    async def _reach(url: str, path: str) -> None:
        """TaskError: nothing listens there."""
        split = urllib.parse.urlsplit(url)
        host, port = split.hostname or "", split.port or (443 if split.scheme == "https" else 80)
        if not _loopback(host):
            return
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 5)
        except OSError as error:
            log(f"downloading {url} to {path}", f"--{time.strftime('%Y-%m-%d %H:%M:%S')}--  {url}")
            reason = "Connection timed out" if isinstance(error, TimeoutError) else "Connection refused"
            raise TaskError(f"download failed: Connecting to {host}:{port}... failed: {reason}.") from error
        writer.close()


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
