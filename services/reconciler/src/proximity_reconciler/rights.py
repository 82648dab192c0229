"""What the token may see, and whether it once could see more: a list without a guest proves nothing then. Pure."""

from collections.abc import Mapping

_SEEING = ("VM.Audit", "Pool.Audit")

Permissions = Mapping[str, Mapping[str, int]]


class Rights:
    """`asked`: they are known. `sees_all`: Sys.Audit on `/`, which quorum and the cluster's tasks need.

    `blind`: no guest can be seen, although some could before or the token has no right at all.
    """

    def __init__(self) -> None:
        self.asked = False
        self.sees_all = False
        self.blind = False
        self._now: Permissions = {}
        self._ever: frozenset[tuple[str, str]] = frozenset()

    def take(self, permissions: Permissions) -> None:
        self.asked = True
        self.sees_all = "Sys.Audit" in permissions.get("/", {})
        sees_guests = any("VM.Audit" in rights for rights in permissions.values())
        self.blind = not sees_guests and (not permissions or any(right == "VM.Audit" for _, right in self._ever))
        self._now = permissions
        self._ever |= frozenset(
            (path, right)
            for path, rights in permissions.items()
            # a guest's own entries vanish with it
            if not path.startswith("/vms/")
            for right in _SEEING
            if right in rights
        )

    @property
    def lost(self) -> bool:
        return self.blind or not all(self._has(path, right) for path, right in self._ever)

    def _has(self, path: str, right: str) -> bool:
        """A path that is not listed has what the nearest one above it passes on."""
        if path in self._now:
            return right in self._now[path]
        while path != "/":
            path = path.rpartition("/")[0] or "/"
            if path in self._now:
                return bool(self._now[path].get(right))
        return False
