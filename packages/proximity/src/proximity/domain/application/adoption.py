"""What adopting a container writes into its configuration, and how exactly that is taken away again. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from proximity.domain.application.marker import Marker, markers

TAG = "proximity"
# the code of the cause that is given when Proxmox leaves that tag to others
TAG_REFUSED = "tag_refused"
LONGEST = 8192  # characters of a description


@dataclass(frozen=True)
class Change:
    """Of a configuration: keys to be set, keys to be deleted."""

    values: dict[str, str] = field(default_factory=dict)
    delete: tuple[str, ...] = ()


def tags_of(values: Mapping[str, str]) -> list[str]:
    """In their order. Proxmox separates them by `;`, and takes commas and blanks, too."""
    return [tag for tag in re.split(r"[;,\s]+", values.get("tags", "")) if tag]


def has_tag(values: Mapping[str, str]) -> bool:
    """Upper and lower case are the same to Proxmox, unless it was told otherwise."""
    return any(tag.lower() == TAG for tag in tags_of(values))


def marked(description: str, values: Mapping[str, str], marker: Marker, *, tag: bool) -> Change:
    """The text as it is, then our line. It takes the place of one that was left on this very container before."""

    def left(found: Marker) -> bool:
        return (found.installation, found.vmid) == (marker.installation, marker.vmid)

    text = _without(description, left)
    change = {"description": f"{text}\n{marker.line()}" if text else marker.line()}
    if tag and not has_tag(values):
        change["tags"] = ";".join([*tags_of(values), TAG])
    return Change(change)


def unmarked(description: str, values: Mapping[str, str], marker: Marker, *, tag: bool) -> Change:
    """Our line alone and, if `tag`, our tag: whatever else was written since then stays."""
    change: dict[str, str] = {}
    delete: list[str] = []
    text = _without(description, lambda found: found == marker)
    if text.strip("\n"):
        change["description"] = text
    else:
        delete.append("description")
    if tag and has_tag(values):
        # an empty list would be stored as a blank
        if others := [other for other in tags_of(values) if other.lower() != TAG]:
            change["tags"] = ";".join(others)
        else:
            delete.append("tags")
    return Change(change, tuple(delete))


def _without(description: str, unwanted: Callable[[Marker], bool]) -> str:
    return "\n".join(line for line in description.split("\n") if not any(map(unwanted, markers(line))))
