"""Users in the log: made by the setup, found by their name.

The log and the `credentials` bucket are all that is needed, so signing in works with PostgreSQL away or empty.
"""

from dataclasses import dataclass
from uuid import uuid4

from proximity.domain.claim.claim import ClaimRefusedError
from proximity.domain.identity import identity
from proximity.domain.identity.identity import FOUNDERS_CLAIM, ChangePassword, CreateUser, username_key
from proximity.messaging.aggregates import CLAIM, IDENTITY
from proximity.messaging.envelope import Actor, Origin
from proximity.messaging.event_store import Conflict
from proximity_api.parts import Parts
from proximity_api.problems import Problem


@dataclass(frozen=True)
class Account:
    user_id: str
    user: identity.User


async def founder(parts: Parts) -> str | None:
    """The id of who set the installation up; None: nobody has."""
    claim = await parts.store.load(CLAIM, FOUNDERS_CLAIM)
    return next(iter(claim.state.holders), None)


async def found(parts: Parts, username: str, password_hash: str) -> Account:
    """Makes the founder: the user and the claim on the installation are one atomic batch, so there is one at most.

    The hash is stored first: what a crash in between leaves is a hash of nobody, never a user who cannot sign in.
    Raises the problem 409.
    """
    user_id, operation_id = str(uuid4()), str(uuid4())
    create = CreateUser(operation_id=operation_id, username=username, role="admin", founder=True)
    origin = Origin(operation_id, operation_id, Actor("user", user_id), reason="setup")
    await parts.credentials.put(user_id, {"password": password_hash})
    try:
        new = await parts.store.load(IDENTITY, user_id)
        events = identity.decide(create, new.state)
        wishes = [wish for event in events for wish in identity.wishes(user_id, event)]
        stored = await parts.store.append(IDENTITY, user_id, new, events, origin, wishes)
    except (ClaimRefusedError, Conflict):
        await parts.credentials.delete(user_id)
        raise already_set_up() from None
    return Account(user_id, stored.state)


async def by_name(parts: Parts, username: str) -> Account | None:
    claim = await parts.store.load(CLAIM, f"user.{username_key(username)}")
    for user_id in claim.state.holders:
        return Account(user_id, (await parts.store.load(IDENTITY, user_id)).state)
    return None


async def change_password(parts: Parts, user_id: str, password_hash: str) -> None:
    """The log first: a change that a crash cut short is told there, and one that is not told never took place."""
    operation_id = str(uuid4())
    user = await parts.store.load(IDENTITY, user_id)
    events = identity.decide(ChangePassword(operation_id=operation_id), user.state)
    origin = Origin(operation_id, operation_id, Actor("user", user_id), reason="profile")
    try:
        await parts.store.append(IDENTITY, user_id, user, events, origin)
    except Conflict:
        raise Problem("changed_meanwhile", "The password was changed at the same time.") from None
    await parts.credentials.put(user_id, {"password": password_hash})


def already_set_up() -> Problem:
    return Problem("already_set_up", "This installation was set up before. Sign in instead.")
