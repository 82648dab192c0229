"""What may be asked of a guest that Proximity does not manage. Adopting it is asked of the application it becomes."""

from typing import ClassVar

from proximity.domain.model import Command


class IgnoreGuest(Command):
    """It is no longer offered."""

    TYPE: ClassVar[str] = "guest.ignore.v1"
    guest_id: str


class NoticeGuest(Command):
    """It is offered again."""

    TYPE: ClassVar[str] = "guest.notice.v1"
    guest_id: str


GuestCommand = IgnoreGuest | NoticeGuest
COMMANDS: tuple[type[Command], ...] = (IgnoreGuest, NoticeGuest)
