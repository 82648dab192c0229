"""`/setup`: the first user of a new installation, who proves with the setup token that it is theirs."""

import hmac
import unicodedata
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from proximity_api import accounts, offered, security, simulator
from proximity_api.openapi import PREFIX, errors
from proximity_api.parts import parts_of
from proximity_api.passwords import MAX_LENGTH, MIN_LENGTH
from proximity_api.problems import Problem
from proximity_api.session import Me, client_address

router = APIRouter(prefix=f"{PREFIX}/setup", tags=["session"])

Username = Annotated[str, Field(min_length=1, max_length=64)]


class SetupRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"setup_token": "…", "username": "ada", "password": "correct horse battery staple"},
            ]
        },
    )

    setup_token: Annotated[SecretStr, Field(max_length=500)]
    username: Username
    password: Annotated[SecretStr, Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH)]

    @field_validator("username")
    @classmethod
    def _plain(cls, username: str) -> str:
        name = unicodedata.normalize("NFC", username.strip())
        if not name or not name.isprintable():
            raise ValueError("The user name needs letters that can be seen.")
        return name


class SetupState(BaseModel):
    """`simulator`: there is a simulated cluster to connect."""

    done: bool
    simulator: bool


@router.get("", operation_id="getSetup", summary="Whether it was set up", responses=errors(503))
async def state(request: Request) -> SetupState:
    """Asks the log, not the read model."""
    parts = parts_of(request)
    return SetupState(
        done=await accounts.founder(parts) is not None, simulator=simulator.running(parts.settings) is not None
    )


@router.post(
    "",
    operation_id="setUp",
    summary="Set up the installation",
    status_code=201,
    responses=errors(403, 409, 422, 429, 503),
)
async def set_up(request: Request, response: Response, body: SetupRequest) -> Me:
    """Makes the founder, an admin, and signs in; connects the offered cluster, if any. Once per installation."""
    security.check_origin(request, required=False)
    parts = parts_of(request)
    throttled = f"setup {client_address(request)}"
    parts.throttle.check(throttled)
    given = body.setup_token.get_secret_value().encode()
    if not hmac.compare_digest(given, parts.settings.setup_token().encode()):
        parts.throttle.failed(throttled)
        raise Problem("setup_token_refused", "Take the token from the ready line of `proximity up`.")
    if await accounts.founder(parts) is not None:
        raise accounts.already_set_up()
    hashed = await parts.passwords.hash(body.password.get_secret_value())
    account = await accounts.found(parts, body.username, hashed)
    await offered.connect(parts, account.user_id)
    token = await parts.sessions.open(account.user_id, account.user.username, account.user.role)
    security.set_session(request, response, parts, token)
    return Me(id=account.user_id, username=account.user.username, role=account.user.role)
