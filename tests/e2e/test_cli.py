"""The command line on the whole product: what it prints for people and for programs, and how it ends."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.whole import PASSWORD, USERNAME, Whole

pytestmark = pytest.mark.slow


class Shell:
    def __init__(self, whole: Whole) -> None:
        self.whole = whole
        self.status = 0
        self.said = ""

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "proximity_launcher", *arguments],
            env=self.whole.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        self.status, self.said = done.returncode, done.stderr
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """Nobody has set it up yet."""
    started = Whole(tmp_path_factory.mktemp("whole"))
    try:
        started.start()
        yield started
    finally:
        started.close()


def test_life_of_an_application_from_a_shell(whole: Whole, tmp_path: Path) -> None:
    shell = Shell(whole)
    (tmp_path / "password").write_text(PASSWORD + "\n")

    assert shell.json("apps")["error"]["code"] == "not_signed_in"
    assert shell.status == 5

    token_file, password_file = str(whole.data / "secrets" / "setup-token"), str(tmp_path / "password")
    signing_in = ("--username", USERNAME, "--password-file", password_file)
    assert "Signed in as ada" in shell.run("setup", *signing_in, "--setup-token-file", token_file)
    assert shell.json("setup", *signing_in, "--setup-token-file", token_file)["error"]["code"] == "already_set_up"
    assert shell.status == 4

    assert "home is connected: Proxmox VE 9" in shell.run("clusters", "connect", "--simulator", "--name", "home")
    assert "debian" in shell.run("catalog")

    said = shell.run("deploy", "debian", "--name", "From a shell", "--set", "cores=2", "--set", "memory_mib=256")
    assert shell.status == 0, shell.said
    assert "✓ create" in said
    assert "From a shell is running at 127." in said
    (application,) = shell.json("apps")
    assert (application["status"], application["cores"], application["memory_mib"]) == ("running", 2, 256)

    assert shell.json("deploy", "debian", "--name", "from a shell")["error"]["code"] == "name_taken"
    assert shell.status == 4
    assert shell.json("stop", "from-a-shell")["status"] == "succeeded"
    assert "From a shell is running" in shell.run("start", "From a shell")
    assert "1 running" in shell.run("status")
    accepted = shell.json("shutdown", application["id"], "--no-wait")
    assert shell.json("operation", accepted["operation_id"], "--wait")["status"] == "succeeded"
    assert "From a shell is deleted." in shell.run("delete", "From a shell", "--yes")

    events = [json.loads(line) for line in shell.run("events", "--json").splitlines()]
    assert [int(event["sequence"]) for event in events] == list(range(1, len(events) + 1))
    assert "dev.proximity.application.container_created.v1" in {event["type"] for event in events}

    shell.run("logout")
    shell.run("apps")
    assert (shell.status, shell.said.split(".")[0]) == (5, "You are not signed in")
    shell.run("login", *signing_in)
    # whoever is signed in may sign in again
    shell.run("login", *signing_in)
    assert shell.json("apps") == []


def test_events_are_followed_live(whole: Whole) -> None:
    whole.sign_in()
    following = subprocess.Popen(
        [sys.executable, "-m", "proximity_launcher", "events", "--follow", "--json"],
        env=whole.environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert following.stdout is not None
        first = json.loads(following.stdout.readline())
        assert first["type"] == "dev.proximity.settings.installation_founded.v1"
        told = whole.get("/events?limit=1")["position"]
        Shell(whole).run("clusters", "check", "home")
        assert any(int(json.loads(line)["sequence"]) > told for line in following.stdout)
    finally:
        following.terminate()
        following.communicate()


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["stop", "nothing"], 3, "There is no application called nothing."),
        (["deploy", "nothing", "--name", "x"], 1, "There is no such recipe."),
        (["deploy", "debian", "--name", "x", "--set", "cores=many"], 2, "cores must be a whole number."),
        (["deploy", "debian", "--name", "x", "--set", "cores"], 2, "--set takes KEY=VALUE"),
        (["deploy", "debian", "--name", "x", "--set", "root_password=@/nowhere"], 2, "/nowhere cannot be read"),
        (["clusters", "connect"], 2, "Say --simulator, or --endpoint and --token-id."),
        (["--url", "http://127.0.0.1:1", "apps"], 7, "Proximity does not answer at http://127.0.0.1:1."),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_what_goes_wrong_is_a_sentence_and_a_status(
    whole: Whole, arguments: list[str], status: int, words: str
) -> None:
    shell = Shell(whole)
    shell.run(*arguments)
    assert shell.status == status, shell.said
    assert words in shell.said
    assert "Traceback" not in shell.said


def test_session_is_nobody_elses(whole: Whole) -> None:
    file = whole.folder / "state" / "proximity" / "sessions.json"
    assert file.stat().st_mode & 0o777 == 0o600
