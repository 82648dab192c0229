"""Names, ids and the mark that proves a guest ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proximity.domain.application.marker import Marker, markers
from proximity.domain.ids import event_id, slug

MARKER = Marker("installation-1", "a1", "op1", 20001)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Müller's Wiki", "mullers-wiki"),
        ("  WIKI  ", "wiki"),
        ("a__b..c", "a-b-c"),
        ("-x-", "x"),
        ("日本", ""),
        ("x" * 70, "x" * 63),
        ("x" * 62 + " y", "x" * 62),
    ],
)
def test_the_unique_form_of_a_name(name: str, expected: str) -> None:
    assert slug(name) == expected


@given(st.text(max_size=100))
def test_it_is_a_host_name_and_its_own_unique_form(name: str) -> None:
    unique = slug(name)
    assert slug(unique) == unique
    assert len(unique) <= 63
    assert set(unique) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert not unique.startswith("-")
    assert not unique.endswith("-")


def test_the_same_decision_made_twice_gives_the_same_ids() -> None:
    assert event_id("cause", 0) == event_id("cause", 0)
    assert len({event_id("cause", 0), event_id("cause", 1), event_id("other", 0)}) == 3


@pytest.mark.parametrize(
    "description",
    [
        MARKER.line(),
        f"Made by hand\n{MARKER.line()}\nNotes: a:b",
        f"{MARKER.line()}\r\nedited elsewhere",
    ],
)
def test_the_mark_is_found_among_other_lines(description: str) -> None:
    assert markers(description) == [MARKER]


@pytest.mark.parametrize(
    "description",
    [
        "",
        "proximity:installation-1:a1:op1",
        "proximity:installation-1:a1:op1:20001 and more",
        " " + MARKER.line(),
        "notproximity:installation-1:a1:op1:20001",
        "proximity:installation-1::op1:20001",
        "proximity:installation-1:a1:op1:x",
    ],
)
def test_what_only_looks_like_it_is_no_mark(description: str) -> None:
    assert markers(description) == []


def test_a_clone_carries_the_line_of_another_guest() -> None:
    copied = Marker("installation-1", "a1", "op1", 20002)
    assert markers(f"{MARKER.line()}\n{copied.line()}") == [MARKER, copied]
