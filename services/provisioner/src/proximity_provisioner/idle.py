"""An idle pull must not look like a crash.

nats-py 2.16 ends a fetch that found nothing with the builtin TimeoutError. FastStream 0.7.8 expects nats-py's own and
takes the other for a crash of its loop: it starts another one and keeps the old one, every few seconds, for ever.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import nats.errors


def let_idle(subscriber: Any) -> None:
    """`subscriber`: one of FastStream's pull subscribers, started."""
    subscriber.subscription.fetch = _expected(subscriber.subscription.fetch)


def _expected(fetch: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def fetch_or_idle(*args: Any, **options: Any) -> Any:
        try:
            return await fetch(*args, **options)
        except TimeoutError as error:
            raise nats.errors.TimeoutError from error

    return fetch_or_idle
