"""Identifiers. Whatever is random is made by the caller; here is only what can be derived."""

import re
import unicodedata
from uuid import UUID, uuid5

_EVENTS = UUID("6f1c8f7e-3b0f-5d3f-9a53-0f8d0f1f5b5e")


def event_id(causation_id: str, index: int) -> str:
    """The id of the `index`-th event that `causation_id` led to: the same decision made twice gives the same ids."""
    return str(uuid5(_EVENTS, f"{causation_id}/{index}"))


def slug(name: str) -> str:
    """The form in which a name must be unique, and the container's hostname: `Müller's Wiki` -> `mullers-wiki`.

    Empty if nothing of the name can be kept. At most 63 characters, as a DNS label.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower().replace("'", "")
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:63].rstrip("-")
