"""How a real Proxmox VE reads and checks parameters, where fakepve is more lenient.

fakepve looks these three functions up in their modules at each call, so replacing them holds for the whole process.
"""

import json
import re
import urllib.parse
from typing import Any

import fakepve.schema
import fakepve.server
from aiohttp import web
from fakepve.model import PveError

_validate = fakepve.schema.validate
_pattern = fakepve.schema._pattern
_server_params = fakepve.server.params


UNKNOWN_KEY = re.compile(r"invalid key in comma-separated list property: (\S+)")
NOT_IN_SCHEMA = "property is not defined in schema and the schema does not allow additional properties"


def form_pairs(text: str) -> list[tuple[str, str]]:
    """A form's fields. Empty values count; a value is cut at a raw `=`, which must be sent percent-encoded."""
    pairs = []
    for field in re.split("[&;]", text):
        if field:
            key, value = [*field.split("="), ""][:2]
            pairs.append((urllib.parse.unquote_plus(key), urllib.parse.unquote_plus(value)))
    return pairs


async def params(request: web.Request) -> dict[str, Any]:
    """Query string plus form or JSON body; a repeated name becomes a list."""
    body = await request.read()
    if not body or request.content_type == "multipart/form-data":
        return dict(fakepve.server.collect(request.query.items()))
    values = dict(fakepve.server.collect(request.query.items()))
    if request.content_type == "application/json":
        values.update(json.loads(body))
        return values
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise PveError(400, "Parameter verification failed.", {"body": "request body is not valid UTF-8"}) from error
    values.update(fakepve.server.collect(form_pairs(text)))
    return values


def pattern(text: Any) -> Any:
    """Perl writes a group with its flags as (?^:...), which Python refuses and fakepve would skip."""
    return _pattern(re.sub(r"\(\?\^[a-z]*:", "(?:", text) if isinstance(text, str) else text)


def validate(spec: dict[str, Any] | None, values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    checked, errors = _validate(spec, values)
    properties = (spec or {}).get("properties", {})
    for name, value in values.items():
        schema = fakepve.schema._prop(properties, name) or {}
        if schema.get("type") == "boolean" and value not in (0, 1, "0", "1"):
            errors[name] = f"type check ('boolean') failed - got '{value}'"
        if name == "hostname" and value == "":
            errors[name] = "invalid format - value does not look like a valid DNS name\n"
        if name in errors:
            errors[name] = re.sub(r"got '(ARRAY|HASH)'", r"got \1", errors[name])
            errors[name] = UNKNOWN_KEY.sub(rf"format error\n{name}.\1: {NOT_IN_SCHEMA}", errors[name])
    return checked, errors


def install() -> None:
    fakepve.server.params = params
    fakepve.schema._pattern = pattern
    fakepve.schema.validate = validate
