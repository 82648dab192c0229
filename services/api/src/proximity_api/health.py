"""`/livez`, `/readyz`, `/metrics`: for whoever runs this process. Need no session, tell no names."""

import asyncio

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, Response

from proximity_api.parts import Parts, parts_of
from proximity_api.problems import Problem

router = APIRouter(include_in_schema=False)
PATIENCE = 2.0


@router.get("/livez")
async def livez() -> JSONResponse:
    """The event loop runs."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    """Everything an answer may need is there."""
    parts = parts_of(request)
    checks = {
        "nats": "ok" if parts.bus.nc.is_connected else "not connected",
        "read_model": await _read_model(parts),
        "drain": "shutting down" if parts.hub.closed else "ok",
    }
    ready = all(state == "ok" for state in checks.values())
    return JSONResponse({"status": "ok" if ready else "not ready", "checks": checks}, 200 if ready else 503)


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    return Response(generate_latest(parts_of(request).measures.registry), media_type=CONTENT_TYPE_LATEST)


async def _read_model(parts: Parts) -> str:
    try:
        async with asyncio.timeout(PATIENCE):
            await parts.hub.now()
    except Problem as problem:
        return problem.code
    except TimeoutError:
        return "read_model_unavailable"
    return "ok"
