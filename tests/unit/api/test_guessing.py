"""Passwords and the throttle."""

import pytest

from proximity_api.passwords import Passwords, outdated
from proximity_api.problems import Problem
from proximity_api.throttle import REMEMBERED, Throttle


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_password_fits_its_hash_only() -> None:
    passwords = Passwords()
    hashed = await passwords.hash("correct horse")
    assert "correct" not in hashed
    assert not outdated(hashed)
    assert await passwords.verify(hashed, "correct horse")
    assert not await passwords.verify(hashed, "wrong horse")


@pytest.mark.parametrize("hashed", [None, "", "not a hash"])
async def test_who_has_no_hash_has_no_password(hashed: str | None) -> None:
    passwords = Passwords()
    assert not await passwords.verify(hashed, "")
    assert not await passwords.verify(hashed, "anything")


def test_the_wait_doubles_after_some_free_attempts() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    waits = []
    for _ in range(8):
        throttle.check("a")
        throttle.failed("a")
        try:
            throttle.check("a")
            waits.append(0)
        except Problem as problem:
            waits.append(int((problem.headers or {})["Retry-After"]))
        clock.now += 1000
    assert waits == [0, 0, 0, 0, 2, 3, 5, 9]


def test_success_forgets_and_others_are_not_slowed() -> None:
    throttle = Throttle(Clock())
    for _ in range(5):
        throttle.failed("a")
    with pytest.raises(Problem):
        throttle.check("a")
    throttle.check("b")
    throttle.succeeded("a")
    throttle.check("a")


def test_memory_is_bounded() -> None:
    throttle = Throttle(Clock())
    for n in range(REMEMBERED + 100):
        throttle.failed(str(n))
    assert len(throttle._failures) == REMEMBERED
