"""The process: command line, start, ready file, end."""

import argparse
import asyncio
import json
import logging
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .base import LOOPBACK
from .cluster import Settings, running
from .state import StateFileError, write_private


@dataclass(frozen=True)
class Options:
    port: int
    control_port: int
    clusters: int
    time_scale: float
    seed: int
    state_file: Path | None
    ready_file: Path | None
    host: str

    def cluster(self, number: int) -> Settings:
        """The second cluster has the ports, the seed and the state file after those of the first."""
        following = number - 1
        state = self.state_file
        if state and following:
            state = state.with_name(f"{state.stem}-{number}{state.suffix}")
        return Settings(
            number, self.port and self.port + following, self.control_port and self.control_port + following,
            self.time_scale, self.seed + following, state, self.host,
        )  # fmt: skip


def parse(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m proximity_simulator",
        description="A Proxmox VE that needs no hardware: the API of a small cluster on this machine's loopback.",
        epilog="It is not a hypervisor and has no security: do not make it reachable for others.",
    )
    parser.add_argument("--port", type=int, default=0, help="of the API, HTTPS (default: the one used last, or any)")
    parser.add_argument("--host", default=LOOPBACK, help="where the API listens (default: loopback)")
    parser.add_argument("--control-port", type=int, default=0, help="for faults and a look inside, HTTP (default: any)")
    parser.add_argument("--clusters", type=int, default=1, help="so many, each with its own port, token, certificate")
    parser.add_argument("--ready-file", type=Path, help="written when it listens: JSON with url, token, certificate")
    parser.add_argument("--state-file", type=Path, help="guests, volumes, journal and certificate survive in here")
    parser.add_argument("--time-scale", type=float, default=1.0, help="0.1: everything takes a tenth of the time")
    parser.add_argument("--seed", type=int, default=1, help="of what is random (default: 1)")
    given = parser.parse_args(arguments)
    if given.time_scale <= 0:
        parser.error("--time-scale must be more than 0")
    if given.clusters < 1:
        parser.error("--clusters must be at least 1")
    return Options(**vars(given))


async def serve(options: Options, stop: asyncio.Event) -> None:
    """Until `stop` is set. OSError: a port is taken."""
    if options.ready_file:
        options.ready_file.unlink(missing_ok=True)
    async with AsyncExitStack() as stack:
        numbers = range(1, options.clusters + 1)
        clusters = [await stack.enter_async_context(running(options.cluster(number))) for number in numbers]
        _announce(options, clusters)
        await stop.wait()
    if options.ready_file:
        options.ready_file.unlink(missing_ok=True)


def _announce(options: Options, clusters: list[dict[str, str]]) -> None:
    ready: dict[str, Any] = dict(clusters[0])
    if len(clusters) > 1:
        ready["clusters"] = clusters
    if options.ready_file:
        write_private(options.ready_file, json.dumps(ready))
    for cluster in clusters:
        sys.stdout.write(f"simulated Proxmox VE at {cluster['url']}, control at {cluster['control_url']}\n")
    sys.stdout.flush()


async def _run(options: Options) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await serve(options, stop)
    except (OSError, StateFileError) as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 1
    return 0


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    return asyncio.run(_run(parse(sys.argv[1:])))
