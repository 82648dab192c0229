"""The calls about users and tokens."""

from typing import Any

from fakepve.model import PveError

from .base import Base, Values, refuse
from .rights import ROOT, Token, User

USER_FIELDS = ("comment", "email", "firstname", "lastname")
REALMS = {"pam": "Linux PAM standard authentication", "pve": "Proxmox VE authentication server"}
USER, TOKEN = "/access/users/{userid}", "/access/users/{userid}/token/{tokenid}"
KNOWING = ("User.Modify", "Sys.Audit")


class People(Base):
    def _routes_a_people(self) -> list[Any]:
        return [
            ("GET", "/access/domains", self._realms),
            ("GET", "/access/users", self._user_list),
            ("POST", "/access/users", self._user_create),
            ("GET", USER, self._user_read),
            ("PUT", USER, self._user_update),
            ("DELETE", USER, self._user_delete),
            ("GET", f"{USER}/token", self._token_list),
            ("GET", TOKEN, self._token_read),
            ("POST", TOKEN, self._token_create),
            ("PUT", TOKEN, self._token_update),
            ("DELETE", TOKEN, self._token_delete),
        ]

    async def _realms(self, v: Values, user: str) -> list[dict[str, str]]:
        return [{"realm": realm, "type": realm, "comment": comment} for realm, comment in REALMS.items()]

    def _person(self, user: str) -> User:
        person: User | None = self.access.people.get(user)
        if person is None:
            raise PveError(500, f"no such user ('{user}')")
        return person

    # ------------------------------------------------------------------ users

    async def _user_list(self, v: Values, user: str) -> list[dict[str, Any]]:
        """All for those who may know; else a user sees itself, and a token nobody."""
        knows = any(self.allowed(user, "/access/groups", privilege) for privilege in KNOWING)
        people = {name: person for name, person in self.access.people.items() if knows or name == user}
        if v.get("enabled") is not None:
            people = {name: person for name, person in people.items() if bool(person.enable) == bool(int(v["enabled"]))}
        return [self._listed_user(name, person, bool(int(v.get("full") or 0))) for name, person in people.items()]

    def _listed_user(self, name: str, person: User, full: bool) -> dict[str, Any]:
        entry = {"userid": name} | _shown(person)
        realm = name.rpartition("@")[2]
        if realm in REALMS:
            entry["realm-type"] = realm
        return entry | {"groups": "", "tokens": self._tokens_of(name) or None} if full else entry

    async def _user_create(self, v: Values, user: str) -> None:
        name = v["userid"]
        if name in self.access.people:
            raise PveError(500, f"create user failed: user '{name}' already exists")
        self.access.people[name] = User()
        self._set(self.access.people[name], v)
        if v.get("password"):
            self.users[name] = v["password"]

    async def _user_read(self, v: Values, user: str) -> dict[str, Any]:
        tokens = {token.pop("tokenid"): token for token in self._tokens_of(v["userid"])}
        return _shown(self._person(v["userid"])) | {"groups": [], "tokens": tokens or None}

    async def _user_update(self, v: Values, user: str) -> None:
        self._set(self._person(v["userid"]), v)

    @staticmethod
    def _set(person: User, v: Values) -> None:
        for name in USER_FIELDS:
            if v.get(name) is not None:
                setattr(person, name, v[name])
        for name in ("enable", "expire"):
            if v.get(name) is not None:
                setattr(person, name, int(v[name]))
        if person.comment is not None and person.email is None:
            person.email = ""  # as it is read back from the file

    async def _user_delete(self, v: Values, user: str) -> None:
        name = v["userid"]
        self._person(name)
        if name == ROOT:
            raise PveError(500, f"delete user failed: user '{ROOT}' cannot be deleted")
        for token in [token for token in self.access.tokens if token.startswith(f"{name}!")]:
            self.revoke_token(token)
            self.access.forget(who=token)
        self.access.forget(who=name)
        del self.access.people[name]
        self.users.pop(name, None)

    # ----------------------------------------------------------------- tokens

    def _tokens_of(self, user: str) -> list[dict[str, Any]]:
        tokens = ((name, token) for name, token in self.access.tokens.items() if name.startswith(f"{user}!"))
        return [{"tokenid": name.partition("!")[2]} | _shown_token(token) for name, token in tokens]

    def _token(self, v: Values) -> tuple[str, Token]:
        name = f"{v['userid']}!{v['tokenid']}"
        token = self.access.tokens.get(name)
        if token is None:
            raise PveError(500, f"no such token '{v['tokenid']}' for user '{v['userid']}'")
        return name, token

    async def _token_list(self, v: Values, user: str) -> list[dict[str, Any]]:
        self._person(v["userid"])
        return self._tokens_of(v["userid"])

    async def _token_read(self, v: Values, user: str) -> dict[str, Any]:
        return _shown_token(self._token(v)[1])

    async def _token_create(self, v: Values, user: str) -> dict[str, Any]:
        if v["userid"] not in self.access.people:
            raise PveError(403, "Permission check failed")
        name = f"{v['userid']}!{v['tokenid']}"
        if name in self.access.tokens:
            raise refuse(tokenid="Token already exists.")
        separate = v.get("privsep") is None or bool(int(v["privsep"]))
        secret = self.create_token(name, separate)
        token = self.access.tokens[name]
        token.comment, token.expire = v.get("comment"), int(v.get("expire") or 0)
        return {"full-tokenid": name, "value": secret, "info": self._info(token)}

    @staticmethod
    def _info(token: Token) -> dict[str, Any]:
        """Just after it was made its numbers are strings."""
        info: dict[str, Any] = {"privsep": str(token.privsep)}
        if token.comment is not None:
            info["comment"] = token.comment
        return info | {"expire": str(token.expire)} if token.expire else info

    async def _token_update(self, v: Values, user: str) -> dict[str, Any]:
        name, token = self._token(v)
        if v.get("comment") is not None:
            token.comment = v["comment"]
        for field in ("expire", "privsep"):
            if v.get(field) is not None:
                setattr(token, field, int(v[field]))
        if v.get("regenerate") and int(v["regenerate"]):
            secret = self.create_token(name, bool(token.privsep))
            self.access.tokens[name] = token
            return _shown_token(token) | {"full-tokenid": name, "value": secret}
        return _shown_token(token)

    async def _token_delete(self, v: Values, user: str) -> None:
        """Its entries in the lists stay, and are a new token's of that name."""
        self.revoke_token(self._token(v)[0])


def _shown(person: User) -> dict[str, Any]:
    shown: dict[str, Any] = {"enable": person.enable, "expire": person.expire}
    return shown | {name: value for name in USER_FIELDS if (value := getattr(person, name)) is not None}


def _shown_token(token: Token) -> dict[str, Any]:
    shown: dict[str, Any] = {"privsep": token.privsep, "expire": token.expire}
    return shown | {"comment": token.comment} if token.comment is not None else shown
