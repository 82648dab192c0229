"""Waiting for the servers of a cluster, which find each other and elect a leader for each stream."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import nats.errors
from nats.js.errors import APIError, ServiceUnavailableError

# How long they may take (seconds), and how often they are asked meanwhile.
PATIENCE = 60.0
ASK_AGAIN = 0.5
# no cluster yet: no leader, no peers, not enough of them
ELECTING = frozenset({10004, 10005, 10008, 10009, 10023})

T = TypeVar("T")


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """What `ask` returns once there is an answer: it is asked again, so it must do no harm twice.

    Raises TimeoutError after PATIENCE, and at once nats.js.errors.APIError that will not pass.
    """
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while True:
        try:
            return await ask()
        except (nats.errors.Error, TimeoutError, APIError) as error:
            if not _passing(error):
                raise
            if asyncio.get_running_loop().time() > deadline:
                if isinstance(error, TimeoutError | APIError):
                    raise
                raise TimeoutError(f"NATS does not answer: {error!r}") from error
        await asyncio.sleep(ASK_AGAIN)


def _passing(error: Exception) -> bool:
    if isinstance(error, APIError):
        return error.err_code in ELECTING or isinstance(error, ServiceUnavailableError)
    return True
