"""UPID: Proxmox's name of a worker task, `UPID:node:pid:pstart:starttime:type:id:user:`, numbers in hex."""

import re
from dataclasses import dataclass

_UPID = re.compile(
    r"UPID:(?P<node>[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?):[0-9A-Fa-f]{8}:[0-9A-Fa-f]{8,9}:"
    r"(?P<starttime>[0-9A-Fa-f]{8}):(?P<type>[^:\s]+):(?P<id>[^:\s]*):(?P<user>[^:\s]+):"
)


@dataclass(frozen=True)
class TaskId:
    """`id` may be empty; `user` is `user@realm` or, started by a token, `user@realm!name`."""

    node: str
    starttime: int
    type: str
    id: str
    user: str

    @classmethod
    def parse(cls, upid: str) -> "TaskId":
        """ValueError: not a UPID."""
        found = _UPID.fullmatch(upid)
        if found is None:
            raise ValueError("not a UPID")
        return cls(found["node"], int(found["starttime"], 16), found["type"], found["id"], found["user"])
