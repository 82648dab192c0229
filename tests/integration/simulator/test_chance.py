"""The same seed, the same chance."""

from pathlib import Path

from integration.simulator.conftest import Pve
from support.simulator import SimulatorProcess


def card(folder: Path, seed: int) -> str:
    process = SimulatorProcess(folder, seed=seed)
    connection = process.start()
    try:
        authority = folder / "authority.pem"
        authority.write_text(connection.ca_pem)
        pve = Pve(connection.url, f"PVEAPIToken={connection.token_id}={connection.token_secret}", authority)
        pve.created(20001)
        net: str = pve.get("/nodes/pve1/lxc/20001/config")["net0"]
        return net
    finally:
        process.stop()


def test_the_seed_decides_what_is_random(tmp_path: Path) -> None:
    first, same, other = (card(tmp_path / name, seed) for name, seed in (("a", 5), ("b", 5), ("c", 6)))
    assert first == same != other


def test_a_restart_does_not_repeat_itself(tmp_path: Path) -> None:
    process = SimulatorProcess(tmp_path / "it", seed=5)
    before = card(tmp_path / "it", 5)
    connection = process.start()
    try:
        authority = tmp_path / "it" / "authority.pem"
        pve = Pve(connection.url, f"PVEAPIToken={connection.token_id}={connection.token_secret}", authority)
        pve.created(20002)
        assert pve.get("/nodes/pve1/lxc/20002/config")["net0"] != before
    finally:
        process.stop()
