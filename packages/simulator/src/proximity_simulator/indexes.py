"""What lies below a path: the indexes that a real node gives."""

import re
from typing import Any

from aiohttp import web

from .base import Base, Values, answer

GUEST = "/nodes/{node}/lxc/{vmid}"
TOP = ("access", "cluster", "nodes", "pools", "storage", "version")
NODE = (
    "aplinfo apt capabilities ceph certificates config disks dns firewall hardware hosts journal lxc migrateall "
    "netstat network qemu query-oci-repo-tags query-url-metadata replication report rrd rrddata scan sdn services "
    "spiceshell startall status stopall storage subscription suspendall syslog tasks termproxy time version "
    "vncshell vzdump wakeonlan"
)
BELOW_GUEST = (
    "clone config firewall interfaces migrate pending resize rrd rrddata snapshot spiceproxy status termproxy "
    "vncproxy vncwebsocket"
)
BELOW_STATUS = ("current", "migrate", "reboot", "shutdown", "start", "stop")


class Indexes(Base):
    def _build_app(self) -> web.Application:
        """Slashes too many in a path mean nothing."""
        app: web.Application = super()._build_app()
        resolve = app.router.resolve

        async def tidied(request: web.Request) -> Any:
            path = request.rel_url.raw_path
            tidy = re.sub("/+", "/", path).rstrip("/")
            if tidy != path:
                request._rel_url = request.rel_url.with_path(tidy, encoded=True, keep_query=True)
                request._cache.clear()
            return await resolve(request)

        app.router.resolve = tidied  # type: ignore[method-assign]
        for prefix in ("/api2/json", "/api2/extjs"):
            app.router.add_get(prefix, self._top)
        return app

    async def _top(self, request: web.Request) -> web.Response:
        return answer([{"subdir": name} for name in TOP])

    def _routes_a_indexes(self) -> list[Any]:
        return [
            ("GET", "/nodes/{node}", self._node_index),
            ("GET", GUEST, self._guest_index),
            ("GET", f"{GUEST}/status", self._status_index),
        ]

    async def _node_index(self, v: Values, user: str) -> list[dict[str, str]]:
        return [{"name": name} for name in NODE.split()]

    async def _guest_index(self, v: Values, user: str) -> list[dict[str, str]]:
        """Open to every token: what it may not see it can still tell from what is gone."""
        self._find_ct(v["node"], v["vmid"])
        return [{"subdir": name} for name in BELOW_GUEST.split()]

    async def _status_index(self, v: Values, user: str) -> list[dict[str, str]]:
        return [{"subdir": name} for name in BELOW_STATUS]
