"""Ports on loopback, and what answers on them."""

import asyncio
import errno
import random
import socket
import sys

from proximity_launcher.failure import Exit, Failure

LOOPBACK = "127.0.0.1"

# what was given out, as long as this process lives: a server comes to its port some time later, and comes back to it
_held: list[socket.socket] = []


def free_ports(count: int) -> list[int]:
    """Taken by nobody, and given to nobody else who asks here (on Linux).

    Below the range from which systems take the ports of outgoing connections: one of those could otherwise have it when
    a server comes back to its port after a crash.
    """
    found: list[int] = []
    for port in random.sample(range(20000, 30000), 2000):
        if len(found) == count:
            return found
        if _hold(port):
            found.append(port)
    raise Failure("No port between 20000 and 29999 is free.", code="port_taken", status=Exit.CONFLICT)


def _hold(port: int) -> bool:
    """Whether it was free. Linux lets a server listen where somebody else is bound, if both set SO_REUSEADDR and only
    one listens; who asks whether it is free does not set it.
    """
    holder = socket.socket()
    try:
        holder.bind((LOOPBACK, port))
    except OSError:
        holder.close()
        return False
    if sys.platform == "linux":
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _held.append(holder)
    else:
        holder.close()
    return True


def check_free(port: int, variable: str) -> None:
    """Raises a Failure that names the port and the variable that changes it."""
    with socket.socket() as listener:
        # connections of an earlier run that linger in TIME_WAIT do not matter to the server, nor here
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError as error:
            why = {
                errno.EADDRINUSE: "is taken by another program",
                errno.EACCES: "may not be used by this user",
            }.get(error.errno or 0, f"cannot be used ({error.strerror})")
            raise Failure(
                f"Port {port} {why}. Choose another one: {variable}={port + 1} make up",
                code="port_taken",
                status=Exit.CONFLICT,
            ) from error


async def fetch(port: int, path: str, patience: float = 5.0) -> tuple[int, bytes]:
    """Status and body of a GET; status 0: nothing answers. Instead of a client, so that the launcher stays small."""
    try:
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\nConnection: close\r\n\r\n".encode())
                head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return 0, b""
    first = head.split(maxsplit=2)
    return (int(first[1]), body) if len(first) > 1 and first[1].isdigit() else (0, b"")


async def accepts(port: int, patience: float = 1.0) -> bool:
    try:
        async with asyncio.timeout(patience):
            _, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.close()
    except (OSError, TimeoutError):
        return False
    return True
