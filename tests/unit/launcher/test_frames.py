"""Server-sent events as the command line reads them."""

from proximity_launcher.cli.server import HEARTBEAT, Frame, frames


def test_frames_of_a_stream() -> None:
    lines = [
        "retry: 1000",
        "",
        ": still here",
        "",
        "id: e:7",
        'data: {"a": 1}',
        "",
        "event: reset",
        "data: x",
        "data: y",
        "",
    ]
    assert list(frames(lines)) == [
        Frame(),
        HEARTBEAT,
        Frame("message", "e:7", '{"a": 1}'),
        Frame("reset", "", "x\ny"),
    ]


def test_frame_that_broke_off_is_none() -> None:
    assert list(frames(["id: e:7", "data: half"])) == []
