"""Who holds what must be unique."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proximity.domain.claim.claim import (
    Claim,
    ClaimClosed,
    ClaimEvent,
    ClaimRefusedError,
    ClaimReleased,
    ClaimTaken,
    Wish,
    decide,
    evolve,
)

FREE, MINE, THEIRS = Claim(), Claim(frozenset({"a1"})), Claim(frozenset({"a2"}))
CLOSED = Claim(closed=True)


def take(*, shared: bool = False) -> Wish:
    return Wish("name", "wiki", "take", "a1", "op", shared)


RELEASE = Wish("name", "wiki", "release", "a1", "op")
CLOSE = Wish("tenancy", "c1", "close", "c1", "op", shared=True)


@pytest.mark.parametrize(
    ("wish", "claim", "events"),
    [
        (take(), FREE, [ClaimTaken(holder="a1", operation_id="op")]),
        (take(), MINE, []),
        (take(shared=True), THEIRS, [ClaimTaken(holder="a1", operation_id="op")]),
        (RELEASE, MINE, [ClaimReleased(holder="a1", operation_id="op")]),
        (RELEASE, FREE, []),
        (RELEASE, THEIRS, []),
        (CLOSE, FREE, [ClaimClosed(operation_id="op")]),
        (CLOSE, CLOSED, []),
    ],
)
def test_a_wish_is_granted(wish: Wish, claim: Claim, events: list[ClaimEvent]) -> None:
    assert decide(wish, claim) == events


@pytest.mark.parametrize(
    ("wish", "claim"), [(take(), THEIRS), (take(), CLOSED), (take(shared=True), CLOSED), (CLOSE, MINE)]
)
def test_a_wish_is_refused_and_the_holders_named(wish: Wish, claim: Claim) -> None:
    with pytest.raises(ClaimRefusedError) as refused:
        decide(wish, claim)
    assert (refused.value.holders, refused.value.closed) == (claim.holders, claim.closed)


WISHES = st.builds(
    Wish,
    st.just("name"),
    st.just("wiki"),
    st.sampled_from(["take", "release", "close"]),
    st.sampled_from(["a1", "a2", "a3"]),
    st.just("op"),
)


@given(st.lists(WISHES, max_size=20))
@settings(max_examples=300, deadline=None)
def test_there_are_never_two_holders_and_a_repeated_wish_changes_nothing(wishes: list[Wish]) -> None:
    claim = Claim()
    for wish in wishes:
        try:
            for event in decide(wish, claim):
                claim = evolve(claim, event)
        except ClaimRefusedError:
            continue
        assert decide(wish, claim) == []
        assert len(claim.holders) <= 1
        assert not (claim.closed and claim.holders)
