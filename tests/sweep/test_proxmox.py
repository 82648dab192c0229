"""The Proxmox in memory behaves as the port's conformance tests say: the very stories run against it here."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, cast

import pytest

from conformance import test_containers, test_reading, test_troubles
from conformance.place import Place
from conformance.workbench import Workbench
from proximity.proxmox.connection import Connection
from proximity.proxmox.errors import UnansweredError
from proximity.proxmox.hypervisor import ProxmoxHypervisor
from sweep.guests import DEBIAN, Guest
from sweep.loop import run
from sweep.points import Fault, Gate, Points
from sweep.port import Port
from sweep.proxmox import Proxmox

CONNECTION = Connection(("https://pve:8006",), "proximity@pve!test", "secret")
PLACE = Place(
    connection=CONNECTION,
    node="pve1",
    rootfs_storage="local-lvm",
    template_storage="local",
    template=f"local:vztmpl/{DEBIAN}",
    bridge="vmbr0",
    vmid_base=90000,
    patience=60.0,
    real=False,
)
Story = Callable[..., Any]
# these are about the wire (certificates, credentials, another client), or about figures, which nothing here looks at
_OF_THE_WIRE = (
    "certificate",
    "secret",
    "waited_for",
    "token",
    "rights",
    "figures",
    "charts",
    "how_guests_are",
    "nobody_offers",
    "remembers",
)


class Bench(Workbench):
    """The conformance tests' own, on the Proxmox in memory."""

    def __init__(self, proxmox: Proxmox) -> None:
        self.place, self.node, self._shift, self._vmids = PLACE, PLACE.node, 0, list[int]()
        self.proxmox = proxmox
        self.port = Port(proxmox, Gate(Points(), "bench"), CONNECTION, lambda what, about: None)
        self.client = cast(ProxmoxHypervisor, self.port)


class Faults:
    """In the place of the simulator's control port."""

    def __init__(self, proxmox: Proxmox) -> None:
        self._proxmox = proxmox

    def fault(self, kind: str, **about: Any) -> str:
        match kind:
            case "task_killed":
                self._proxmox.deaths.append((about["type"], about["stage"]))
            case "lock":
                self._proxmox.guests[about["vmid"]].config["lock"] = about["lock"]
            case "quorum_lost":
                self._proxmox.quorate = False
            case "task_log_gone":
                for worker in self._proxmox.workers.values():
                    worker.log_gone = worker.id == str(about["vmid"])
            case _:
                pytest.skip(f"there is no {kind} here")
        return kind

    def remove_fault(self, kind: str) -> None:
        self._proxmox.quorate = True
        for guest in self._proxmox.guests.values():
            guest.config.pop("lock", None)

    def reset(self) -> None:
        self._proxmox.guests.clear()


def made() -> Proxmox:
    proxmox = Proxmox(asyncio.get_running_loop().time, 1_790_000_000.0)
    proxmox.templates.add((PLACE.node, PLACE.template))
    proxmox.guests[105] = Guest(105, "pve2", {"hostname": "elsewhere", "swap": "512"})
    return proxmox


def stories() -> list[Any]:
    found = []
    for module in (test_containers, test_reading, test_troubles):
        for name, story in inspect.getmembers(module, inspect.iscoroutinefunction):
            wanted = inspect.signature(story).parameters.keys()
            of_the_wire = any(word in name for word in _OF_THE_WIRE)
            if name.startswith("test_") and {"bench"} <= wanted <= {"bench", "simulator"} and not of_the_wire:
                found.append(pytest.param(story, id=name))
    return found


@pytest.mark.parametrize("story", stories())
def test_as_the_real_one(story: Story) -> None:
    async def told() -> None:
        bench = Bench(made())
        given: dict[str, Any] = {"bench": bench, "simulator": Faults(bench.proxmox)}
        await story(**{name: given[name] for name in inspect.signature(story).parameters})

    run(told())


def test_there_are_stories() -> None:
    assert len(stories()) > 25


@pytest.mark.parametrize("fault", [Fault("lost"), Fault("late", 45.0), Fault("held", 150.0), Fault("never")], ids=str)
def test_a_call_whose_answer_is_lost_is_executed_or_not_as_the_plan_says(fault: Fault) -> None:
    async def told() -> None:
        bench = Bench(made())
        bench.port._gate.points.plan = {1: fault}
        vmid = await bench.free_vmid()
        with pytest.raises(UnansweredError):
            await bench.client.create_container(bench.node, bench.spec(vmid))
        await asyncio.sleep(40)
        assert (vmid in bench.proxmox.guests) == (fault.mode == "lost")
        await asyncio.sleep(200)
        assert (vmid in bench.proxmox.guests) == (fault.mode != "never")

    run(told())
