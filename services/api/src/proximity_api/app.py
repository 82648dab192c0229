"""The application: routes put together, problems, security headers, OpenAPI."""

from functools import partial

import nats.errors
from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from proximity.messaging.publishing import UnavailableError
from proximity_api import (
    applications,
    catalog,
    clusters,
    events,
    health,
    inventory,
    openapi,
    operations,
    page,
    problems,
    session,
    setup,
    stream,
)
from proximity_api.edge import Edge
from proximity_api.parts import Parts

PREFIX = "/api/v1"
ROUTERS = (setup, session, catalog, clusters, inventory, applications, operations, stream, events)


def create(parts: Parts) -> FastAPI:
    app = FastAPI(
        title=openapi.TITLE,
        version="0.1.0",
        summary="Applications on Proxmox VE",
        description=openapi.DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "/", "description": "This installation"}],
        openapi_tags=openapi.TAGS,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.parts = parts
    api = APIRouter(prefix=PREFIX)
    for module in ROUTERS:
        api.include_router(module.router)
    app.include_router(api)
    app.include_router(health.router)
    app.include_router(page.router)
    problems.install(app)
    for error in (TimeoutError, UnavailableError, nats.errors.Error):
        app.add_exception_handler(error, _log_away)
    app.add_middleware(Edge, measures=parts.measures, https=parts.settings.secure_cookies)
    app.openapi = partial(openapi.document, app)  # type: ignore[method-assign]  # FastAPI's own way to change it
    return app


async def _log_away(_: Request, __: Exception) -> Response:
    """NATS did not answer a read; what writes has its own words."""
    return problems.unavailable("log_unavailable", "The event log does not answer right now.").response()
