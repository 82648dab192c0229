"""The process: command line, start, ready file, end."""

import argparse
import asyncio
import errno
import json
import logging
import signal
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from . import certificate, demo
from .control import Control
from .simulator import Simulator
from .state import StateFileError, write_private
from .sweeping import sweeping

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Options:
    port: int
    control_port: int
    time_scale: float
    seed: int
    state_file: Path | None
    ready_file: Path | None


def parse(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m proximity_simulator",
        description="A Proxmox VE that needs no hardware: the API of a small cluster on this machine's loopback.",
        epilog="It is not a hypervisor and has no security: do not make it reachable for others.",
    )
    parser.add_argument("--port", type=int, default=0, help="of the API, HTTPS (default: the one used last, or any)")
    parser.add_argument("--control-port", type=int, default=0, help="for faults and a look inside, HTTP (default: any)")
    parser.add_argument("--ready-file", type=Path, help="written when it listens: JSON with url, token, certificate")
    parser.add_argument("--state-file", type=Path, help="guests, volumes, journal and certificate survive in here")
    parser.add_argument("--time-scale", type=float, default=1.0, help="0.1: everything takes a tenth of the time")
    parser.add_argument("--seed", type=int, default=1, help="of what is random (default: 1)")
    given = parser.parse_args(arguments)
    if given.time_scale <= 0:
        parser.error("--time-scale must be more than 0")
    return Options(**vars(given))


async def serve(options: Options, stop: asyncio.Event) -> None:
    """Until `stop` is set. OSError: a port is taken."""
    async with AsyncExitStack() as stack:
        simulator, first = _simulator(options)
        if options.state_file:
            options.state_file.parent.mkdir(parents=True, exist_ok=True)
            folder, stem = options.state_file.parent, options.state_file.stem
        else:
            folder, stem = Path(stack.enter_context(tempfile.TemporaryDirectory())), "simulator"
        authority, pem, key = certificate.make(folder, stem, list(demo.NODES))
        simulator.fingerprint = certificate.fingerprint(pem)
        simulator.certificates = (authority.read_bytes(), pem.read_bytes())
        await _listen(simulator, pem, key, fixed=bool(options.port))
        stack.push_async_callback(simulator.stop)
        control = web.AppRunner(Control(simulator).app(), access_log=None)
        await control.setup()
        stack.push_async_callback(control.cleanup)
        await web.TCPSite(control, HOST, options.control_port).start()
        if first:
            demo.populate(simulator)
        await stack.enter_async_context(sweeping(simulator))
        simulator.changed()
        _announce(options, simulator, f"http://{HOST}:{control.addresses[0][1]}", authority.read_text())
        await stop.wait()
        await simulator.finish()
        await simulator.close_addresses()
        if options.ready_file:
            options.ready_file.unlink(missing_ok=True)


def _simulator(options: Options) -> tuple[Simulator, bool]:
    """And whether it is its first start, without a saved state."""
    if options.ready_file:
        options.ready_file.unlink(missing_ok=True)
    simulator = Simulator(port=options.port, time_scale=options.time_scale, seed=options.seed)
    demo.furnish(simulator)
    first = options.state_file is None or not simulator.restore(options.state_file)
    simulator.state_file = options.state_file
    return simulator, first


async def _listen(simulator: Simulator, pem: Path, key: Path, fixed: bool) -> None:
    """On the port used last where none is fixed, so that clients which know it find it again."""
    try:
        await simulator.start(str(pem), str(key))
    except OSError as error:
        if fixed or error.errno != errno.EADDRINUSE:
            raise
        await simulator.stop()
        simulator.port = 0
        await simulator.start(str(pem), str(key))


def _announce(options: Options, simulator: Simulator, control_url: str, authority: str) -> None:
    ready = {
        "url": simulator.url,
        "control_url": control_url,
        "fingerprint": simulator.fingerprint,
        "token_id": demo.TOKEN,
        "token_secret": simulator.apitokens[demo.TOKEN],
        "ca_pem": authority,
    }
    if options.ready_file:
        write_private(options.ready_file, json.dumps(ready))
    sys.stdout.write(f"simulated Proxmox VE at {simulator.url}, control at {control_url}\n")
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
