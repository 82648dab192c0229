"""When a task is looked at again."""

from datetime import timedelta

from proximity_provisioner.pace import Pace


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def looks(pace: Pace, until: float) -> list[float]:
    """When they are, after the task began."""
    at = [timedelta()]
    while at[-1] < seconds(until):
        at.append(at[-1] + pace.look_again("c", "create", at[-1]))
    return [round(one.total_seconds(), 2) for one in at[1:]]


def test_nothing_known_of_such_a_task() -> None:
    assert looks(Pace(), 1.0) == [0.3, 0.6, 0.9, 1.2]


def test_seldom_before_it_can_be_over_and_often_from_then_on() -> None:
    pace = Pace()
    for took in (4.1, 3.6, 3.9):
        pace.ended("c", "create", seconds(took))
    assert looks(pace, 3.9) == [1.0, 2.0, 3.0, 3.45, 3.6, 3.75, 3.9]


def test_it_closes_in_on_the_end() -> None:
    """What is found over was over for a while: each look finds the next one of its kind a little sooner."""
    pace = Pace()
    pace.ended("c", "create", seconds(1.9))
    found = []
    for _ in range(4):
        found.append(next(at for at in looks(pace, 2) if at >= 1.5))
        pace.ended("c", "create", seconds(found[-1]))
    assert found == [1.75, 1.6, 1.6, 1.6]


def test_each_kind_and_cluster_for_itself() -> None:
    pace = Pace()
    pace.ended("other", "create", seconds(3))
    pace.ended("c", "start", seconds(3))
    assert pace.look_again("c", "create", timedelta()) == seconds(0.3)


def test_one_that_takes_much_longer_is_not_looked_at_all_the_time() -> None:
    pace = Pace()
    pace.ended("c", "create", seconds(3))
    assert pace.look_again("c", "create", seconds(60)) == seconds(2)
