"""The installation's own identity: part of every marker on Proxmox and of every event's source."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from proximity.domain.model import Event


class InstallationFounded(Event):
    TYPE: ClassVar[str] = "settings.installation_founded.v1"
    installation_id: str


class InstallationRestored(Event):
    """What happened after `position` is not in this log, but may have been done on Proxmox."""

    TYPE: ClassVar[str] = "settings.installation_restored.v1"
    backup_id: str
    taken_at: datetime
    position: int


SettingsEvent = InstallationFounded | InstallationRestored
EVENTS: tuple[type[Event], ...] = (InstallationFounded, InstallationRestored)


@dataclass(frozen=True)
class Installation:
    """`backup_id`: of the backup that it was restored from last."""

    installation_id: str = ""
    backup_id: str = ""


INITIAL = Installation()


def found(installation_id: str, state: Installation) -> list[InstallationFounded]:
    """An installation is founded once."""
    return [] if state.installation_id else [InstallationFounded(installation_id=installation_id)]


def restored(backup_id: str, taken_at: datetime, position: int, state: Installation) -> list[InstallationRestored]:
    """A restore that is run again, because it was broken off, is one restore."""
    if state.backup_id == backup_id:
        return []
    return [InstallationRestored(backup_id=backup_id, taken_at=taken_at, position=position)]


def evolve(state: Installation, event: SettingsEvent, at: datetime) -> Installation:
    match event:
        case InstallationFounded(installation_id=installation_id):
            return replace(state, installation_id=installation_id)
        case InstallationRestored(backup_id=backup_id):
            return replace(state, backup_id=backup_id)
