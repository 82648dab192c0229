"""Problem details (RFC 9457). Every answer of 4xx and 5xx is one, also those of the framework.

Programs switch on `code` (or `type`, which is made of it). Nothing of what was sent is ever repeated in an answer: it
may be a password. An unexpected error has a fixed text; its `instance` is in the log beside the traceback.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.responses import Response

log = structlog.get_logger()

# code -> status and title. A code, once given out, keeps its meaning.
CODES: dict[str, tuple[int, str]] = {
    "bad_request": (400, "The request cannot be understood"),
    "invalid_cursor": (400, "The cursor is not one of this list"),
    "invalid_idempotency_key": (400, "The Idempotency-Key is not a UUID"),
    "not_signed_in": (401, "Sign in first"),
    "credentials_refused": (401, "The user name or the password is wrong"),
    "csrf_refused": (403, "The request does not prove that it comes from this site"),
    "not_allowed": (403, "Your role does not allow this"),
    "password_refused": (403, "The present password is wrong"),
    "setup_token_refused": (403, "The setup token is wrong"),
    "not_found": (404, "There is nothing here"),
    "method_not_allowed": (405, "This can not be done here"),
    "already_set_up": (409, "This installation has its founder already"),
    "changed_meanwhile": (409, "Somebody else changed it at the same time"),
    "name_taken": (409, "The name is taken"),
    "not_acceptable": (409, "This finding cannot be accepted"),
    "not_adoptable": (409, "This guest cannot be adopted"),
    "no_cluster": (409, "No cluster is connected"),
    "not_cancellable": (409, "This operation cannot be cancelled"),
    "not_undecided": (409, "This operation waits for nobody's decision"),
    "no_simulator": (409, "This installation has no simulator"),
    "length_required": (411, "The length of the body must be said beforehand"),
    "too_large": (413, "The body is too large"),
    "unsupported_media_type": (415, "The body must be JSON"),
    "invalid_request": (422, "The request is not valid"),
    "idempotency_key_reused": (422, "The Idempotency-Key was used for something else"),
    "too_many_attempts": (429, "Too many attempts"),
    "internal_error": (500, "Something went wrong here"),
    "cluster_refused": (502, "Proxmox VE refuses to tell"),
    "cluster_unreachable": (502, "Proxmox VE does not answer there"),
    "cluster_busy": (503, "Enough was asked of this cluster in the last minute"),
    "log_unavailable": (503, "The event log is away"),
    "read_model_unavailable": (503, "The read model is away"),
    "read_model_not_ready": (503, "The read model is being built"),
    "shutting_down": (503, "This replica is shutting down"),
}

_OF_STATUS = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
}

MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    """`field` is a path into the request, such as `settings.root_password`."""

    field: str
    message: str


class ProblemDetails(BaseModel):
    """`type` leads to a page that describes the problem; `detail` is for people."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/not_found",
                    "title": "There is nothing here",
                    "status": 404,
                    "code": "not_found",
                    "detail": "There is no such application.",
                    "instance": "urn:uuid:5d0d3c5e-3b7c-4f0e-8f43-0d2f7a1d6c11",
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    code: str
    detail: str
    instance: str
    errors: list[FieldError] | None = None
    operation_id: str | None = None


@dataclass
class Problem(Exception):  # noqa: N818 - it is an answer
    """Raised anywhere below a route, answered as problem details."""

    code: str
    detail: str = ""
    errors: tuple[FieldError, ...] = ()
    operation_id: str | None = None
    headers: Mapping[str, str] | None = None

    def response(self) -> Response:
        status, title = CODES[self.code]
        return _respond(
            status, self.code, title, self.detail or f"{title}.", self.errors, self.operation_id, self.headers
        )


def invalid(*errors: tuple[str, str]) -> Problem:
    """422 with each field named: pairs of field and message."""
    named = tuple(FieldError(field=field, message=message) for field, message in errors)
    return Problem("invalid_request", "See `errors` for what to correct.", named)


def unavailable(code: str, detail: str, operation_id: str | None = None) -> Problem:
    """503: worth trying again soon."""
    return Problem(code, detail, operation_id=operation_id, headers={"Retry-After": "2"})


def _respond(
    status: int,
    code: str,
    title: str,
    detail: str,
    errors: tuple[FieldError, ...] = (),
    operation_id: str | None = None,
    headers: Mapping[str, str] | None = None,
    instance: str | None = None,
) -> Response:
    body: dict[str, Any] = {
        "type": f"/problems/{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "instance": instance or uuid4().urn,
    }
    if errors:
        body["errors"] = [error.model_dump() for error in errors]
    if operation_id:
        body["operation_id"] = operation_id
    return Response(orjson.dumps(body), status, dict(headers or {}), media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _of_framework)
    app.add_exception_handler(RequestValidationError, _invalid)


def unexpected() -> Response:
    """To be called while the exception is handled: it is logged under the id that the answer carries."""
    instance = uuid4().urn
    log.exception("request failed", instance=instance)
    status, title = CODES["internal_error"]
    return _respond(status, "internal_error", title, "The log has the cause under this instance.", instance=instance)


async def _problem(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)  # noqa: S101 - registered for it
    return problem.response()


async def _of_framework(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    code = _OF_STATUS.get(error.status_code, "bad_request" if error.status_code < 500 else "internal_error")
    title = CODES[code][1]
    return _respond(error.status_code, code, title, f"{title}.", headers=error.headers)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    found = error.errors()
    if any(e["type"] == "model_attributes_type" and e["loc"] == ("body",) for e in found):
        return Problem("unsupported_media_type", "Send a JSON object, as application/json.").response()
    return invalid(*((_field(e["loc"]), _message(e)) for e in found)).response()


def _field(loc: tuple[int | str, ...]) -> str:
    """`("body", "settings", "cores")` -> `settings.cores`; a key that somebody made up is cut short."""
    parts = loc[1:] if len(loc) > 1 else loc
    return ".".join(str(part)[:64] for part in parts)


# pydantic quotes what it was given in these
_QUOTING = {"uuid_parsing": "Must be a UUID.", "json_invalid": "Is not valid JSON."}


def _message(error: Mapping[str, Any]) -> str:
    # our own words, before which pydantic says what kind of error it is
    return _QUOTING.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ")
