"""A port that was given out waits for the server it is for."""

import asyncio
import subprocess
import sys

import pytest

from proximity_launcher.up.ports import LOOPBACK, accepts, check_free, free_ports

TAKES = "import socket, sys; socket.socket().bind(('127.0.0.1', int(sys.argv[1])))"


def is_taken(port: int) -> bool:
    """For another process that asks as we do."""
    asked = subprocess.run([sys.executable, "-c", TAKES, str(port)], capture_output=True, check=False)
    return b"Address already in use" in asked.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a server listen where somebody else is bound")
async def test_what_was_given_out_is_given_to_nobody_else_before_and_after_its_server_came() -> None:
    (port,) = free_ports(1)
    assert is_taken(port)
    assert not await accepts(port), "nobody listens yet"
    check_free(port, "PORT")
    for _ in range(2):
        server = await asyncio.start_server(lambda reader, writer: writer.close(), LOOPBACK, port)
        assert await accepts(port)
        server.close()
        await server.wait_closed()
        assert is_taken(port)


def test_all_are_different() -> None:
    assert len({*free_ports(50), *free_ports(50)}) == 100
