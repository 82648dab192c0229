"""What really happened: each guest that came into being or was destroyed, in order. The oracle of the tests."""

import time
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Entry:
    """`at`: Unix seconds. `upid`: the task that did it. `description`: as in the guest's config at that moment."""

    at: float
    action: Literal["create", "destroy"]
    node: str
    vmid: int
    hostname: str
    description: str
    upid: str


class Journal:
    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def add(
        self, action: Literal["create", "destroy"], node: str, vmid: int, config: dict[str, Any], upid: str
    ) -> None:
        name, description = str(config.get("hostname", "")), str(config.get("description", ""))
        self._entries.append(Entry(time.time(), action, node, vmid, name, description, upid))

    def dump(self) -> list[dict[str, Any]]:
        return [asdict(entry) for entry in self._entries]

    def restore(self, entries: list[dict[str, Any]]) -> None:
        self._entries = [Entry(**entry) for entry in entries]
