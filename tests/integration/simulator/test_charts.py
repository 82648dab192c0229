"""Charts: as many points as a real node has, and figures that move."""

import itertools

import pytest

from integration.simulator.conftest import Pve


@pytest.mark.parametrize(("frame", "step", "count"), [("hour", 60, 60), ("day", 60, 1440)])
@pytest.mark.parametrize("of", ["", "/lxc/100", "/storage/local"])
def test_points_lie_a_step_apart(pve: Pve, of: str, frame: str, step: int, count: int) -> None:
    points = pve.get(f"/nodes/pve1{of}/rrddata", timeframe=frame)
    times = [point["time"] for point in points]
    assert len(times) == count
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {step}


def test_a_running_guest_moves_and_a_stopped_one_does_not(pve: Pve) -> None:
    running = pve.get("/nodes/pve1/lxc/100/rrddata", timeframe="hour")
    assert len({point["cpu"] for point in running}) > 10
    stopped = pve.get("/nodes/pve2/lxc/105/rrddata", timeframe="hour")
    assert {frozenset(point) for point in stopped} == {frozenset({"time", "disk", "maxdisk", "maxmem", "maxcpu"})}


def test_a_missing_guest_has_no_chart(pve: Pve) -> None:
    answer = pve.call("GET", "/nodes/pve1/lxc/19999/rrddata", params={"timeframe": "hour"})
    assert answer.status_code == 500
    assert answer.reason.startswith("RRD error: ")
