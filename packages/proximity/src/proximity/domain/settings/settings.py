"""The installation's own identity: part of every marker on Proxmox and of every event's source."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from proximity.domain.model import Event


class InstallationFounded(Event):
    TYPE: ClassVar[str] = "settings.installation_founded.v1"
    installation_id: str


SettingsEvent = InstallationFounded
EVENTS: tuple[type[Event], ...] = (InstallationFounded,)


@dataclass(frozen=True)
class Installation:
    installation_id: str = ""


INITIAL = Installation()


def found(installation_id: str, state: Installation) -> list[SettingsEvent]:
    """An installation is founded once."""
    return [] if state.installation_id else [InstallationFounded(installation_id=installation_id)]


def evolve(state: Installation, event: SettingsEvent, at: datetime) -> Installation:
    return Installation(event.installation_id)
