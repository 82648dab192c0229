"""What the token may see and do, and whether it once could more: a list without a guest proves nothing then. Pure."""

from collections.abc import Iterator, Mapping

from proximity.domain.cluster.rights import FEATURES

# Where it matters that a right is lost. Those on storages are asked for where they are needed, and the entries of a
# guest and of a storage vanish with them.
_WHERE = {"VM": ("", "vms", "pool"), "Pool": ("", "pool"), "Sys": ("", "nodes")}
_USED = {privilege for needs in FEATURES.values() for need in needs for privilege in need.privileges} | {"Pool.Audit"}

Permissions = Mapping[str, Mapping[str, int]]


class Rights:
    """`asked`: they are known. `sees_all`: Sys.Audit on `/`, which quorum and the cluster's tasks need.

    `guests_known`: the log has guests or applications of this cluster. `told`: what the log says is lost.
    """

    def __init__(self) -> None:
        self.asked = False
        self.sees_all = False
        self.guests_known = False
        self.told: tuple[str, ...] = ()
        self._now: Permissions | None = None
        self._ever: frozenset[tuple[str, str]] = frozenset()

    def take(self, permissions: Permissions) -> None:
        self.asked = True
        self.sees_all = "Sys.Audit" in permissions.get("/", {})
        self._now = permissions
        self._ever |= frozenset(_counting(permissions))

    def remember(self, told: tuple[str, ...], *, accepted: bool) -> None:
        """As the log has it: whoever watched before may have known more. `accepted`: what it may do now counts."""
        self.told = told
        if accepted:
            self._ever = frozenset(_counting(self._now or {}))
        else:
            self._ever |= {(path, right) for path, _, right in (line.partition(": ") for line in told)}

    @property
    def blind(self) -> bool:
        """No guest can be seen, although some could before, or the token has no right at all."""
        if self._now is None or any("VM.Audit" in rights for rights in self._now.values()):
            return False
        return not self._now or self.guests_known or any(right == "VM.Audit" for _, right in self._ever)

    @property
    def lost(self) -> tuple[str, ...]:
        """All that it has no more, as `path: privilege`, but for what follows from another one above it."""
        now = self._now
        if now is None:
            return self.told
        lost = {(path, right) for path, right in self._ever if not _has(now, path, right)}
        return tuple(
            sorted(
                f"{path}: {right}" for path, right in lost if not any((above, right) in lost for above in _above(path))
            )
        )

    @property
    def untold(self) -> bool:
        """What is told is in the way of no proof: whether a number is in use may be asked without any right."""
        return self.blind or self.lost != self.told


def _has(now: Permissions, path: str, right: str) -> bool:
    """A path that is not listed has what the nearest one above it passes on."""
    if path in now:
        return right in now[path]
    for above in _above(path):
        if above in now:
            return bool(now[above].get(right))
    return False


def _counting(permissions: Permissions) -> Iterator[tuple[str, str]]:
    for path, rights in permissions.items():
        top = path.split("/")[1]
        for right in rights:
            if right in _USED and top in _WHERE.get(right.partition(".")[0], ()) and not path.startswith("/vms/"):
                yield path, right


def _above(path: str) -> Iterator[str]:
    while path != "/":
        path = path.rpartition("/")[0] or "/"
        yield path
