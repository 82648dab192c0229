"""The calls about roles and access control lists."""

import re
from typing import Any

from fakepve import shapes
from fakepve.model import PveError

from . import roles
from .base import Base, Values, refuse

ROLE = "/access/roles/{roleid}"
OBJECT = re.compile(
    r"/|/access(/groups(/[\w.-]+)?|/realm(/[\w.-]+)?)?|/nodes(/[\w.-]+)?|/storage(/[\w.-]+)?|/vms(/[1-9]\d{2,8})?"
    r"|/pool(/[\w.-]+){0,3}|/sdn(/(zones(/[\w.-]+){0,3}|vnets(/[\w.-]+)?|controllers(/[\w.-]+)?|ipams(/[\w.-]+)?"
    r"|dns(/[\w.-]+)?|fabrics(/[\w.-]+)?))?|/mapping(/(dir|pci|usb)(/[\w.-]+)?)?"
)
SEPARATOR = re.compile(r"[,;\s]+")


class AccessLists(Base):
    def _routes_a_lists(self) -> list[Any]:
        return [
            ("GET", "/access/roles", self._role_list),
            ("POST", "/access/roles", self._role_create),
            ("GET", ROLE, self._role_read),
            ("PUT", ROLE, self._role_update),
            ("DELETE", ROLE, self._role_delete),
            ("GET", "/access/acl", self._acl_list),
            ("PUT", "/access/acl", self._acl_update),
        ]

    # ------------------------------------------------------------------ roles

    @staticmethod
    def _privileges_in(text: str | None) -> frozenset[str]:
        wanted = frozenset(filter(None, SEPARATOR.split(text or "")))
        for privilege in sorted(wanted - set(shapes.PRIVILEGES)):
            raise refuse(privs=f"invalid format - invalid privilege '{privilege}'\n")
        return wanted

    def _role(self, role: str, doing: str = "") -> frozenset[str]:
        held: frozenset[str] | None = self.access.roles.get(role)
        if held is None:
            raise PveError(500, f"{doing}role '{role}' does not exist")
        return held

    async def _role_list(self, v: Values, user: str) -> list[dict[str, Any]]:
        special = roles.built_in()
        return [
            {"roleid": role, "privs": ",".join(sorted(held)), **({"special": 1} if role in special else {})}
            for role, held in sorted(self.access.roles.items())
        ]

    async def _role_create(self, v: Values, user: str) -> None:
        privileges = self._privileges_in(v.get("privs"))
        if v["roleid"] in self.access.roles:
            raise PveError(500, f"create role failed: role '{v['roleid']}' already exists")
        self.access.roles[v["roleid"]] = privileges

    async def _role_read(self, v: Values, user: str) -> dict[str, int]:
        return dict.fromkeys(sorted(self._role(v["roleid"])), 1)

    async def _role_update(self, v: Values, user: str) -> None:
        if v["roleid"] in roles.built_in():
            raise PveError(500, f"auto-generated role '{v['roleid']}' cannot be modified")
        held = self._role(v["roleid"])
        added = self._privileges_in(v.get("privs"))
        self.access.roles[v["roleid"]] = held | added if v.get("append") and int(v["append"]) else added

    async def _role_delete(self, v: Values, user: str) -> None:
        """Its entries in the lists vanish with it."""
        if v["roleid"] in roles.built_in():
            raise PveError(500, f"auto-generated role '{v['roleid']}' cannot be deleted")
        self._role(v["roleid"], "delete role failed: ")
        del self.access.roles[v["roleid"]]
        self.access.forget(role=v["roleid"])

    # ------------------------------------------------------------------ lists

    async def _acl_list(self, v: Values, user: str) -> list[dict[str, Any]]:
        """Those of objects whose rights one may change; all for who audits access."""
        audits = self.allowed(user, "/access", "Sys.Audit")
        return [
            {"path": path, "roleid": role, "ugid": who, "type": "token" if "!" in who else "user", "propagate": spread}
            for path, role, who, spread in self.access.entries()
            if audits or self.allowed(user, path, "Permissions.Modify")
        ]

    async def _acl_update(self, v: Values, user: str) -> None:
        path = v["path"]
        if not OBJECT.fullmatch(path.rstrip("/") or "/"):
            raise refuse(path=f"invalid ACL path '{path}'")
        who = [*SEPARATOR.split(v.get("users") or ""), *SEPARATOR.split(v.get("tokens") or "")]
        failed = "ACL update failed: "
        for role in filter(None, SEPARATOR.split(v["roles"])):
            self._role(role, failed)
            for name in filter(None, who):
                self._known(name, failed)
                if v.get("delete") and int(v["delete"]):
                    self.access.take(name, path.rstrip("/") or "/", role)
                else:
                    self.access.give(name, path, role, bool(int(v.get("propagate", 1))))

    def _known(self, name: str, failed: str) -> None:
        user, _, token = name.partition("!")
        if user not in self.access.people:
            raise PveError(500, f"{failed}user '{user}' does not exist")
        if token and name not in self.access.tokens:
            raise PveError(500, f"{failed}no such token '{token}' for user '{user}'")
