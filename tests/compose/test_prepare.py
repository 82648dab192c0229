"""The first step as a process: killed anywhere, run again, run twice at once, it never changes a secret."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from compose import composition
from proximity.messaging.permissions import ADMIN, SERVICES, server_config
from proximity.vault.key import read_key
from proximity_launcher.containers import prepare
from proximity_launcher.up import postgres

DEPLOY = composition.REPOSITORY / "deploy"
COMMAND = [sys.executable, "-m", "proximity_launcher.containers.prepare", str(DEPLOY)]
# dies by SIGKILL at the write of that number; prints how many there were if it comes to an end
STRUCK = """
import os, signal, sys
from pathlib import Path
from proximity_launcher.containers import prepare
from proximity_launcher.up import data
strike, when = int(sys.argv[3]), sys.argv[4]
calls = 0
for name in ("replace", "link", "fsync"):
    def struck(*arguments, _real=getattr(os, name), **named):
        global calls
        calls += 1
        if calls == strike and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = _real(*arguments, **named)
        if calls == strike:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(os, name, struck)
prepare.prepare(Path(sys.argv[1]), Path(sys.argv[2]))
print(calls)
"""


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    """As a first start finds them: empty, with the modes of the image's folders."""
    root = tmp_path / "volumes"
    for folder in composition.image_folders():
        (root / Path(folder).name).mkdir(mode=0o700, parents=True)
    return root


def run(volumes: Path) -> None:
    done = subprocess.run([*COMMAND, str(volumes)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not [secret for secret in contents(volumes / "secrets").values() if secret in done.stdout + done.stderr]


def contents(folder: Path) -> dict[str, str]:
    """Without what an interrupted writing left behind."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(folder)): path.read_text() for path in files}


def test_each_gets_its_own_and_only_its_owner_may_read_it(volumes: Path) -> None:
    run(volumes)
    secret = contents(volumes / "secrets")
    assert len(set(secret.values())) == len(secret) == 9
    for holder, names in prepare.SECRETS_OF.items():
        assert contents(volumes / f"for-{holder}") == {name: secret[name] for name in names}
    files = [path for path in volumes.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files if path.parent.name != "for-postgres"} == {0o600}
    # its user is another one, of our group
    assert {stat.S_IMODE(path.stat().st_mode) for path in (volumes / "for-postgres").iterdir()} == {0o640}
    assert len(read_key(volumes / "for-api" / "vault.key")) == 32


def test_servers_are_told_what_the_launcher_tells_them(volumes: Path) -> None:
    run(volumes)
    secret = contents(volumes / "secrets")
    passwords = {user: secret[f"nats-{user}"] for user in (ADMIN, *SERVICES)}
    told = json.loads((volumes / "for-nats" / "nats.conf").read_text())
    launched = json.loads(server_config(port=4222, store=prepare.NATS_STORE, passwords=passwords))
    assert told == launched | {"host": "0.0.0.0"}
    assert told["jetstream"]["sync_interval"] == "always"
    assert not {"http", "http_port", "https_port", "monitor_port"} & set(told)
    users = postgres.users(secret["database-projector"], secret["database-api"])
    assert (volumes / "for-postgres" / "users.sql").read_text() == users
    assert contents(volumes / "for-caddy") == {"Caddyfile": (DEPLOY / "caddy" / "Caddyfile").read_text()}
    assert (volumes / "for-postgres" / "start.sh").read_text() == (DEPLOY / "postgres" / "start.sh").read_text()


def test_running_again_changes_nothing(volumes: Path) -> None:
    run(volumes)
    first = contents(volumes)
    run(volumes)
    assert contents(volumes) == first


def test_what_is_made_of_secrets_is_made_anew(volumes: Path) -> None:
    """As a new version does, whose permissions are others."""
    run(volumes)
    first = contents(volumes)
    (volumes / "for-nats" / "nats.conf").write_text("{}")
    (volumes / "for-api" / "vault.key").unlink()
    run(volumes)
    assert contents(volumes) == first


def test_two_at_once_agree(volumes: Path) -> None:
    processes = [subprocess.Popen([*COMMAND, str(volumes)], stdout=subprocess.DEVNULL) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    found = contents(volumes)
    for holder, names in prepare.SECRETS_OF.items():
        assert all(found[f"for-{holder}/{name}"] == found[f"secrets/{name}"] for name in names)
    told = json.loads(found["for-nats/nats.conf"])
    assert {user["user"]: user["password"] for user in told["accounts"]["PROXIMITY"]["users"]} == {
        user: found[f"secrets/nats-{user}"] for user in (ADMIN, *SERVICES)
    }


def struck(volumes: Path, number: int, when: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", STRUCK, str(DEPLOY), str(volumes), str(number), when]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_half_way_the_next_one_goes_on(volumes: Path, when: str) -> None:
    kept: dict[str, str] = {}
    # every third write or so: each start is an interpreter; it gets further each time, for nothing is done twice
    for number in (1, 2, 5, 9, 14, 20, 27):
        assert struck(volumes, number, when).returncode == -signal.SIGKILL
        found = contents(volumes / "secrets")
        assert kept.items() <= found.items()
        kept = found
    assert len(kept) == 9
    run(volumes)
    assert contents(volumes / "secrets") == kept


def test_unwritable_volume_is_said(volumes: Path) -> None:
    (volumes / "for-api" / "vault.key").mkdir()
    done = subprocess.run([*COMMAND, str(volumes)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "vault.key" in done.stderr
    assert os.listdir(volumes / "secrets")
