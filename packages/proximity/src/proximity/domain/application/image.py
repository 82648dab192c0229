"""What an application made of an image from a registry consists of. The rules are Proxmox's own (its parameters `env`,
`entrypoint`, `mpN` and `reference`), held to here so that what breaks them is refused before anything is made.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# without a registry's name it would be the node's settings that decide where to look
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_REGISTRY = rf"(?:localhost|{_LABEL}(?:\.{_LABEL})+)(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
REFERENCE = rf"^{_REGISTRY}(?:/{_PART})+:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}$"
PATH = r"^(?:/\.?[A-Za-z0-9_-][A-Za-z0-9._-]*)+$"
VARIABLE = r"^[A-Za-z0-9_]+$"
PRINTABLE = r"^[^\x00-\x08\x0a-\x1f\x7f]*$"
_PRINTABLE = re.compile(PRINTABLE[:-1] + r"\Z")
_FOREIGN = re.compile(r"[^A-Za-z0-9_.-]")
_READABLE = 180  # characters; a file name has 255, with a suffix while it is written

Variable = Annotated[str, Field(pattern=VARIABLE)]
Printable = Annotated[str, Field(pattern=PRINTABLE)]
MountPath = Annotated[str, Field(pattern=PATH, max_length=255)]
Environment = Mapping[str, str]


class Image(BaseModel):
    """`reference`: registry, path and tag, `docker.io/library/nginx:1.27.3`; never a digest: Proxmox refuses it."""

    model_config = ConfigDict(frozen=True)

    reference: Annotated[str, Field(pattern=REFERENCE, max_length=400)]

    @property
    def archive(self) -> str:
        """The archive's file name without `.tar`, which Proxmox adds. It would name it after the last part of the
        reference alone; here two references never share a file.
        """
        readable = _FOREIGN.sub("_", self.reference)[:_READABLE]
        return f"{readable}-{sha256(self.reference.encode()).hexdigest()[:12]}"


class Volume(BaseModel):
    """Data that outlives the image: a mount point of its own at `path`, `size_gib` in GiB."""

    model_config = ConfigDict(frozen=True)

    path: MountPath
    size_gib: Annotated[int, Field(ge=1)]


def is_printable(value: str) -> bool:
    """Whether it can be an environment variable's value: no control character but the tabulator."""
    return _PRINTABLE.match(value) is not None


def merged(image: Environment, wanted: Environment) -> dict[str, str]:
    """The environment a container is to have: what it has, ours over it."""
    return {**image, **wanted}
