"""One simulated cluster: its API, its control port, its certificate and its state, from start to end."""

import errno
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from . import certificate, demo
from .base import LOOPBACK
from .control import Control
from .resources import CLUSTER
from .simulator import Simulator
from .sweeping import sweeping


@dataclass(frozen=True)
class Settings:
    """`number`: 1 for the first cluster. Ports: 0 for any. `host`: of its API; the control port is on loopback."""

    number: int
    port: int
    control_port: int
    time_scale: float
    seed: int
    state_file: Path | None
    host: str = LOOPBACK


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[dict[str, str]]:
    """How to reach it, while it runs. OSError: a port is taken. StateFileError: the state is not one of ours."""
    async with AsyncExitStack() as stack:
        simulator, first = _simulator(settings)
        if settings.state_file:
            settings.state_file.parent.mkdir(parents=True, exist_ok=True)
            folder, stem = settings.state_file.parent, settings.state_file.stem
        else:
            folder, stem = Path(stack.enter_context(tempfile.TemporaryDirectory())), "simulator"
        authority, pem, key = certificate.make(folder, stem, list(demo.NODES), settings.host)
        simulator.fingerprint = certificate.fingerprint(pem)
        simulator.certificates = (authority.read_bytes(), pem.read_bytes())
        await _listen(simulator, pem, key, fixed=bool(settings.port))
        stack.push_async_callback(simulator.stop)
        control = web.AppRunner(Control(simulator).app(), access_log=None)
        await control.setup()
        stack.push_async_callback(control.cleanup)
        await web.TCPSite(control, LOOPBACK, settings.control_port).start()
        if first:
            demo.populate(simulator)
        await stack.enter_async_context(sweeping(simulator))
        simulator.changed()
        yield {
            "url": simulator.url,
            "control_url": f"http://{LOOPBACK}:{control.addresses[0][1]}",
            "fingerprint": simulator.fingerprint,
            "token_id": demo.TOKEN,
            "token_secret": simulator.apitokens[demo.TOKEN],
            "ca_pem": authority.read_text(),
        }
        await simulator.finish()
        await simulator.close_addresses()


def _simulator(settings: Settings) -> tuple[Simulator, bool]:
    """And whether it is its first start, without a saved state."""
    simulator = Simulator(port=settings.port, time_scale=settings.time_scale, seed=settings.seed, host=settings.host)
    simulator.cluster_name = CLUSTER if settings.number == 1 else f"{CLUSTER}{settings.number}"
    demo.furnish(simulator)
    first = settings.state_file is None or not simulator.restore(settings.state_file)
    simulator.state_file = settings.state_file
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
