"""Ports on loopback, and what answers on them."""

import asyncio
import errno
import random
import socket

from proximity_launcher.failure import Exit, Failure

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Different from each other; taken by nobody at the moment of asking."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for listener in sockets:
            listener.bind((LOOPBACK, 0))
        return [listener.getsockname()[1] for listener in sockets]
    finally:
        for listener in sockets:
            listener.close()


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


def lasting_port() -> int:
    """A free port that no outgoing connection will ever be given: below the range that systems take those from."""
    candidates = [18006, *random.sample(range(20000, 30000), 50)]
    for port in candidates:
        try:
            check_free(port, "")
        except Failure:
            continue
        return port
    raise Failure("No port between 20000 and 29999 is free.", code="port_taken", status=Exit.CONFLICT)


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
