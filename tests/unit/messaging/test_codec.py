"""Every type ever written can be read: the golden files stay for ever, also when the types are long gone."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from proximity.domain.model import Command, Event, Json
from proximity.messaging.aggregates import AGGREGATES
from proximity.messaging.codec import (
    COMMAND_TYPES,
    EVENT_TYPES,
    UnknownTypeError,
    dataschema,
    decode_command,
    decode_event,
    encode,
)
from proximity.messaging.upcasters import UPCASTERS, Upcasters, upcast

GOLDEN = Path(__file__).parent / "golden"
EVENT_FILES = sorted((GOLDEN / "events").glob("*.json"))
COMMAND_FILES = sorted((GOLDEN / "commands").glob("*.json"))


@pytest.mark.parametrize("path", EVENT_FILES, ids=lambda p: p.stem)
def test_an_event_as_it_was_once_written_reads_as_it_did(path: Path) -> None:
    golden = json.loads(path.read_text())
    event = decode_event(golden["type"], json.dumps(golden["body"]).encode())
    assert golden["read_as"]["type"] == event.TYPE
    assert _differences(golden["read_as"]["body"], json.loads(encode(event))) == []
    assert decode_event(event.TYPE, encode(event)) == event


@pytest.mark.parametrize("path", COMMAND_FILES, ids=lambda p: p.stem)
def test_a_command_as_it_was_once_written_reads_as_it_did(path: Path) -> None:
    golden = json.loads(path.read_text())
    command = decode_command(golden["type"], json.dumps(golden["body"]).encode())
    assert _differences(golden["body"], json.loads(encode(command))) == []
    assert decode_command(command.TYPE, encode(command)) == command


def test_every_type_that_can_be_written_has_a_golden_file() -> None:
    """A new type needs `golden/<events|commands>/<type>.json`; one that has a file must remain readable."""
    assert set(EVENT_TYPES) - {json.loads(p.read_text())["type"] for p in EVENT_FILES} == set()
    assert set(COMMAND_TYPES) - {json.loads(p.read_text())["type"] for p in COMMAND_FILES} == set()


def test_type_strings_are_unique_and_versioned() -> None:
    declared = [e.TYPE for a in AGGREGATES.values() for e in a.events] + list(COMMAND_TYPES)
    assert len(set(declared)) == len(declared)
    assert all(type_.rpartition(".v")[2].isdigit() for type_ in declared)


def test_an_unknown_type_is_refused_by_name() -> None:
    with pytest.raises(UnknownTypeError, match=r"application\.painted\.v1"):
        decode_event("application.painted.v1", b"{}")
    with pytest.raises(UnknownTypeError, match=r"application\.paint\.v1"):
        decode_command("application.paint.v1", b"{}")


def test_a_body_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValidationError):
        decode_event("application.vmid_claimed.v1", b'{"operation_id": "o"}')
    with pytest.raises(ValidationError):
        decode_command("application.start.v1", b'{"operation_id": "o", "application_id": "a", "surprise": 1}')


def test_a_field_of_a_newer_version_is_ignored_in_an_event() -> None:
    body = {"operation_id": "o", "cluster_id": "c", "node": "n", "vmid": 7, "added_later": True}
    event = decode_event("application.vmid_claimed.v1", json.dumps(body).encode())
    assert "added_later" not in event.model_dump()


def test_a_schema_s_name_is_its_own_and_stable() -> None:
    names = [dataschema(t) for t in (*EVENT_TYPES.values(), *COMMAND_TYPES.values())]
    assert len(set(names)) == len(names)
    assert names[0].startswith(f"urn:proximity:schema:{next(iter(EVENT_TYPES))}:")


def test_upcasters_lead_to_types_that_exist() -> None:
    for old in UPCASTERS:
        assert old not in EVENT_TYPES
        newest = old
        while newest in UPCASTERS:
            newest = UPCASTERS[newest][0]
        assert newest in EVENT_TYPES


@given(st.integers(1, 9), st.dictionaries(st.text(max_size=5), st.integers(), max_size=5))
def test_upcasters_chain_to_the_newest_version_and_leave_the_original_alone(steps: int, body: Json) -> None:
    chain: Upcasters = {f"t.v{n}": (f"t.v{n + 1}", _add(n)) for n in range(1, steps)}
    before = dict(body)
    type_, changed = upcast("t.v1", body, chain)
    assert type_ == f"t.v{steps}"
    assert changed == before | {f"added_{n}": n for n in range(1, steps)}
    assert body == before


def test_an_old_event_is_read_as_today_s() -> None:
    old: Upcasters = {
        "application.number_claimed.v1": (
            "application.vmid_claimed.v1",
            lambda body: {k: v for k, v in body.items() if k != "number"} | {"vmid": body["number"]},
        )
    }
    data = b'{"operation_id": "o", "cluster_id": "c", "node": "n", "number": 7}'
    event = decode_event("application.number_claimed.v1", data, old)
    assert event.model_dump() == {"operation_id": "o", "cluster_id": "c", "node": "n", "vmid": 7}


def _add(n: int) -> Any:
    return lambda body: body | {f"added_{n}": n}


def _differences(expected: Any, found: Any, path: str = "$") -> list[str]:
    """What was written and is read otherwise; a field that came later may be there in addition."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return [d for k, v in expected.items() for d in _differences(v, found.get(k, "(missing)"), f"{path}.{k}")]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found, strict=True))
        return [d for i, (e, f) in pairs for d in _differences(e, f, f"{path}[{i}]")]
    return [] if expected == found else [f"{path}: {expected!r} became {found!r}"]


def test_the_comparison_sees_a_changed_value() -> None:
    assert _differences({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}], "new": 1}) == ["$.a[1].b: 2 became 3"]


def test_all_declared_messages_are_domain_messages() -> None:
    assert all(issubclass(t, Event) for t in EVENT_TYPES.values())
    assert all(issubclass(t, Command) for t in COMMAND_TYPES.values())
