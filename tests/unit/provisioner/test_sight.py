"""A deployment whose number a stranger took, and what may be done about it."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from proximity.domain.application import events as ev
from proximity.domain.application.marker import Marker
from proximity.domain.application.state import Container
from proximity.proxmox.errors import GuestMissingError
from proximity.proxmox.observe import GuestConfig
from proximity_provisioner.job import Happened, Job
from proximity_provisioner.sight import ours_to_change

STRANGER = GuestConfig("d", "somebody else's", None, {"swap": "512"})
OURS = GuestConfig("d", Marker("inst", "a1", "op", 20000).line(), None, {"swap": "512"})


class Cluster:
    """The guest with our number is on pve2."""

    def __init__(self, there: GuestConfig) -> None:
        self._there = there

    async def guest_config(self, node: str, vmid: int) -> GuestConfig:
        if node == "pve2":
            return self._there
        raise GuestMissingError(f"Configuration file 'nodes/{node}/lxc/{vmid}.conf' does not exist", 500)

    async def vmid_in_use(self, vmid: int) -> bool:
        return True

    async def resources(self) -> Any:
        return SimpleNamespace(guests=(SimpleNamespace(vmid=20000, node="pve2", type="lxc"),))


def job(cluster: Cluster, kind: str, *, deployed: bool, tasks: dict[str, str] | None = None) -> Job:
    tasks = tasks or {}

    def failed(cause: Any) -> Happened:
        return Happened(ev.StepFailed(operation_id="x", step="stop", cause=cause))

    return cast(
        Job,
        SimpleNamespace(
            application_id="a1",
            container=Container("c1", "pve1", 20000, "op"),
            proxmox=cluster,
            tools=SimpleNamespace(installation_id="inst"),
            op=SimpleNamespace(id="x", kind=kind, done=frozenset()),
            app=SimpleNamespace(deployed=deployed, adoption=None, last_tasks=tasks),
            removing=True,
            failed=failed,
        ),
    )


@pytest.mark.parametrize("kind", ["deploy", "delete"])
async def test_a_number_that_a_stranger_has_on_another_node_holds_nobody_up(kind: str) -> None:
    """Ours never came to be: the operation can end, and the name is free again."""
    answer = await ours_to_change(job(Cluster(STRANGER), kind, deployed=False))
    assert isinstance(answer, Happened)
    assert isinstance(answer.event, ev.ContainerProvenGone)


async def test_a_container_of_ours_that_was_moved_is_not_taken_for_gone() -> None:
    answer = await ours_to_change(job(Cluster(OURS), "delete", deployed=False))
    assert isinstance(answer, Happened)
    assert isinstance(answer.event, ev.StepFailed)
    assert answer.event.cause.code == "container_moved"


async def test_of_an_application_that_ran_a_strangers_number_is_no_proof() -> None:
    answer = await ours_to_change(job(Cluster(STRANGER), "delete", deployed=True))
    assert isinstance(answer, Happened)
    assert isinstance(answer.event, ev.StepFailed)


async def test_of_a_container_whose_create_was_accepted_it_is_no_proof_either() -> None:
    """Its deployment failed later: somebody may have moved it and taken our line off."""
    answer = await ours_to_change(job(Cluster(STRANGER), "delete", deployed=False, tasks={"create": "UPID:1"}))
    assert isinstance(answer, Happened)
    assert isinstance(answer.event, ev.StepFailed)
