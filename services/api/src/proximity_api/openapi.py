"""The OpenAPI document: what FastAPI cannot know by itself."""

from typing import Any

from fastapi import FastAPI

from proximity_api.problems import MEDIA_TYPE, ProblemDetails

PREFIX = "/api/v1"
TITLE = "Proximity"
DESCRIPTION = """\
Deploys and operates applications on Proxmox VE.

**Commands** are answered 202 with an operation; follow it by `GET /operations/{id}`, by the stream, or with
`Prefer: wait=N`.
An `Idempotency-Key` (a UUID) is the operation's id: the same request with the same key is done once.

**Live**: `GET /snapshot`, then `GET /stream?after=<position>&epoch=<epoch>`; each frame holds whole rows. On
`event: reset` take a new snapshot.

**Problems** are `application/problem+json` with a stable `code`.

**Sessions** are cookies. A write that relies on a cookie carries `X-Proximity-CSRF: 1` and an `Origin` equal to the
host; `Authorization: Bearer <session token>` needs neither.
"""
TAGS = [
    {"name": "session", "description": "Setting up, signing in and out"},
    {"name": "catalog", "description": "What can be deployed"},
    {"name": "clusters", "description": "Connections to Proxmox VE"},
    {"name": "inventory", "description": "Nodes and storages"},
    {"name": "guests", "description": "What Proxmox has and no application: offered for adoption"},
    {"name": "findings", "description": "What is otherwise than it should be"},
    {"name": "metrics", "description": "Figures over time, from Proxmox's own records"},
    {"name": "applications", "description": "What was deployed, and its life"},
    {"name": "operations", "description": "What was asked for, and what became of it"},
    {"name": "live", "description": "Snapshot, stream of changes, activity"},
    {"name": "events", "description": "The domain events, for integrations"},
]
# these need no session
OPEN = {("post", f"{PREFIX}/setup"), ("post", f"{PREFIX}/session"), ("get", f"{PREFIX}/setup")}

_WORDS = {
    400: "The request cannot be understood",
    401: "Not signed in",
    403: "Not allowed",
    404: "There is no such thing",
    409: "Not possible as things are",
    422: "Not valid: see `errors`",
    429: "Too many attempts",
    502: "Proxmox VE does not answer",
    503: "What is needed for the answer is away; try again",
}
# what accept.py reads of every command
_OF_COMMANDS = [
    {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The operation's id, quoted or bare. The same request with it is done once.",
        "schema": {"type": "string", "format": "uuid"},
    },
    {
        "name": "Prefer",
        "in": "header",
        "description": "`wait=N`: answer at the operation's end, or after N seconds (30 at most)",
        "schema": {"type": "string"},
        "example": "wait=10",
    },
    {
        "name": "reason",
        "in": "query",
        "description": "Why, in a person's words; kept in the log",
        "schema": {"type": "string", "maxLength": 500},
    },
]
_ALWAYS = {
    "default": {
        "description": "Any other problem",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    }
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these."""
    return {status: {"model": ProblemDetails, "description": _WORDS[status]} for status in statuses}


def document(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document with security, the problem's media type, and an error response everywhere. Made once."""
    if app.openapi_schema:
        return app.openapi_schema
    schema = FastAPI.openapi(app)
    schema["components"]["securitySchemes"] = {
        "session": {"type": "apiKey", "in": "cookie", "name": "proximity_session"},
        "csrf": {"type": "apiKey", "in": "header", "name": "X-Proximity-CSRF", "description": "Always `1`"},
        "bearer": {"type": "http", "scheme": "bearer"},
    }
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if (method, path) not in OPEN:
                cookie: dict[str, list[str]] = {"session": []} if method == "get" else {"session": [], "csrf": []}
                operation["security"] = [cookie, {"bearer": []}]
            else:
                operation["security"] = []
            operation["responses"] |= _ALWAYS
            if accepted := operation["responses"].get("202"):
                # who asks for several things at once follows several operations, and cannot wait for the one
                told = _OF_COMMANDS if "headers" in accepted else [p for p in _OF_COMMANDS if p["name"] != "Prefer"]
                operation["parameters"] = operation.get("parameters", []) + told
            for status, response in operation["responses"].items():
                content = response.get("content", {})
                if str(status)[0] in "45" and "application/json" in content:
                    content[MEDIA_TYPE] = content.pop("application/json")
            # FastAPI describes its own shape of a 422, which nobody ever gets here
            problem = operation["responses"].get("422", {}).get("content", {}).get(MEDIA_TYPE, {})
            if problem:
                problem["schema"] = {"$ref": "#/components/schemas/ProblemDetails"}
    for unused in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(unused, None)
    return schema
