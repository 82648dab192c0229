"""The NATS client, with three things of nats-py 2.16.0 put right."""

import asyncio
from typing import Any

from nats import errors
from nats.aio.client import PING_PROTO
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg


class Client(NatsClient):
    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        """Looks at lines, not at each character of each name: a reader of the log spent most of its time there."""
        headers = {}
        for line in raw.decode("utf-8", "replace").split("\r\n"):
            name, colon, value = line.partition(":")
            if colon:
                headers[name] = value.strip()
        return headers

    async def _send_ping(self, future: "asyncio.Future[bool] | None" = None) -> None:
        """In its place behind what waits to be sent: else `flush` returns before a subscription was even sent."""
        self._pongs.append(future or asyncio.get_running_loop().create_future())
        await self._send_command(PING_PROTO)
        await self._flush_pending()

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        timeout: float = 0.5,  # noqa: ASYNC109 - the signature is the library's
        old_style: bool = False,
        headers: dict[str, Any] | None = None,
    ) -> Msg:
        """With a timeout of our own: `asyncio.wait_for` loses a cancellation that meets the answer before Python 3.12
        (python/cpython#86296), and whoever was told to end then went on for ever.
        """
        try:
            async with asyncio.timeout(timeout):
                unlimited: Any = None
                return await super().request(subject, payload, unlimited, old_style, headers)
        except TimeoutError as error:
            raise errors.TimeoutError from error
