"""The envelope against the CloudEvents SDK, and there and back for whatever a header may have to carry."""

from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from proximity.messaging.envelope import (
    Actor,
    EnvelopeError,
    Metadata,
    Origin,
    decode_value,
    encode_value,
    from_headers,
    to_headers,
)

META = Metadata(
    id="7c1f",
    type="application.container_created.v1",
    source="urn:proximity:i1:provisioner",
    time=datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC),
    causation_id="cause",
    correlation_id="operation",
    actor=Actor("user", "u1"),
    reason='because "it" was 100 % needed — Größe',
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    version=3,
)


def _headers(meta: Metadata = META) -> dict[str, str]:
    return to_headers(meta, "application/a1", "a1", "urn:proximity:schema:x:1")


def test_the_sdk_reads_what_we_write() -> None:
    """The HTTP binding's binary mode differs in one attribute only: the content type has a header of its own there."""
    headers = {name: value for name, value in _headers().items() if name != "ce-datacontenttype"}
    event = from_binary(HTTPMessage(headers, b'{"vmid": 1}'), JSONFormat(), CloudEvent)
    assert event.get_specversion() == "1.0"
    assert event.get_id() == "7c1f"
    assert event.get_type() == "dev.proximity.application.container_created.v1"
    assert event.get_source() == "urn:proximity:i1:provisioner"
    assert event.get_subject() == "application/a1"
    assert event.get_time() == META.time
    assert event.get_dataschema() == "urn:proximity:schema:x:1"
    assert event.get_data() == {"vmid": 1}
    extensions = {"reason": META.reason, "correlationid": "operation", "causationid": "cause", "authtype": "user"}
    extensions |= {"authid": "u1", "partitionkey": "a1", "aggregateversion": "3", "traceparent": META.traceparent}
    assert {name: event.get_extension(name) for name in extensions} == extensions


def test_names_are_lower_case_and_the_message_id_is_the_event_s() -> None:
    headers = _headers()
    assert headers["Nats-Msg-Id"] == headers["ce-id"] == "7c1f"
    assert {n for n in headers if n.lower() != n} == {"Nats-Msg-Id"}
    assert headers["ce-datacontenttype"] == "application/json"


@given(st.text(max_size=300))
def test_any_value_survives_a_header(value: str) -> None:
    encoded = encode_value(value)
    assert encoded.isascii()
    assert not set(encoded) & set(' "\r\n\x7f')
    assert decode_value(encoded) == value


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@given(
    st.builds(
        Metadata,
        id=_TEXT,
        type=_TEXT,
        source=_TEXT,
        time=st.datetimes(timezones=st.just(UTC)),
        causation_id=_TEXT,
        correlation_id=_TEXT,
        actor=st.builds(Actor, st.sampled_from(["user", "service_account", "api_key", "system"]), _TEXT),
        reason=st.text(max_size=60),
        traceparent=st.text(max_size=60),
        version=st.integers(0, 2**62),
    )
)
def test_metadata_there_and_back(meta: Metadata) -> None:
    assert from_headers(_headers(meta)) == meta


def test_names_are_read_without_regard_to_case() -> None:
    assert from_headers({name.title(): value for name, value in _headers().items()}) == META


def test_a_quoted_string_is_accepted() -> None:
    assert decode_value('"a \\"quoted\\" word"') == 'a "quoted" word'


@pytest.mark.parametrize("value", ["%C0%A0", "%FF", "%ED%A0%80"])
def test_what_is_not_utf_8_is_refused(value: str) -> None:
    with pytest.raises(EnvelopeError):
        decode_value(value)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("ce-specversion", "0.3"),
        ("ce-type", "com.example.thing"),
        ("ce-id", None),
        ("ce-authtype", "root"),
        ("ce-time", "yesterday"),
        ("ce-aggregateversion", "three"),
        ("ce-correlationid", None),
    ],
)
def test_a_foreign_or_broken_envelope_is_refused_by_name(header: str, value: str | None) -> None:
    headers: dict[str, Any] = _headers() | {header: value}
    with pytest.raises(EnvelopeError, match=header):
        from_headers({name: v for name, v in headers.items() if v is not None})


def test_what_follows_keeps_the_correlation_and_names_its_cause() -> None:
    following = Origin.of(META)
    assert following == Origin("7c1f", "operation", Actor("user", "u1"), META.reason, META.traceparent)
