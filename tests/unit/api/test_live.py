"""Frames and clients of the live stream, without a server."""

import asyncio

import orjson
import pytest

from proximity.readmodel.frames import Change, Frame
from proximity_api import sse
from proximity_api.client import Client
from proximity_api.hub import encode


def frame(position: int, name: str = "x") -> Frame:
    return Frame(position, (Change("applications", "a", {"name": name}),))


async def test_each_client_is_told_what_it_was_sent_before() -> None:
    early, late = Client("s", 3, 10), Client("s", 5, 10)
    for client in (early, late):
        client.offer(encode(frame(7), "e"))
    for client, prev in ((early, 3), (late, 5)):
        lines = (await client.take()).decode().split("\n")
        assert lines[0] == "id: e:7"
        assert orjson.loads(lines[1].removeprefix("data: "))["prev"] == prev
        assert lines[2:] == ["", ""]


async def test_clients_at_the_same_place_share_the_bytes() -> None:
    encoded = encode(frame(7), "e")
    assert encoded.after(3) is encoded.after(3)


async def test_what_the_catch_up_had_is_not_sent_again() -> None:
    client = Client("s", 7, 10)
    client.offer(encode(frame(7), "e"))
    client.offer(encode(frame(8), "e"))
    assert (await client.take()).count(b"id: ") == 1


async def test_who_does_not_read_is_sent_away() -> None:
    client = Client("s", 0, 3)
    for position in range(1, 6):
        client.offer(encode(frame(position), "e"))
    assert client.dropped
    assert client.ended
    assert await client.take() == b""


async def test_a_heartbeat_is_no_frame_and_figures_may_be_missed() -> None:
    client = Client("s", 0, 1)
    client.offer(encode(frame(1), "e"))
    client.aside(b"figures")
    client.beat()
    assert b"figures" not in await client.take()
    assert client.beat_due
    assert not client.dropped


async def test_taking_waits_for_something() -> None:
    client = Client("s", 0, 1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.take(), 0.01)


@pytest.mark.parametrize("name", ["a\r\nb", "a\n\nb", "\r", "\u2028x\u2029", "\x85", "\x0b\x0c\x1c", "\x00"])
def test_no_name_ends_a_line(name: str) -> None:
    whole = encode(frame(1, name), "e").after(0).decode()
    assert len(whole.splitlines()) == 3
    data = whole.splitlines()[1].removeprefix("data: ")
    assert orjson.loads(data)["changes"][0]["row"]["name"] == name


@pytest.mark.parametrize("forged", ["a\nb", "a\rb", "a\0b"])
def test_a_field_of_ours_cannot_hold_a_line_end(forged: str) -> None:
    with pytest.raises(ValueError, match="not usable"):
        sse.frame({}, event=forged)
    with pytest.raises(ValueError, match="not usable"):
        sse.frame({}, id_=forged)
