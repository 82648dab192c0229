"""For tests of any Proxmox client: `pytest_plugins = ["proximity_simulator.pytest_plugin"]`."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

TIME_SCALE = 0.05
START_SECONDS = 30.0


@pytest.fixture(scope="session")
def simulated_pve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A simulated cluster, a twentieth as slow as a real one: {url, control_url, fingerprint, token_id, token_secret,
    ca_pem, ca_file}. `POST {control_url}/reset` brings it back to its beginning."""
    folder: Path = tmp_path_factory.mktemp("simulated-pve")
    ready = folder / "ready.json"
    command = [sys.executable, "-m", "proximity_simulator", "--time-scale", str(TIME_SCALE), "--ready-file", str(ready)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:  # noqa: S603  our own program
        try:
            deadline = time.monotonic() + START_SECONDS
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the simulator did not start")
                time.sleep(0.02)
            place: dict[str, str] = json.loads(ready.read_text())
            authority = folder / "ca.pem"
            authority.write_text(place["ca_pem"])
            yield place | {"ca_file": str(authority)}
        finally:
            process.terminate()
