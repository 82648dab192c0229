"""The machine is lost: `proximity restore` makes the product again from what `proximity backup` saved while it ran."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.whole import Whole

pytestmark = pytest.mark.slow


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Whole]:
    """On another machine, not started yet."""
    made = Whole(tmp_path / "another")
    yield made
    made.close()


def shell(whole: Whole, *arguments: str) -> str:
    command = [sys.executable, "-m", "proximity_launcher", *arguments, "--data", str(whole.data)]
    done = subprocess.run(command, env=whole.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_product_is_there_again_and_goes_on(own_whole: Whole, another: Whole, tmp_path: Path) -> None:
    own_whole.start()
    own_whole.set_up()
    own_whole.connect_simulator()
    deploy(own_whole, "before")
    file = str(tmp_path / "saved")
    assert "Saved up to position" in shell(own_whole, "backup", file)
    own_whole.end()

    key_file = str(own_whole.data / "secrets" / "vault.key")
    assert "Restored up to position" in shell(another, "restore", file, "--vault-key-file", key_file)
    # Proxmox is where it was
    shutil.copytree(own_whole.data / "simulator", another.data / "simulator", dirs_exist_ok=True)
    assert "setup#" not in another.start()
    another.sign_in()
    deploy(another, "after")
    rows = {row["name"]: row["status"] for row in another.get("/applications")["items"]}
    assert rows == {"before": "running", "after": "running"}
    assert another.journal("before") == ["create"]
    types = [event["type"] for event in another.get("/events?limit=200")["items"]]
    assert types.count("dev.proximity.settings.installation_restored.v1") == 1


def deploy(whole: Whole, name: str) -> None:
    accepted = whole.order("POST", "/applications", {"recipe": "debian", "name": name})
    ended = whole.ended_operation(accepted["operation_id"])
    assert ended["status"] == "succeeded", ended
