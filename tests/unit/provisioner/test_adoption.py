"""What adopting notes of a container, and what giving it back takes away."""

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from proximity.domain.application import events as ev
from proximity.domain.application.adoption import Change
from proximity.domain.application.configuration import Configuration
from proximity.domain.application.marker import Marker
from proximity.domain.application.state import Adoption, Container
from proximity.proxmox.observe import GuestConfig
from proximity.vault.hashes import ConfigurationHash
from proximity_provisioner.effect import Ready
from proximity_provisioner.job import Happened, Job
from proximity_provisioner.steps.adoption import Mark, Unmark, inspect

MARKER = Marker("inst", "a1", "op", 105)
HASHES = ConfigurationHash(bytes(32))


class Node:
    def __init__(self, config: GuestConfig) -> None:
        self._config = config

    async def guest_config(self, node: str, vmid: int) -> GuestConfig:
        return self._config

    async def guest_status(self, node: str, vmid: int) -> SimpleNamespace:
        return SimpleNamespace(status="running")

    async def permissions(self, path: str) -> dict[str, dict[str, int]]:
        return {path: {"VM.Audit": 1, "VM.Config.Options": 1}}


async def nobody(cluster_id: str, vmid: int, *, but: str) -> None:
    return None


def job(config: GuestConfig, adoption: Adoption | None = None, *, tag_refused: bool = False) -> Job:
    made = SimpleNamespace(
        application_id="a1",
        app=SimpleNamespace(adoption=adoption, lost_mark=None),
        op=SimpleNamespace(id="op"),
        container=Container("c1", "pve1", 105, "op"),
        proxmox=Node(config),
        tools=SimpleNamespace(installation_id="inst", journal=SimpleNamespace(keeper=nobody), hashes=HASHES),
        tag_refused=tag_refused,
    )
    return cast(Job, made)


@pytest.mark.parametrize(("values", "hostname"), [({}, ""), ({"hostname": "wiki"}, "wiki")])
async def test_a_container_that_was_given_no_name_has_none(values: dict[str, str], hostname: str) -> None:
    answer = await inspect(job(GuestConfig("d", "", None, values)))
    assert isinstance(answer, Happened)
    assert isinstance(answer.event, ev.ContainerInspected)
    assert answer.event.hostname == hostname


async def test_what_it_is_before_anything_is_written_is_what_later_changes_are_told_by() -> None:
    values = {"memory": "512", "tags": "docs", "lxc": "lxc.environment=canary-raw", "description": "canary-text"}
    answer = await inspect(job(GuestConfig("d", "canary-text", None, values, {"TOKEN": "canary-token"})))
    assert isinstance(answer, Happened)
    assert isinstance(answer.event, ev.ContainerInspected)
    assert answer.event.configuration == Configuration(
        values={"memory": "512", "lxc": HASHES.of(105, "lxc", values["lxc"])},
        environment={"TOKEN": HASHES.of(105, "TOKEN", "canary-token")},
    )
    assert "canary" not in answer.event.model_dump_json()


async def test_what_is_changed_before_the_mark_is_not_read_again() -> None:
    """The mark is made for what is there then; that it is otherwise than it was inspected is told afterwards."""
    ready = await Mark().prepare(job(GuestConfig("changed", "", None, {"memory": "1024"}), OUR_TAG))
    assert isinstance(ready, Ready)
    assert (ready.digest, ready.change) == ("changed", Change({"description": MARKER.line(), "tags": "proximity"}))


@pytest.mark.parametrize(
    ("had_tag", "tagged", "tag_refused", "taken"),
    [
        (False, True, False, True),
        (False, None, False, True),
        (False, False, False, False),
        (False, True, True, False),
        (True, True, False, False),
    ],
)
async def test_only_a_tag_that_is_ours_is_taken_away(
    had_tag: bool, tagged: bool | None, tag_refused: bool, taken: bool
) -> None:
    """Refused at the adoption, a tag that is there now is somebody else's."""
    config = GuestConfig("d", MARKER.line(), None, {"tags": "docs;proximity"})
    adoption = Adoption(had_tag, had_description=False, hostname="wiki", tagged=tagged)
    ready = await Unmark().prepare(job(config, adoption, tag_refused=tag_refused))
    assert isinstance(ready, Ready)
    assert ready.change == Change({"tags": "docs"} if taken else {}, ("description",))


OUR_TAG = Adoption(had_tag=False, had_description=False, hostname="wiki", tagged=True)


@pytest.mark.parametrize(
    ("adoption", "tag_refused", "left"),
    [
        (OUR_TAG, True, True),
        (OUR_TAG, False, False),
        (replace(OUR_TAG, tagged=None), True, True),
        (replace(OUR_TAG, tagged=False), True, False),
        (replace(OUR_TAG, had_tag=True), True, False),
    ],
)
async def test_a_tag_of_ours_that_proxmox_keeps_is_told(adoption: Adoption, tag_refused: bool, left: bool) -> None:
    asked = job(GuestConfig("d", MARKER.line(), None, {}), adoption, tag_refused=tag_refused)
    assert await Unmark().outcome(asked, 0) == ev.ContainerUnmarked(operation_id="op", tag_left=left)


@pytest.mark.parametrize(("tags", "left"), [({"tags": "docs;proximity"}, True), ({"tags": "docs"}, False), ({}, False)])
async def test_a_line_that_somebody_took_away_may_have_left_the_tag(tags: dict[str, str], left: bool) -> None:
    answer = await Unmark().prepare(job(GuestConfig("d", "", None, tags), OUR_TAG))
    assert answer == Happened(ev.ContainerUnmarked(operation_id="op", tag_left=left))
