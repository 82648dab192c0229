"""The installation: founded once, restored once from each backup."""

from proximity.domain.settings.settings import INITIAL, Installation, evolve, found, restored
from support.deciders import NOON


def test_it_is_founded_once() -> None:
    (founded,) = found("i1", INITIAL)
    state = evolve(INITIAL, founded, NOON)
    assert state == Installation("i1")
    assert found("i2", state) == []


def test_a_restore_that_is_run_again_is_one() -> None:
    state = Installation("i1")
    (told,) = restored("b1", NOON, 7, state)
    state = evolve(state, told, NOON)
    assert state == Installation("i1", "b1")
    assert restored("b1", NOON, 8, state) == []
    assert restored("b2", NOON, 8, state)[0].position == 8
