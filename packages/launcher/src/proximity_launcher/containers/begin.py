"""Once NATS runs: streams, buckets, durables and the installation; then where a browser goes next.

`python -m proximity_launcher.containers.begin` reads what the bootstrap reads, PROXIMITY_SETUP_TOKEN_FILE and
PROXIMITY_URL. As long as nobody has set the installation up, it prints the link for that, with the token: whoever can
read this log may do it. Afterwards the token is worth nothing.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from proximity.domain.identity.identity import FOUNDERS_CLAIM
from proximity.messaging import bootstrap
from proximity.messaging.aggregates import CLAIM
from proximity.messaging.connection import open_connection
from proximity.messaging.event_store import EventStore
from proximity.messaging.permissions import ADMIN


async def landing(environment: Mapping[str, str]) -> str:
    """The address to open. Raises RefusedError, TimeoutError."""
    address = environment["PROXIMITY_URL"].rstrip("/")
    password = _secret(environment, "PROXIMITY_NATS_PASSWORD_FILE")
    bus = await open_connection(environment["PROXIMITY_NATS_URL"], ADMIN, ADMIN, password)
    try:
        founders = (await EventStore(bus).load(CLAIM, FOUNDERS_CLAIM)).state.holders
    finally:
        await bus.close()
    return f"{address}/" if founders else f"{address}/setup#{_secret(environment, 'PROXIMITY_SETUP_TOKEN_FILE')}"


def _secret(environment: Mapping[str, str], variable: str) -> str:
    return Path(environment[variable]).read_text().strip()


def main() -> None:
    bootstrap.main()
    sys.stdout.write(f"ready: {asyncio.run(landing(os.environ))}\n")


if __name__ == "__main__":
    main()
