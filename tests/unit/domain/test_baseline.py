"""From when on a change of a container's configuration is one: from when we read it ourselves."""

from proximity.domain.application import commands as cmd
from proximity.domain.application import events as ev
from proximity.domain.application.configuration import Configuration
from proximity.domain.application.state import Baseline
from proximity.domain.drift import Damping, FirstSeen, corrections
from proximity.domain.drift.configuration import comparable
from support.comparing import ENVIRONMENT, VALUES, app, compared, found, later, look, view
from support.life import CAUSE, INSPECTED, Life, adopting, deployed, deploying

READ = Configuration(values=comparable(VALUES), environment=ENVIRONMENT)
BASELINE = Baseline(READ.values, READ.environment)
CHANGED = look({"memory": "1024"}, environment={"TOKEN": "another"})
CHANGES = {"configuration_changed:memory", "configuration_changed:env.TOKEN"}
CANCEL = cmd.CancelOperation(operation_id="cancel", application_id="a1", target_operation_id="adopt")


def inspected(configuration: Configuration | None = READ) -> Life:
    life = adopting()
    life.happen(INSPECTED.model_copy(update={"configuration": configuration}))
    return life


def configured(configuration: Configuration | None = READ) -> Life:
    life = deploying()
    life.run(until="configure")
    life.advance()
    life.happen(ev.ContainerConfigured(operation_id="deploy", configuration=configuration))
    return life


def test_given_an_adoption_then_what_was_inspected_is_the_baseline_at_once_and_to_its_end() -> None:
    life = inspected()
    assert life.app.baseline == BASELINE
    life.run()
    assert (life.app.deployed, life.app.baseline) == (True, BASELINE)


def test_given_an_adoption_when_it_is_changed_before_its_first_look_then_that_is_told() -> None:
    """Whether that was after the adoption or between the inspection and its end."""
    life = inspected()
    life.run()
    differences = compared(app(baseline=life.app.baseline), view(CHANGED))
    assert set(found(differences)) == CHANGES
    assert not [d for d in differences if isinstance(d, FirstSeen)]
    said, _ = corrections([app(baseline=life.app.baseline)], differences, Damping(), later(30))
    assert {c.event.finding.key for c in said if isinstance(c.event, ev.FindingOpened)} == CHANGES
    assert not [c for c in said if isinstance(c.event, ev.ConfigurationObserved)]


def test_our_own_mark_is_no_change() -> None:
    marked = look({"description": "Wiki\nproximity:i1:a1:o1:105", "tags": "docs;proximity"})
    assert compared(app(baseline=inspected().app.baseline), view(marked)) == []


def test_of_two_that_inspected_it_the_first_counts() -> None:
    """The other one's is no news, whatever it read."""
    life = inspected()
    another = Configuration(values={"memory": "1024"}, environment={})
    assert life.happen(INSPECTED.model_copy(update={"configuration": another})) == []
    assert life.app.baseline == BASELINE


def test_a_mark_that_is_refused_and_made_again_changes_nothing_of_it() -> None:
    """Somebody changed the container after it was inspected: the call was made for another configuration."""
    life = inspected()
    life.advance()
    life.happen(ev.StepPostponed(operation_id="adopt", step="mark", cause=CAUSE, withdrawn=True))
    life.run()
    assert isinstance(life.ends()["adopt"], ev.OperationSucceeded)
    assert life.app.baseline == BASELINE


def test_an_adoption_in_vain_leaves_nothing_to_compare() -> None:
    life = inspected()
    life.do(CANCEL)
    life.run()
    assert life.app.container is None


def test_given_an_adoption_from_before_that_was_read_then_the_first_look_makes_the_baseline() -> None:
    life = inspected(None)
    life.run()
    assert life.app.baseline is None
    [first] = compared(app(baseline=life.app.baseline), view(look()))
    assert first == FirstSeen("a1", 105, BASELINE)


def test_given_a_deployment_then_it_is_what_was_read_when_it_was_configured() -> None:
    life = configured()
    assert life.app.baseline == BASELINE
    life.run()
    assert (life.app.deployed, life.app.baseline) == (True, BASELINE)


def test_what_could_not_be_read_at_a_deployment_is_left_to_the_first_look() -> None:
    life = configured(None)
    life.run()
    assert life.app.baseline is None
    assert deployed().app.baseline is None


def test_operating_it_leaves_the_baseline_as_it_is() -> None:
    life = configured()
    life.run()
    life.do(cmd.RestartApplication(operation_id="restart", application_id="a1"))
    life.run()
    assert life.app.baseline == BASELINE
