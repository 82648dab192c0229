"""Who asks, whether they may, and whether the request comes from our own page.

A session is a cookie (HttpOnly, SameSite=Strict) or the same token as `Authorization: Bearer`. A browser sends cookies
without being told to, so a write that relies on one must prove its origin: the header `X-Proximity-CSRF: 1`, which no
foreign page can add, an `Origin` equal to the host, and JSON if it has a body.
"""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response

from proximity.domain.identity.identity import Role
from proximity_api.parts import Parts, parts_of
from proximity_api.problems import Problem
from proximity_api.sessions import Principal

CSRF_HEADER = "x-proximity-csrf"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_RANK: dict[Role, int] = {"viewer": 0, "operator": 1, "admin": 2}


def cookie_name(secure: bool) -> str:
    """The `__Host-` prefix keeps other hosts of the domain from setting it; browsers take it only with TLS."""
    return "__Host-proximity_session" if secure else "proximity_session"


def over_tls(request: Request, parts: Parts) -> bool:
    return parts.settings.secure_cookies or request.url.scheme == "https"


def set_session(request: Request, response: Response, parts: Parts, token: str) -> None:
    secure = over_tls(request, parts)
    response.set_cookie(
        cookie_name(secure),
        token,
        max_age=int(parts.settings.session_absolute),
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )


def clear_session(request: Request, response: Response, parts: Parts) -> None:
    secure = over_tls(request, parts)
    response.delete_cookie(cookie_name(secure), path="/", secure=secure, httponly=True, samesite="strict")


async def authorise(request: Request, least: Role) -> Principal:
    """Who is signed in and may do that. Raises the problems 401, 403 and 415."""
    parts = parts_of(request)
    bearer = _bearer(request)
    token = bearer or request.cookies.get(cookie_name(over_tls(request, parts)))
    principal = await parts.sessions.find(token) if token else None
    if principal is None:
        raise Problem("not_signed_in", "Sign in, then try again.")
    if request.method not in SAFE and bearer is None:
        check_origin(request, required=True)
        if request.headers.get(CSRF_HEADER) != "1":
            raise Problem("csrf_refused", "A write with a cookie carries the header X-Proximity-CSRF: 1.")
        _check_media_type(request)
    if _RANK[principal.role] < _RANK[least]:
        raise Problem("not_allowed", f"This needs the role {least}.")
    return principal


async def _viewer(request: Request) -> Principal:
    return await authorise(request, "viewer")


async def _operator(request: Request) -> Principal:
    return await authorise(request, "operator")


async def _admin(request: Request) -> Principal:
    return await authorise(request, "admin")


Viewer = Annotated[Principal, Depends(_viewer)]
Operator = Annotated[Principal, Depends(_operator)]
Admin = Annotated[Principal, Depends(_admin)]


def check_origin(request: Request, required: bool) -> None:
    """Raises the problem 403 if the request was made by a page of another host."""
    origin = request.headers.get("origin")
    if origin is None and not required:
        return
    if not origin or urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
        raise Problem("csrf_refused", "A write with a cookie carries an Origin that is equal to the host.")


def _check_media_type(request: Request) -> None:
    if int(request.headers.get("content-length", 0)) and not _is_json(request.headers.get("content-type", "")):
        raise Problem("unsupported_media_type", "Send the body as application/json.")


def _is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "application/json"


def _bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
