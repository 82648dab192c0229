"""The line in a guest's description that proves it ours, together with the log."""

import re
from dataclasses import dataclass

_LINE = re.compile(r"^proximity:([^:\s]+):([^:\s]+):([^:\s]+):(\d+)\r?$", re.MULTILINE)


@dataclass(frozen=True)
class Marker:
    installation: str
    application: str
    operation: str
    vmid: int

    def line(self) -> str:
        return f"proximity:{self.installation}:{self.application}:{self.operation}:{self.vmid}"


def markers(description: str) -> list[Marker]:
    """All markers in a description. A clone or restore copies lines, so the vmid must be compared with the real one."""
    return [Marker(i, a, o, int(v)) for i, a, o, v in _LINE.findall(description)]
