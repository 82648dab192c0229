"""Users, tokens and access control: a token holds what both it and its user hold."""

import secrets
from dataclasses import dataclass
from typing import Any

from fakepve import shapes

from .base import Base, Values

GUEST = ("VM.Allocate", "VM.Audit", "VM.Backup", "VM.Clone", "VM.Console", "VM.Migrate", "VM.PowerMgmt", "VM.Snapshot",
         "VM.Config.CPU", "VM.Config.Disk", "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options",
         "Pool.Audit")  # fmt: skip
STORE = ("Datastore.AllocateSpace", "Datastore.AllocateTemplate", "Datastore.Audit")
NODE = ("Sys.Audit", "Sys.AccessNetwork")
NETWORK = ("SDN.Use",)
ALL = GUEST + STORE + NODE + NETWORK
"""Everything that managing containers needs, and nothing more."""
ALWAYS_LISTED = ("/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms")


@dataclass(frozen=True)
class Grant:
    path: str
    privileges: frozenset[str]
    propagate: bool = True


class Rights(Base):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.password = secrets.token_urlsafe(24)  # nobody logs in with a password
        self.grants: dict[str, dict[str, Grant]] = {}
        self.acl: dict[str, Any] = {}  # not None: fakepve then asks allowed()

    # ----------------------------------------------------------------- tokens

    def add_token(self, token_id: str, acl: list[dict[str, Any]], secret: str | None = None) -> str:
        """`acl`: [{path, privileges, propagate}], given to the token and to its user. Returns the secret."""
        self.revoke_token(token_id)
        self.apitokens[token_id] = secret or secrets.token_hex(16)
        for entry in acl:
            grant = Grant(entry["path"], frozenset(entry["privileges"]), bool(entry.get("propagate", True)))
            user = token_id.partition("!")[0]
            self.grants.setdefault(token_id, {})[grant.path] = grant
            held = self.grants.setdefault(user, {}).get(grant.path)
            both = grant.privileges | (held.privileges if held else frozenset())
            self.grants[user][grant.path] = Grant(grant.path, both, grant.propagate)
        return str(self.apitokens[token_id])

    def revoke_token(self, token_id: str) -> bool:
        """Its requests are refused from now on; what was taken up already goes on."""
        self.grants.pop(token_id, None)
        return self.apitokens.pop(token_id, None) is not None

    def grant(self, user: str, path: str, *privs: str) -> None:
        self.grants.setdefault(user, {})[path] = Grant(path, frozenset(privs))

    # ----------------------------------------------------------------- checks

    def privileges(self, who: str, path: str) -> dict[str, int]:
        """privilege -> whether it propagates, of this user or of a token and its user together."""
        if who.partition("!")[0] == "root@pam":
            return dict.fromkeys(shapes.PRIVILEGES, 1)
        own = self._held(who, path)
        if "!" not in who:
            return own
        users = self._held(who.partition("!")[0], path)
        return {name: min(own[name], users[name]) for name in own.keys() & users.keys()}

    def _held(self, who: str, path: str) -> dict[str, int]:
        """A deeper entry replaces the inherited one; rights through a pool are added and do not propagate."""
        grants = self.grants.get(who, {})
        held: dict[str, int] = {}
        steps = [step for step in path.split("/") if step]
        for depth in range(len(steps) + 1):
            grant = grants.get("/" + "/".join(steps[:depth]))
            if grant is not None and (grant.propagate or depth == len(steps)):
                held = dict.fromkeys(grant.privileges, int(grant.propagate))
        for pool in self._pools_of(path):
            held = dict.fromkeys(self._held(who, f"/pool/{pool}"), 0) | held
        return {} if "NoAccess" in held else held

    def _pools_of(self, path: str) -> list[str]:
        kind, _, name = path.strip("/").partition("/")
        if kind == "vms" and name.isdecimal():
            return [pool for pool, members in self.pools.items() if int(name) in members]
        if kind == "storage":
            return [pool for pool, info in self.pool_info.items() if name in info["storage"]]
        return []

    def _pool_of(self, vmid: int) -> str | None:
        return next((pool for pool, members in self.pools.items() if vmid in members), None)

    def allowed(self, user: str, path: str, priv: str) -> bool:
        return priv in self.privileges(user, path)

    # ----------------------------------------------------------------- routes

    def _routes_a_access(self) -> list[Any]:
        return [("GET", "/access/permissions", self._permissions)]

    async def _permissions(self, v: Values, user: str) -> dict[str, dict[str, int]]:
        """The values say whether a right propagates; a 0 means that the right is there."""
        if v.get("userid") not in (None, user):
            self.require(user, "/access", "Sys.Audit")
        who = v.get("userid") or user
        if v.get("path") is not None:
            return {v["path"]: self.privileges(who, v["path"])}
        paths = {*ALWAYS_LISTED, *(path for grants in self.grants.values() for path in grants)}
        paths |= {f"/vms/{vmid}" for members in self.pools.values() for vmid in members}
        held = {path: self.privileges(who, path) for path in sorted(paths)}
        return {path: privileges for path, privileges in held.items() if privileges}
