"""The service as it is started: one process that tells how it is and ends when it is told to."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from proximity_launcher.up.ports import free_ports
from support.reconciling import Stage, eventually
from support.simulator import SimulatorProcess


async def get(port: int, path: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split(" ")[1]), body


async def started(stage: Stage, log: Path, port: int, **changed: str) -> asyncio.subprocess.Process:
    environment = {
        "PROXIMITY_NATS_URL": stage.nats.url,
        "PROXIMITY_NATS_USER": "reconciler",
        "PROXIMITY_NATS_PASSWORD_FILE": str(stage.nats.password_file("reconciler")),
        "PROXIMITY_VAULT_KEY_FILE": str(stage.folder / "vault.key"),
        "PROXIMITY_HEALTH_PORT": str(port),
        **changed,
    }
    with log.open("ab") as sink:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "proximity_reconciler", stderr=sink, stdout=sink, env={**os.environ, **environment}
        )


async def test_it_tells_how_it_is_and_ends_when_told(stage: Stage, simulator: SimulatorProcess, tmp_path: Path) -> None:
    cluster_id = await stage.connect_cluster(simulator)
    [port] = free_ports(1)
    log = tmp_path / "reconciler.log"
    process = await started(stage, log, port, PROXIMITY_LOOK_EVERY="0.2")

    async def ready() -> bool:
        try:
            return (await get(port, "/readyz"))[0] == 200
        except ConnectionError:
            return False

    await eventually(ready)
    assert await get(port, "/livez") == (200, "ok\n")
    assert (await get(port, "/anything"))[0] == 404

    async def watches() -> bool:
        return "proximity_clusters_watched 1.0" in (await get(port, "/metrics"))[1]

    await eventually(watches)

    async def corrected() -> bool:
        # it is said a moment after it was written
        return bool(await stage.corrections(cluster_id)) and "corrected" in log.read_text()

    await eventually(corrected)
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    text = log.read_text()
    assert simulator.connection().token_secret not in text
    assert "Traceback" not in text


async def test_a_wrong_password_ends_it_with_the_reason(stage: Stage, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.password"
    wrong.write_text("wrong")
    log = tmp_path / "reconciler.log"
    process = await started(stage, log, free_ports(1)[0], PROXIMITY_NATS_PASSWORD_FILE=str(wrong))
    assert await asyncio.wait_for(process.wait(), 60) != 0
    [line] = [line for line in log.read_text().splitlines() if "critical" in line]
    assert "uthorization" in line
