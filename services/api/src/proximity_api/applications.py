"""`/applications`: deploying and operating them."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from proximity.domain.application import commands as cmd
from proximity.domain.application.state import Application
from proximity.domain.cluster.state import Cluster
from proximity.domain.ids import slug
from proximity.messaging.aggregates import APPLICATION, CLAIM, CLUSTER
from proximity_api import queries, views
from proximity_api.accept import ANSWERS, Order, accept, new_id, order, ordering, ready
from proximity_api.many import MOST_AT_ONCE, OneOfMany, answers, command_each
from proximity_api.names import Name
from proximity_api.openapi import PREFIX, errors
from proximity_api.paging import Cursor, Limit
from proximity_api.parts import Parts, parts_of
from proximity_api.problems import Problem, invalid
from proximity_api.recipes import sealed_spec
from proximity_api.security import Viewer

router = APIRouter(prefix=f"{PREFIX}/applications", tags=["applications"])


class DeployRequest(BaseModel):
    """`cluster_id` may be left out while there is one cluster; `node` is chosen if it is left out.

    `settings`: those of the recipe, and `cores`, `memory_mib`, `disk_gib`. Secrets go into the vault and nowhere else.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"recipe": "turnkey-wordpress", "name": "Blog", "settings": {"memory_mib": 2048}}]
        },
    )

    recipe: Annotated[str, Field(max_length=63)]
    name: Name
    cluster_id: UUID | None = None
    node: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,62}$")] | None = None
    settings: dict[str, str | int | bool | None] = {}


@router.post("", operation_id="deployApplication", summary="Deploy", status_code=202, responses=ANSWERS | errors(409))
async def deploy(body: DeployRequest, ordered: Annotated[Order, Depends(ordering("operator"))]) -> Response:
    """A container of its own for a recipe; `application_id` is in the answer at once."""
    parts = parts_of(ordered.request)
    application_id = new_id(ordered.operation_id)
    resolved = parts.catalog.resolve(body.recipe, body.settings)

    async def make() -> cmd.DeployApplication:
        await check_name(parts, body.name, application_id)
        cluster_id = await cluster_of(parts, body.cluster_id)
        return cmd.DeployApplication(
            operation_id=ordered.operation_id,
            application_id=application_id,
            name=body.name,
            cluster_id=cluster_id,
            node=body.node,
            spec=await sealed_spec(parts.vault, resolved),
        )

    return await accept(ordered, APPLICATION, application_id, make, {"application_id": application_id})


@router.get("", operation_id="listApplications", summary="All applications", responses=errors(400, 401, 503))
async def applications(
    request: Request, _: Viewer, cursor: Cursor = None, limit: Limit = 50
) -> views.Page[views.Application]:
    """By name; without those that were deleted."""
    async with parts_of(request).database.read() as conn:
        return await queries.applications(conn, cursor, limit)


@router.get(
    "/{application_id}", operation_id="getApplication", summary="One application", responses=errors(401, 404, 503)
)
async def application(request: Request, _: Viewer, application_id: UUID) -> views.Application:
    """A deleted one is found for a week."""
    async with parts_of(request).database.read() as conn:
        found = await queries.application(conn, str(application_id))
    if found is None:
        raise Problem("not_found", "There is no such application.")
    return found


@router.get(
    "/{application_id}/history",
    operation_id="getApplicationHistory",
    summary="What happened to it",
    responses=errors(400, 401, 503),
)
async def history(
    request: Request, _: Viewer, application_id: UUID, cursor: Cursor = None, limit: Limit = 50
) -> views.Page[views.Activity]:
    """Newest first; also of an application that was deleted."""
    async with parts_of(request).database.read() as conn:
        return await queries.activity(conn, cursor, limit, aggregate_id=str(application_id))


@router.post(
    "/{application_id}/start", operation_id="startApplication", summary="Start", status_code=202, responses=ANSWERS
)
async def start(request: Request, application_id: UUID) -> Response:
    """Starts the container and waits until the application answers."""
    return await _accept(request, application_id, cmd.StartApplication)


@router.post(
    "/{application_id}/shutdown",
    operation_id="shutdownApplication",
    summary="Shut down",
    status_code=202,
    responses=ANSWERS,
)
async def shutdown(request: Request, application_id: UUID) -> Response:
    """Asks the guest to go down by itself."""
    return await _accept(request, application_id, cmd.ShutdownApplication)


@router.post(
    "/{application_id}/stop", operation_id="stopApplication", summary="Stop", status_code=202, responses=ANSWERS
)
async def stop(request: Request, application_id: UUID) -> Response:
    """Pulls the plug."""
    return await _accept(request, application_id, cmd.StopApplication)


@router.post(
    "/{application_id}/restart",
    operation_id="restartApplication",
    summary="Restart",
    status_code=202,
    responses=ANSWERS,
)
async def restart(request: Request, application_id: UUID) -> Response:
    """Shuts down, then starts."""
    return await _accept(request, application_id, cmd.RestartApplication)


@router.post(
    "/{application_id}/release",
    operation_id="releaseApplication",
    summary="Give back",
    status_code=202,
    responses=ANSWERS,
)
async def release(request: Request, application_id: UUID) -> Response:
    """An adopted container as it was: our marker and tag are taken off, nothing else is touched."""
    return await _accept(request, application_id, cmd.ReleaseApplication)


class Released(OneOfMany):
    application_id: str


class ReleasedMany(BaseModel):
    operations: list[Released]


class ReleaseManyRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"applications": ["7c9e6679-7425-40de-944b-e07fc1f90ae7"]}]},
    )

    applications: Annotated[list[UUID], Field(min_length=1, max_length=MOST_AT_ONCE)]


@router.post(
    "/release",
    operation_id="releaseApplications",
    summary="Give several back",
    status_code=202,
    responses=answers(ReleasedMany),
)
async def release_many(body: ReleaseManyRequest, ordered: Annotated[Order, Depends(ordering("operator"))]) -> Response:
    """Adopted containers as they were. One operation for each."""
    ids = [str(application_id) for application_id in body.applications]
    return await command_each(ordered, "application", ids, APPLICATION, _of(cmd.ReleaseApplication))


@router.delete(
    "/{application_id}", operation_id="deleteApplication", summary="Delete", status_code=202, responses=ANSWERS
)
async def delete(
    request: Request,
    application_id: UUID,
    force: Annotated[bool, Query(description="Stop at once instead of asking the guest to shut down")] = False,
    destroy: Annotated[bool, Query(description="Also a container that was adopted; needs its `name`")] = False,
    name: Annotated[str | None, Query(max_length=100, description="The application's name, exactly")] = None,
) -> Response:
    """Destroys the container and everything in it. Ends whatever else is going on there.

    A container that was adopted is given back as it was, unless `destroy` and the exact `name` say otherwise.
    """
    ordered = await order(request, "operator")
    parts = parts_of(request)

    async def make() -> cmd.DeleteApplication:
        if destroy:
            await _must_be_meant(parts, str(application_id), name)
        return cmd.DeleteApplication(
            operation_id=ordered.operation_id, application_id=str(application_id), force=force, destroy=destroy
        )

    return await accept(ordered, APPLICATION, str(application_id), make)


async def _must_be_meant(parts: Parts, application_id: str, name: str | None) -> None:
    """What somebody else made is destroyed only for who typed its name. Raises the problem 422."""
    state = (await parts.store.load(APPLICATION, application_id)).state
    if isinstance(state, Application) and state.spec.runtime == "adopted" and name != state.name:
        raise invalid(("name", "Its container was adopted: to destroy it, type the application's exact name."))


_Simple = (
    cmd.StartApplication
    | cmd.ShutdownApplication
    | cmd.StopApplication
    | cmd.RestartApplication
    | cmd.ReleaseApplication
)


async def _accept(request: Request, application_id: UUID, command: Callable[..., _Simple]) -> Response:
    ordered = await order(request, "operator")
    of_one = _of(command)(ordered.operation_id, str(application_id))
    return await accept(ordered, APPLICATION, str(application_id), ready(of_one))


def _of(command: Callable[..., _Simple]) -> Callable[[str, str], _Simple]:
    return lambda operation_id, application_id: command(operation_id=operation_id, application_id=application_id)


async def check_name(parts: Parts, name: str, application_id: str | None = None) -> None:
    """A courtesy: the claim decides. Raises the problems 422 and 409."""
    unique = slug(name)
    if not unique:
        raise invalid(("name", "The name needs at least one letter or digit (a-z, 0-9)."))
    claim = await parts.store.load(CLAIM, f"name.{unique}")
    if claim.state.holders - {application_id}:
        raise Problem("name_taken", f"An application with the short name {unique} exists. Choose another name.")


async def cluster_of(parts: Parts, wanted: UUID | None) -> str:
    """The cluster to live on, as the log has it. Raises the problems 422 and 409."""
    if wanted is not None:
        if not await _connected(parts, str(wanted)):
            raise invalid(("cluster_id", "No such cluster is connected."))
        return str(wanted)
    known = await parts.store.aggregate_ids(CLUSTER.category)
    connected = [cluster_id for cluster_id in known if await _connected(parts, cluster_id)]
    if not connected:
        raise Problem("no_cluster", "Connect a Proxmox VE first.")
    if len(connected) > 1:
        raise invalid(("cluster_id", "Several clusters are connected: say which one."))
    return connected[0]


async def _connected(parts: Parts, cluster_id: str) -> bool:
    state = (await parts.store.load(CLUSTER, cluster_id)).state
    return isinstance(state, Cluster) and state.connected and not state.removed
