"""Network cards that a running container cannot be given."""

import re
from typing import Any

from fakepve.lxc import split_props

from .base import Base, Values, refuse
from .guests import BRIDGES


class Hotplug(Base):
    async def _lxc_config_put(self, user: str, v: Values) -> None:
        container = self._here(v)
        cards = {key: str(value) for key, value in v.items() if re.fullmatch(r"net\d+", key)}
        if cards and container is not None and container.status == "running" and not container.lock:
            self._check_modify_perm(user, container.vmid, None, container.config, cards, [], unprivileged=True)
            for key, card in sorted(cards.items()):
                why = _failure(container, key, split_props(card)[1])
                if why:
                    raise refuse(**{key: f"unable to hotplug {key}: {why}\n"})
        await super()._lxc_config_put(user, v)


def _failure(container: Any, key: str, card: dict[str, str]) -> str:
    """Within the container two cards cannot have one name."""
    if card.get("bridge", BRIDGES[0]) not in BRIDGES:
        return f"bridge '{card['bridge']}' does not exist"
    others = [other for other in container.config if re.fullmatch(r"net\d+", other) and other != key]
    names = [split_props(container.config[other])[1].get("name") for other in others]
    if key in container.config or card.get("name") not in names:
        return ""
    device = f"veth{container.vmid}i{key.removeprefix('net')}p"
    return f"command 'lxc-device -n {container.vmid} add {device} {card['name']}' failed: exit code 1"
