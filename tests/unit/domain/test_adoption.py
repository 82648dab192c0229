"""How a container that was there before becomes an application, and how it is given back."""

from typing import Any, Literal

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.application.adoption import TAG, TAG_REFUSED, Change, has_tag, marked, tags_of, unmarked
from proximity.domain.application.events import ApplicationEvent, StepName
from proximity.domain.application.evolve import evolve
from proximity.domain.application.marker import Marker, markers
from proximity.domain.claim.claim import ClaimRefusedError
from proximity.domain.finding import Finding
from proximity.domain.operation.cause import Cause
from support.deciders import given
from support.life import (
    ADOPTED,
    CAUSE,
    CLUSTER,
    INSPECTED,
    SPEC,
    Claims,
    Life,
    adopt,
    adopted,
    adopting,
    again,
    deployed,
    every_point_of,
)

DELETE = cmd.DeleteApplication(operation_id="delete", application_id="a1")
DESTROY = cmd.DeleteApplication(operation_id="delete", application_id="a1", destroy=True)
RELEASE = cmd.ReleaseApplication(operation_id="release", application_id="a1")
CANCEL = cmd.CancelOperation(operation_id="cancel", application_id="a1", target_operation_id="adopt")
GUEST = f"guest.{CLUSTER}-{ADOPTED}"
OURS = Marker("i1", "a1", "adopt", ADOPTED)


def lost_at(life: Life) -> int:
    """A mark is sent and its answer lost. When that was, in node time."""
    life.run(until="mark")
    life.advance()
    intent = life.app.operation and life.app.operation.intent
    assert intent
    life.happen(ev.CallUnanswered(operation_id="adopt", step="mark", reason="596"))
    return intent.node_time


def step_of(life: Life) -> str | None:
    return life.step.name if life.step else None


# --- adopting


def test_a_running_container_is_inspected_marked_and_asked_for_its_address() -> None:
    life = adopted()
    assert life.app.container
    assert (life.app.container.power, life.app.container.address, life.app.desired) == (
        "running",
        "10.0.0.9",
        "running",
    )
    assert [type(event) for event in life.events] == [
        ev.AdoptRequested,
        ev.ContainerInspected,
        ev.StepIntended,
        ev.ContainerMarked,
        ev.AddressFound,
        ev.OperationSucceeded,
    ]


def test_a_stopped_container_stays_stopped() -> None:
    life = adopted("stopped")
    assert life.app.desired == "stopped"
    assert not any(isinstance(event, ev.AddressFound) for event in life.events)
    assert life.app.deployed


def test_it_is_where_it_was_found() -> None:
    life = adopting()
    life.happen(INSPECTED.model_copy(update={"node": "pve2"}))
    assert life.app.container
    assert life.app.container.node == "pve2"


def test_a_container_without_an_address_is_adopted_all_the_same() -> None:
    life = adopting()
    life.run(until="find_address")
    life.happen(ev.StepFailed(operation_id="adopt", step="find_address", cause=CAUSE))
    assert isinstance(life.ends()["adopt"], ev.OperationSucceeded)
    assert life.app.deployed


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (adopt(operation_id="other"), "application_exists"),
        (cmd.StartApplication(operation_id="x", application_id="a1"), "operation_in_flight"),
        (RELEASE, "operation_in_flight"),
        (DESTROY, "operation_in_flight"),
    ],
)
def test_what_is_rejected_while_it_is_adopted(command: cmd.ApplicationCommand, code: str) -> None:
    given(*adopting().events).when(command).rejected(code)


def test_what_has_no_name_or_was_made_from_a_recipe_is_not_adopted() -> None:
    given().when(adopt(name="!?")).rejected("invalid_name")
    given().when(adopt().model_copy(update={"spec": SPEC})).rejected("invalid_spec")


def test_one_container_is_adopted_once() -> None:
    claims = Claims()
    adopting(claims)
    second = Life("a2", claims)
    with pytest.raises(ClaimRefusedError) as refused:
        second.do(adopt("two", "a2", name="Another"))
    assert refused.value.wish.kind == "guest"


# --- adopting in vain


@pytest.mark.parametrize("step", ["inspect", "mark"])
def test_an_adoption_that_fails_before_the_mark_leaves_nothing(step: ev.StepName) -> None:
    life = adopting()
    life.run(until=step)
    if step == "mark":
        life.advance()
    life.happen(ev.StepFailed(operation_id="adopt", step=step, cause=CAUSE))
    assert life.ends() == {"adopt": ev.OperationFailed(operation_id="adopt", kind="adopt", cause=CAUSE)}
    assert life.app.container is None
    assert life.claims.holders(GUEST) == frozenset()


def test_an_adoption_that_is_cancelled_after_the_mark_takes_it_off_again() -> None:
    life = adopting()
    life.run(until="find_address")
    life.do(CANCEL)
    assert step_of(life) == "unmark"
    life.run()
    assert life.ends()["adopt"] == ev.OperationCancelled(operation_id="adopt", kind="adopt", by_operation_id="cancel")
    assert life.claims.holders(GUEST) == frozenset()


@pytest.mark.parametrize("command", [CANCEL, DELETE], ids=["cancel", "delete"])
def test_a_mark_that_may_still_come_is_waited_for_before_the_container_is_given_up(
    command: cmd.ApplicationCommand,
) -> None:
    life = adopting()
    lost = lost_at(life)
    life.do(command)
    life.happen(ev.StepPostponed(operation_id="adopt", step="mark", cause=CAUSE, withdrawn=True))
    assert (step_of(life), life.app.lost_mark) == ("unmark", lost)
    life.run()
    assert life.app.lost_mark is None
    assert life.claims.holders(GUEST) == frozenset()


def test_a_container_that_keeps_our_mark_is_named_and_stays_taken_until_it_is_deleted() -> None:
    life = adopting()
    life.run(until="find_address")
    life.do(CANCEL)
    life.happen(ev.StepFailed(operation_id="adopt", step="unmark", cause=CAUSE))
    end = life.ends()["adopt"]
    assert isinstance(end, ev.OperationFailed)
    assert end.left_behind == f"pve/{ADOPTED}"
    assert life.claims.holders(GUEST) == {"a1"}
    life.do(DELETE)
    assert step_of(life) == "unmark"
    life.run()
    assert life.app.deleted
    assert life.claims.holders(GUEST) == frozenset()


# --- a mark whose answer was lost


def test_a_mark_that_is_proven_was_the_only_one_and_cannot_come_late() -> None:
    life = adopting()
    lost_at(life)
    life.happen(ev.ContainerMarked(operation_id="adopt", tagged=True))
    assert life.app.lost_mark is None


def test_a_mark_that_was_repeated_may_come_late_once_the_container_is_given_back() -> None:
    life = adopting()
    lost = lost_at(life)
    step = life.step
    assert step
    life.happen(life.intended(step))
    life.happen(ev.ContainerMarked(operation_id="adopt", tagged=True))
    life.run()
    assert life.app.lost_mark == lost
    life.do(RELEASE)
    life.run()
    assert life.app.deleted
    assert life.app.lost_mark is None


@pytest.mark.parametrize("verdict", ["succeeded", "not_executed", "failed"])
def test_what_a_person_says_of_it_ends_it(verdict: Any) -> None:
    """But what Proxmox still holds may come late, unless it was that which took effect."""
    life = adopting()
    lost_at(life)
    life.happen(
        ev.OperationUndecided(operation_id="adopt", kind="adopt", step="mark", cause=CAUSE, command="pct config 105")
    )
    life.do(
        cmd.ResolveOperation(
            operation_id="resolve",
            application_id="a1",
            target_operation_id="adopt",
            verdict=verdict,
        )
    )
    assert (life.app.lost_mark is None) == (verdict == "succeeded")
    life.run()
    assert set(life.ends()) == {"adopt", "resolve"}


# --- giving it back


@pytest.mark.parametrize("command", [RELEASE, DELETE], ids=["release", "delete"])
def test_release_and_delete_only_take_the_mark_off(command: cmd.ApplicationCommand) -> None:
    life = adopted()
    before = len(life.events)
    life.do(command)
    life.run()
    assert [e.step for e in life.events[before:] if isinstance(e, ev.StepIntended)] == ["unmark"]
    assert (life.app.deleted, life.app.container) == (True, None)
    assert life.claims.holders(GUEST) == frozenset()
    second = Life("a2", life.claims)
    second.do(adopt("two", "a2"))


def test_it_is_destroyed_if_that_is_asked_for_expressly() -> None:
    life = adopted()
    life.do(DESTROY)
    life.run()
    assert [e.step for e in life.events if isinstance(e, ev.StepIntended)] == ["mark", "shutdown", "destroy"]
    assert life.app.deleted


def test_what_proximity_made_is_not_released() -> None:
    given(*deployed().events).when(RELEASE).rejected("not_adopted")


def test_a_release_that_fails_leaves_the_application_as_it_was() -> None:
    life = adopted()
    life.do(RELEASE)
    life.happen(ev.StepFailed(operation_id="release", step="unmark", cause=CAUSE))
    assert isinstance(life.ends()["release"], ev.OperationFailed)
    assert (life.app.desired, life.app.deleted) == ("running", False)
    assert life.claims.holders(GUEST) == {"a1"}
    life.do(RELEASE.model_copy(update={"operation_id": "again"}))
    life.run()
    assert life.app.deleted


STOPPED_OUTSIDE = Finding(key="stopped_outside", kind="stopped_outside", message="It is stopped.")


@pytest.mark.parametrize("command", [RELEASE, DELETE], ids=["release", "delete"])
@pytest.mark.parametrize("power", ["running", "stopped"])
def test_what_could_not_be_given_back_is_wanted_as_before(
    power: Literal["running", "stopped"], command: cmd.ApplicationCommand
) -> None:
    """Whatever it does at that moment: what was stopped outside is still to run."""
    life = adopted(power)
    life.state = evolve(life.state, ev.FindingOpened(finding=STOPPED_OUTSIDE), life.now)
    life.do(command)
    life.happen(ev.StepFailed(operation_id=command.operation_id, step="unmark", cause=CAUSE))
    assert (life.app.desired, life.app.deleted) == (power, False)


@pytest.mark.parametrize(("step", "wanted"), [("shutdown", "running"), ("destroy", "stopped")])
def test_what_could_not_be_destroyed_is_wanted_as_we_left_it(step: StepName, wanted: str) -> None:
    life = adopted()
    life.do(DESTROY)
    life.run(until=step)
    life.happen(ev.StepFailed(operation_id="delete", step=step, cause=CAUSE))
    if step == "shutdown":
        life.happen(ev.StepFailed(operation_id="delete", step="stop", cause=CAUSE))
    assert isinstance(life.ends()["delete"], ev.OperationFailed)
    assert (life.app.desired, life.app.deleted) == (wanted, False)


def test_a_delete_that_waited_for_the_look_knows_what_it_was_before() -> None:
    life = adopting()
    life.do(DELETE)
    life.happen(INSPECTED.model_copy(update={"power": "stopped"}))
    assert (life.app.desired, life.app.queued) == ("absent", None)


def test_that_the_tag_was_refused_is_known_whatever_else_is_waited_for() -> None:
    life = adopting()
    life.run(until="mark")
    life.advance()
    refused = Cause(code=TAG_REFUSED, message="The tag is left to others.")
    for cause, withdrawn in ((refused, True), (CAUSE, False)):
        life.happen(ev.StepPostponed(operation_id="adopt", step="mark", cause=cause, withdrawn=withdrawn))
        assert life.app.operation
        assert life.app.operation.tag_refused
    life.happen(ev.ContainerMarked(operation_id="adopt", tagged=False))
    assert life.app.operation
    assert not life.app.operation.tag_refused


@pytest.mark.parametrize("kind", [cmd.StopApplication, cmd.ShutdownApplication, cmd.RestartApplication])
def test_what_is_adopted_is_operated_as_any_other(kind: type[cmd.StopApplication]) -> None:
    life = adopted()
    life.do(kind(operation_id="x", application_id="a1"))
    life.run()
    assert isinstance(life.ends()["x"], ev.OperationSucceeded)


POINTS = every_point_of(adopted())


@pytest.mark.parametrize("past", POINTS, ids=lambda past: f"{len(past)}-after-{past[-1].TYPE.split('.')[1]}")
@pytest.mark.parametrize("command", [CANCEL, DELETE], ids=["cancel", "delete"])
def test_at_every_point_an_adoption_can_be_broken_off_and_leaves_no_mark(
    past: list[ApplicationEvent], command: cmd.ApplicationCommand
) -> None:
    life = again(past)
    life.do(command)
    life.run()
    kinds = [type(event) for event in life.events]
    assert isinstance(life.ends()["adopt"], ev.OperationCancelled)
    assert kinds.count(ev.ContainerMarked) == kinds.count(ev.ContainerUnmarked)
    assert life.app.operation is None
    assert life.claims.holders(GUEST) == frozenset()


# --- what is written


def change_of(description: str | None, tags: str | None) -> tuple[dict[str, str], str]:
    """A configuration as Proxmox gives it, and its description without the newline that Proxmox adds."""
    values = {"hostname": "x"}
    values |= {"description": description} if description is not None else {}
    values |= {"tags": tags} if tags is not None else {}
    return values, (description or "").removesuffix("\n")


def applied(values: dict[str, str], change: Change) -> dict[str, str]:
    """As Proxmox VE does: a description ends with one newline, tags are sorted."""
    after = {key: value for key, value in (values | change.values).items() if key not in change.delete}
    if "description" in change.values:
        after["description"] = after["description"].rstrip("\n") + "\n"
    if "tags" in change.values:
        after["tags"] = ";".join(sorted(set(tags_of(after))))
    return after


LINES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
DESCRIPTIONS = st.none() | st.lists(LINES, min_size=1, max_size=6).map("\n".join).filter(
    lambda text: bool(text.strip("\n"))
).map(lambda text: text.rstrip("\n") + "\n")
TAGS = st.none() | st.sets(st.sampled_from(["docs", "media", TAG, "zoo"]), min_size=1).map(
    lambda tags: ";".join(sorted(tags))
)


@drawn(DESCRIPTIONS, TAGS, st.booleans())
@settings(max_examples=300, deadline=None)
def test_given_back_it_is_as_it_was(description: str | None, tags: str | None, tag_refused: bool) -> None:
    values, text = change_of(description, tags)
    tag = not has_tag(values) and not tag_refused
    during = applied(values, marked(text, values, OURS, tag=tag))
    assert OURS in markers(during["description"])
    assert during["description"].startswith(text)
    assert has_tag(during) or tag_refused
    after = applied(during, unmarked(during["description"].removesuffix("\n"), during, OURS, tag=not has_tag(values)))
    assert after == values


def test_what_others_wrote_meanwhile_stays() -> None:
    values = {"description": f"new\n{OURS.line()}\r\nnewer\n", "tags": "docs;proximity;newest"}
    change = unmarked(values["description"].removesuffix("\n"), values, OURS, tag=True)
    assert change == Change({"description": "new\nnewer", "tags": "docs;newest"})


def test_nothing_is_written_about_a_tag_that_was_there() -> None:
    values = {"tags": "docs;Proximity"}
    assert marked("", values, OURS, tag=not has_tag(values)) == Change({"description": OURS.line()})


def test_a_line_that_was_left_gives_way_and_copied_or_foreign_ones_stay() -> None:
    left = Marker("i1", "gone", "op", ADOPTED).line()
    copied = Marker("i1", "other", "op", 999).line()
    foreign = Marker("i2", "other", "op", ADOPTED).line()
    change = marked(f"a\n{left}\nb\n{copied}\n{foreign}", {}, OURS, tag=False)
    assert change.values["description"] == f"a\nb\n{copied}\n{foreign}\n{OURS.line()}"
