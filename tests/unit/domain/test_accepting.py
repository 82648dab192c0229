"""A setting that was changed outside is taken for right: nothing differs any more, until it is changed again."""

import pytest

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.application.evolve import evolve
from proximity.domain.application.state import Application, Baseline
from proximity.domain.drift import FirstSeen, corrections, find_drift
from proximity.domain.drift import findings as f
from proximity.domain.drift.corrections import Damping
from proximity.domain.finding import Finding, Setting
from support.comparing import APPLICATIONS, ENVIRONMENT, INSTALLATION, app, compared, found, later, look, view
from support.deciders import given
from support.life import Life, deployed

MEMORY = f.configuration_changed("memory", "512", "1024")
ADDED = f.configuration_changed("onboot", None, "1")
TAKEN = f.configuration_changed("net0", "name=eth0", None)
TOKEN = f.environment_changed("TOKEN", "e1")
DROPPED = f.environment_changed("URL", None)
BEFORE = Baseline({"memory": "512", "net0": "name=eth0"}, {"TOKEN": "e0", "URL": "u0"})


def accept(key: str, operation_id: str = "accept") -> cmd.AcceptConfiguration:
    return cmd.AcceptConfiguration(operation_id=operation_id, application_id="a1", key=key)


def changed(*findings: Finding, baseline: Baseline | None = BEFORE) -> Life:
    """An application with these findings open."""
    life = deployed()
    if baseline:
        life.state = evolve(
            life.state,
            ev.ConfigurationObserved(values=baseline.values, environment=baseline.environment, whole=True),
            life.now,
        )
    for finding in findings:
        life.state = evolve(life.state, ev.FindingOpened(finding=finding), life.now)
    return life


@pytest.mark.parametrize(
    ("finding", "baseline"),
    [
        (MEMORY, Baseline({"memory": "1024", "net0": "name=eth0"}, BEFORE.environment)),
        (ADDED, Baseline({**BEFORE.values, "onboot": "1"}, BEFORE.environment)),
        (TAKEN, Baseline({"memory": "512"}, BEFORE.environment)),
        (TOKEN, Baseline(BEFORE.values, {"TOKEN": "e1", "URL": "u0"})),
        (DROPPED, Baseline(BEFORE.values, {"TOKEN": "e0"})),
    ],
    ids=lambda value: value.key if isinstance(value, Finding) else "",
)
def test_what_is_accepted_is_what_later_changes_are_told_by(finding: Finding, baseline: Baseline) -> None:
    life = changed(finding, f.stopped_outside())
    said = life.do(accept(finding.key))
    assert finding.setting
    assert said == [
        ev.ConfigurationAccepted(operation_id="accept", key=finding.key, setting=finding.setting),
        ev.OperationSucceeded(operation_id="accept", kind="accept_configuration"),
    ]
    assert life.app.baseline == baseline
    assert set(life.app.findings) == {"stopped_outside"}
    assert life.do(accept(finding.key)) == [], "it was handled before"


def test_a_baseline_that_is_made_anew_is_left_to_the_next_look() -> None:
    life = changed(MEMORY, baseline=None)
    life.do(accept(MEMORY.key))
    assert (life.app.baseline, life.app.findings) == (None, {})


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("configuration_changed:cores", "finding_not_found"),
        ("stopped_outside", "not_acceptable"),
        ("configuration_changed:swap", "not_acceptable"),
    ],
)
def test_what_cannot_be_accepted(key: str, code: str) -> None:
    told_before_settings_were = Finding(key="configuration_changed:swap", kind="configuration_changed", message="?")
    events = [ev.FindingOpened(finding=finding) for finding in (f.stopped_outside(), told_before_settings_were)]
    given(*deployed().events, *events).when(accept(key)).rejected(code)


def test_what_was_changed_again_since_it_was_accepted_is_not_taken() -> None:
    """The command was on its way when the finding closed and opened again with another value."""
    again = f.configuration_changed("memory", "512", "4096")
    meant = accept(MEMORY.key).model_copy(update={"setting": MEMORY.setting})
    events = [ev.FindingOpened(finding=MEMORY), ev.FindingClosed(key=MEMORY.key), ev.FindingOpened(finding=again)]
    given(*deployed().events, *events).when(meant).rejected("changed_meanwhile")
    accepted = ev.ConfigurationAccepted(operation_id="accept", key=MEMORY.key, setting=again.setting)
    done = ev.OperationSucceeded(operation_id="accept", kind="accept_configuration")
    meant = meant.model_copy(update={"setting": again.setting})
    given(*deployed().events, *events).when(meant).then(accepted, done)


def test_an_application_that_is_no_more_accepts_nothing() -> None:
    life = changed(MEMORY)
    life.do(cmd.DeleteApplication(operation_id="delete", application_id="a1"))
    life.run()
    given(*life.events).when(accept(MEMORY.key)).rejected("application_not_found")


def test_what_was_accepted_differs_no_more_and_what_is_changed_again_does() -> None:
    """The whole way: seen, told, accepted, seen again."""
    seen = look({"memory": "1024", "cores": "4"}, environment={"TOKEN": "changed"})
    differences = compared(app(), view(seen))
    told = found(differences)
    assert set(told) == {f"configuration_changed:{field}" for field in ("memory", "cores", "env.TOKEN")}
    state = changed(*told.values(), baseline=app().baseline).app
    for key in ("configuration_changed:memory", "configuration_changed:env.TOKEN"):
        setting = told[key].setting
        assert setting
        accepted = evolve(state, ev.ConfigurationAccepted(operation_id="x", key=key, setting=setting), later(30))
        assert isinstance(accepted, Application)
        state = accepted
    left = app(*state.findings.values(), baseline=state.baseline)
    assert set(found(compared(left, view(seen)))) == {"configuration_changed:cores"}
    back = look({"cores": "4"}, environment=ENVIRONMENT)
    assert set(found(compared(left, view(back)))) == set(told), "also what is set back is a change now"
    assert not any(isinstance(d, FirstSeen) for d in find_drift([left], view(seen), INSTALLATION, APPLICATIONS))


def test_another_value_of_what_may_be_secret_is_told_again() -> None:
    """Its words are the same; what would be accepted is another."""
    known, other = f.environment_changed("TOKEN", "e1"), f.environment_changed("TOKEN", "e2")
    assert known.message == other.message
    differences = compared(app(known), view(look(environment={"TOKEN": "e2"})))
    said, _ = corrections([app(known)], differences, Damping(), later(25))
    assert [c.event for c in said] == [ev.FindingClosed(key=known.key), ev.FindingOpened(finding=other)]
    assert other.setting == Setting(field="env.TOKEN", value="e2")
