"""Who may do what: users, tokens, roles and access control lists, as they are stored and as they are computed."""

import hashlib
import secrets
import time
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any

from fakepve import shapes

from . import roles
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
ROOT = "root@pam"


@dataclass
class User:
    """`expire`: Unix time, 0 for never."""

    enable: int = 1
    expire: int = 0
    comment: str | None = None
    email: str | None = None
    firstname: str | None = None
    lastname: str | None = None


@dataclass
class Token:
    privsep: int = 1
    expire: int = 0
    comment: str | None = None


@dataclass
class Access:
    """`given`: user or token -> path -> role -> whether it propagates."""

    people: dict[str, User] = field(default_factory=lambda: {ROOT: User()})
    tokens: dict[str, Token] = field(default_factory=dict)
    roles: dict[str, frozenset[str]] = field(default_factory=roles.built_in)
    given: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)

    def give(self, who: str, path: str, role: str, propagate: bool = True) -> None:
        path = "/" + "/".join(step for step in path.split("/") if step)
        self.given.setdefault(who, {}).setdefault(path, {})[role] = int(propagate)

    def take(self, who: str, path: str, role: str) -> None:
        self.given.get(who, {}).get(path, {}).pop(role, None)

    def entries(self) -> list[tuple[str, str, str, int]]:
        """(path, role, user or token, propagates)"""
        return [
            (path, role, who, propagate)
            for who, paths in self.given.items()
            for path, held in paths.items()
            for role, propagate in held.items()
        ]

    def forget(self, *, who: str | None = None, path: str | None = None, role: str | None = None) -> None:
        """The entries of somebody who, an object or a role that is gone."""
        for entry_path, entry_role, entry_who, _ in self.entries():
            if who == entry_who or path == entry_path or role == entry_role:
                self.take(entry_who, entry_path, entry_role)

    def role_of(self, privileges: Any) -> str:
        """A role of just these privileges."""
        wanted = frozenset(privileges)
        for role, held in self.roles.items():
            if held == wanted:
                return role
        role = f"Custom{hashlib.sha256(','.join(sorted(wanted)).encode()).hexdigest()[:8]}"
        self.roles[role] = wanted
        return role

    def dump(self) -> dict[str, Any]:
        special = roles.built_in()
        return {
            "people": {user: asdict(person) for user, person in self.people.items()},
            "tokens": {name: asdict(token) for name, token in self.tokens.items()},
            "roles": {role: sorted(held) for role, held in self.roles.items() if role not in special},
            "given": self.given,
        }

    @classmethod
    def restore(cls, saved: dict[str, Any]) -> "Access":
        people = {user: User(**person) for user, person in saved["people"].items()}
        tokens = {name: Token(**token) for name, token in saved["tokens"].items()}
        custom = {role: frozenset(held) for role, held in saved["roles"].items()}
        return cls(people, tokens, roles.built_in() | custom, saved["given"])


class Rights(Base):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.password = secrets.token_urlsafe(24)  # nobody logs in as root with a password
        self.access = Access()
        self.acl: dict[str, Any] = {}  # not None: fakepve then asks allowed()

    # ------------------------------------------------------- users and tokens

    def add_user(self, user: str, password: str | None = None) -> None:
        self.access.people.setdefault(user, User())
        if password is not None:
            self.users[user] = password

    def create_token(self, token_id: str, privsep: bool = True, secret: str | None = None) -> str:
        """Returns the secret."""
        self.add_user(token_id.partition("!")[0])
        self.access.tokens[token_id] = Token(privsep=int(privsep))
        self.apitokens[token_id] = secret or str(uuid.uuid4())
        return str(self.apitokens[token_id])

    def add_token(self, token_id: str, acl: list[dict[str, Any]], secret: str | None = None) -> str:
        """`acl`: [{path, privileges, propagate}], given to the token and to its user. Returns the secret."""
        self.revoke_token(token_id)
        self.access.forget(who=token_id)
        secret = self.create_token(token_id, secret=secret)
        for entry in acl:
            role = self.access.role_of(entry["privileges"])
            for who in (token_id, token_id.partition("!")[0]):
                self.access.give(who, entry["path"], role, bool(entry.get("propagate", True)))
        return secret

    def revoke_token(self, token_id: str) -> bool:
        """Its requests are refused from now on; what was taken up already goes on."""
        self.access.tokens.pop(token_id, None)
        return self.apitokens.pop(token_id, None) is not None

    def valid(self, who: str) -> bool:
        """Whether a user, or a token and its user, is there, enabled and not expired."""
        person, token = self.access.people.get(who.partition("!")[0]), self.access.tokens.get(who)
        if person is None or not person.enable or ("!" in who and token is None):
            return False
        ends = [expire for expire in (person.expire, token.expire if token else 0) if expire]
        return all(expire > time.time() for expire in ends)

    def grant(self, user: str, path: str, *privs: str) -> None:
        self.access.give(user, path, self.access.role_of(privs))

    # ----------------------------------------------------------------- checks

    def privileges(self, who: str, path: str) -> dict[str, int]:
        """privilege -> whether it propagates, of this user or of a token and its user together."""
        user = who.partition("!")[0]
        token = self.access.tokens.get(who)
        if token is not None and token.privsep and user != ROOT:
            own, users = self._held(who, path), self._held(user, path)
            return {name: min(own[name], users[name]) for name in own.keys() & users.keys()}
        return dict.fromkeys(shapes.PRIVILEGES, 1) if user == ROOT else self._held(user, path)

    def _held(self, who: str, path: str) -> dict[str, int]:
        """A deeper entry replaces the inherited one; rights through a pool are added and do not propagate."""
        given = self.access.given.get(who, {})
        held: dict[str, int] = {}
        refused = False
        steps = [step for step in path.split("/") if step]
        for depth in range(len(steps) + 1):
            here = given.get("/" + "/".join(steps[:depth]), {})
            valid = {role: spread for role, spread in here.items() if spread or depth == len(steps)}
            if valid:
                refused = "NoAccess" in valid
                held = {}
                for role, spread in valid.items():
                    held |= {name: max(spread, held.get(name, 0)) for name in self.access.roles.get(role, ())}
        for pool in self._pools_of(path):
            held = dict.fromkeys(self._held(who, f"/pool/{pool}"), 0) | held
        return {} if refused else held

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
        paths = {*ALWAYS_LISTED, *(path for path, *_ in self.access.entries())}
        paths |= {f"/vms/{vmid}" for members in self.pools.values() for vmid in members}
        held = {path: self.privileges(who, path) for path in sorted(paths)}
        return {path: privileges for path, privileges in held.items() if privileges}
