"""The NATS client, with headers read quickly: a reader of the log spent most of its time there."""

from nats.aio.client import Client as NatsClient


class Client(NatsClient):
    """nats-py looks at each character of each header's name; our messages have some twenty headers."""

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        headers = {}
        for line in raw.decode("utf-8", "replace").split("\r\n"):
            name, colon, value = line.partition(":")
            if colon:
                headers[name] = value.strip()
        return headers
