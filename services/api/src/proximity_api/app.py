"""The application: routes put together, problems, security headers, OpenAPI."""

from functools import partial

import nats.errors
from fastapi import FastAPI, Request
from starlette.responses import Response

from proximity.messaging.publishing import UnavailableError
from proximity_api import (
    applications,
    catalog,
    clusters,
    events,
    findings,
    guests,
    health,
    inventory,
    metrics,
    openapi,
    operations,
    pages,
    preflight,
    problems,
    session,
    setup,
    stream,
    users,
)
from proximity_api.edge import Edge
from proximity_api.pages import Pages
from proximity_api.parts import Parts

# routes are tried in this order: what is asked for most comes first
ROUTES = (
    *(applications, operations, stream, events, findings, guests, clusters, inventory, metrics, preflight),
    *(catalog, session, users, setup, health, pages),
)


def create(parts: Parts) -> FastAPI:
    app = bare()
    app.state.parts = parts
    app.router.default = Pages(parts.settings.frontend, app.router.default)
    for error in (TimeoutError, UnavailableError, nats.errors.Error):
        app.add_exception_handler(error, _log_away)
    app.add_middleware(Edge, measures=parts.measures, https=parts.settings.secure_cookies)
    return app


def bare() -> FastAPI:
    """The routes and their description, with nothing behind them: enough for the OpenAPI document."""
    app = FastAPI(
        title=openapi.TITLE,
        version="0.1.0",
        summary="Applications on Proxmox VE",
        description=openapi.DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "/", "description": "This installation"}],
        openapi_tags=openapi.TAGS,
        openapi_url=f"{openapi.PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # asked for with every request although nobody listens; its logs would hold exceptions' texts
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    for module in ROUTES:
        # not included as routers: FastAPI looks for a request's route twice in each of those
        app.router.routes.extend(module.router.routes)
    problems.install(app)
    app.openapi = partial(openapi.document, app)  # type: ignore[method-assign]  # FastAPI's own way to change it
    return app


async def _log_away(_: Request, __: Exception) -> Response:
    """NATS did not answer a read; what writes has its own words."""
    return problems.unavailable("log_unavailable", "The event log does not answer right now.").response()
