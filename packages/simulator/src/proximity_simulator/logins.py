"""Tickets: logging in, and renewing one by giving the old one as the password."""

import time
from typing import Any

from aiohttp import web
from fakepve.model import PveError

from . import parameters, roles
from .base import Base, answer

CAPABILITY_PATHS = {"vms": "/vms", "storage": "/storage", "nodes": "/nodes", "sdn": "/sdn", "mapping": "/mapping",
                    "access": "/access", "dc": "/"}  # fmt: skip


class Logins(Base):
    async def _ticket(self, request: web.Request) -> web.Response:
        values = self._verify(request, await parameters.params(request))
        user, password = str(values["username"]), str(values["password"])
        if "@" not in user:
            user += f"@{values.get('realm', 'pam')}"
        if not (self.valid(user) and (self.check_password(user, password) or self._renews(user, password))):
            raise PveError(401, "authentication failure")
        ticket, token = self.issue_ticket(user)
        data = {"ticket": ticket, "CSRFPreventionToken": token, "username": user, "cap": self._capabilities(user)}
        return answer(data | {"clustername": self.cluster_name} if self.cluster_name else data)

    def _renews(self, user: str, ticket: str) -> bool:
        session = self.tickets.get(ticket)
        return session is not None and session["user"] == user and session["expires"] > time.time()

    def _capabilities(self, user: str) -> dict[str, dict[str, int]]:
        """What the web interface shows and hides by."""
        found: dict[str, Any] = {}
        for kind, path in CAPABILITY_PATHS.items():
            wanted = " ".join(roles.GROUPS[roles.CAPABILITIES[kind]]).split()
            found[kind] = dict.fromkeys(sorted(set(self.privileges(user, path)) & set(wanted)), 1)
        return found
