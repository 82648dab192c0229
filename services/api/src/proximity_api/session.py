"""`/session` and `/me`: signing in and out."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from proximity.domain.identity.identity import Role, username_key
from proximity_api import accounts, security
from proximity_api.openapi import PREFIX, errors
from proximity_api.parts import Parts, parts_of
from proximity_api.passwords import MAX_LENGTH, MIN_LENGTH, outdated
from proximity_api.problems import Problem
from proximity_api.security import Viewer
from proximity_api.sessions import Principal

log = structlog.get_logger()
router = APIRouter(prefix=PREFIX, tags=["session"])


class Credentials(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"username": "ada", "password": "correct horse battery staple"}]},
    )

    username: Annotated[str, Field(max_length=64)]
    password: Annotated[SecretStr, Field(max_length=MAX_LENGTH)]


class PasswordChange(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"password": "correct horse battery staple", "new_password": "another one, as long"}]
        },
    )

    password: Annotated[SecretStr, Field(max_length=MAX_LENGTH)]
    new_password: Annotated[SecretStr, Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH)]


class Me(BaseModel):
    id: str
    username: str
    role: Role


@router.post(
    "/session", operation_id="signIn", summary="Sign in", status_code=201, responses=errors(401, 403, 422, 429, 503)
)
async def sign_in(request: Request, response: Response, body: Credentials) -> Me:
    """A cookie session. The answer takes as long for a user who does not exist."""
    security.check_origin(request, required=False)
    parts = parts_of(request)
    throttled = f"{client_address(request)} {username_key(body.username)}"
    parts.throttle.check(throttled)
    # it counts at once, so that guesses made at the same time are not all free
    parts.throttle.failed(throttled)
    account = await accounts.by_name(parts, body.username)
    stored = await parts.credentials.get(account.user_id if account else "nobody")
    hashed: str | None = stored["password"] if stored else None
    password = body.password.get_secret_value()
    if not await parts.passwords.verify(hashed, password) or account is None or stored is None:
        log.warning("sign-in refused", address=client_address(request))
        raise Problem("credentials_refused", "The user name or the password is wrong.")
    parts.throttle.succeeded(throttled)
    if outdated(stored["password"]):
        await parts.credentials.replace(account.user_id, stored, {"password": await parts.passwords.hash(password)})
    # always a new token: one that somebody planted before is worth nothing
    token = await parts.sessions.open(account.user_id, account.user.username, account.user.role)
    now = await parts.credentials.get(account.user_id)
    if now != stored and not await parts.passwords.verify(now["password"] if now else None, password):
        # who changed the password may have ended all sessions just before this one began
        await parts.sessions.drop(token)
        raise Problem("credentials_refused", "The user name or the password is wrong.")
    security.set_session(request, response, parts, token)
    log.info("signed in", user=account.user_id)
    return Me(id=account.user_id, username=account.user.username, role=account.user.role)


@router.delete("/session", operation_id="signOut", summary="Sign out", status_code=204, responses=errors(401, 403))
async def sign_out(request: Request, response: Response, principal: Viewer) -> None:
    """Ends the session everywhere; its streams end with it."""
    parts = parts_of(request)
    await parts.sessions.end(principal)
    parts.hub.end_session(principal.session)
    security.clear_session(request, response, parts)


@router.get("/me", operation_id="getMe", summary="Who is signed in", responses=errors(401))
async def me(principal: Viewer) -> Me:
    return Me(id=principal.user_id, username=principal.username, role=principal.role)


@router.put(
    "/me/password",
    operation_id="changePassword",
    summary="Change one's password",
    status_code=204,
    responses=errors(401, 403, 409, 422, 429, 503),
)
async def change_password(request: Request, principal: Viewer, body: PasswordChange) -> None:
    """Ends all other sessions of the person. Guessing the present one is slowed down as signing in is."""
    parts = parts_of(request)
    throttled = f"{client_address(request)} {username_key(principal.username)}"
    parts.throttle.check(throttled)
    parts.throttle.failed(throttled)
    stored = await parts.credentials.get(principal.user_id)
    if not stored or not await parts.passwords.verify(stored["password"], body.password.get_secret_value()):
        raise Problem("password_refused", "The password that was given as the present one is wrong.")
    parts.throttle.succeeded(throttled)
    hashed = await parts.passwords.hash(body.new_password.get_secret_value())
    # also before: whoever dies in between leaves nobody signed in by a password that is known to others
    await _end_others(parts, principal)
    await accounts.change_password(parts, principal.user_id, hashed)
    await _end_others(parts, principal)
    log.info("password changed", user=principal.user_id)


async def _end_others(parts: Parts, principal: Principal) -> None:
    for session in await parts.sessions.end_others(principal):
        parts.hub.end_session(session)


def client_address(request: Request) -> str:
    """The peer's: headers that say otherwise can be written by anybody."""
    return request.client.host if request.client else ""
