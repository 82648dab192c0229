"""Users. Password hashes are not here: they live in the `credentials` bucket under the user's id."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import ClassVar, Literal, get_args

from proximity.domain.claim.claim import Wish
from proximity.domain.model import Command, Event

Role = Literal["viewer", "operator", "admin"]


class UserCreated(Event):
    """`founder`: made by the setup, which happens once in an installation."""

    TYPE: ClassVar[str] = "identity.user_created.v1"
    operation_id: str
    username: str
    role: Role
    founder: bool = False


class PasswordChanged(Event):
    """By the user, whose name is told for who reads the log. Written before the new hash is stored."""

    TYPE: ClassVar[str] = "identity.password_changed.v1"
    operation_id: str
    username: str


class CreateUser(Command):
    """`founder`: by the setup."""

    TYPE: ClassVar[str] = "identity.create_user.v1"
    username: str
    role: Role
    founder: bool = False


class ChangePassword(Command):
    TYPE: ClassVar[str] = "identity.change_password.v1"


IdentityEvent = UserCreated | PasswordChanged
EVENTS: tuple[type[Event], ...] = get_args(IdentityEvent)


@dataclass(frozen=True)
class User:
    username: str = ""
    role: Role = "viewer"

    @property
    def exists(self) -> bool:
        return bool(self.username)


INITIAL = User()

FOUNDERS_CLAIM = "installation.setup"
"""The claim that the founder holds: nobody does before the installation is set up."""


def decide(command: CreateUser | ChangePassword, user: User) -> list[IdentityEvent]:
    """That there is one founder and one of each name is for the claims to say."""
    if isinstance(command, ChangePassword):
        return [PasswordChanged(operation_id=command.operation_id, username=user.username)] if user.exists else []
    if user.exists:
        return []
    return [
        UserCreated(
            operation_id=command.operation_id,
            username=command.username,
            role=command.role,
            founder=command.founder,
        )
    ]


def evolve(user: User, event: IdentityEvent, at: datetime) -> User:
    return User(event.username, event.role) if isinstance(event, UserCreated) else user


def username_key(username: str) -> str:
    """The claim's key: user names are unique without regard to case."""
    return sha256(username.strip().casefold().encode()).hexdigest()


def wishes(user_id: str, event: IdentityEvent) -> list[Wish]:
    if isinstance(event, PasswordChanged):
        return []
    setup = [Wish("installation", "setup", "take", user_id, event.operation_id)] if event.founder else []
    return [*setup, Wish("user", username_key(event.username), "take", user_id, event.operation_id)]
