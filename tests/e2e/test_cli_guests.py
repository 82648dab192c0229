"""Containers of other people from a shell: found, adopted, operated, given back."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.test_cli import Shell
from support.whole import PASSWORD, USERNAME, Whole

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Signed in, with the simulator connected."""
    whole = Whole(tmp_path_factory.mktemp("whole"))
    try:
        whole.start()
        whole.set_up()
        whole.connect_simulator()
        shell = Shell(whole)
        _sign_in(shell, tmp_path_factory.mktemp("password"))
        yield shell
    finally:
        whole.close()


def _sign_in(shell: Shell, folder: Path) -> None:
    (folder / "password").write_text(PASSWORD)
    shell.run("login", "--username", USERNAME, "--password-file", str(folder / "password"))


def until(condition: Callable[[], Any], within: float = 60.0) -> Any:
    deadline = time.monotonic() + within
    while not (found := condition()):
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.2)
    return found


def listed(shell: Shell, *options: str) -> dict[str, Any]:
    return {row["name"]: row for row in shell.json("guests", *options)}


def test_adopted_operated_and_given_back(shell: Shell) -> None:
    until(lambda: {"pihole", "unifi"} <= listed(shell).keys())
    assert all(row["adoptable"] for row in listed(shell).values())
    assert {row["type"] for row in listed(shell, "--all").values()} == {"lxc", "qemu"}
    until(lambda: listed(shell)["pihole"]["addresses"] == ["192.168.1.100"])
    assert "192.168.1.100" in shell.run("guests", "--cluster", "home")

    said = shell.run("adopt", "pihole", "--name", "Name server", "--port", "8053")
    assert shell.status == 0, shell.said
    assert "Name server is running at http://" in said
    until(lambda: "pihole" not in listed(shell, "--all"))
    (application,) = shell.json("apps")
    assert (application["adopted"], application["vmid"], application["status"]) == (True, 100, "running")

    assert shell.json("restart", "name-server")["status"] == "succeeded"
    said = shell.run("delete", "Name server", "--yes", "--destroy", "name server")
    assert (shell.status, said) == (1, "")
    assert "type the application's exact name" in shell.said
    assert "nothing of Proximity's is left" in shell.run("release", "Name server")
    assert shell.json("apps") == []
    until(lambda: "pihole" in listed(shell))


def test_several_at_once(shell: Shell) -> None:
    until(lambda: {"unifi", "pihole"} <= listed(shell).keys())
    machine = next(row for row in listed(shell, "--all").values() if row["type"] == "qemu")
    said = shell.run("ignore", "unifi", "100")
    assert (shell.status, said.splitlines()) == (0, ["unifi is ignored.", "pihole is ignored."]), shell.said
    until(lambda: not {"unifi", "pihole"} & listed(shell).keys())
    assert [row["status"] for row in shell.json("ignore", "--undo", "unifi", "100")] == ["succeeded"] * 2
    until(lambda: {"unifi", "pihole"} <= listed(shell).keys())

    said = shell.run("adopt", "unifi", "100", "jellyfin", machine["id"])
    assert shell.status == 1
    assert {"unifi is adopted.", "pihole is adopted.", "jellyfin is adopted."} <= set(said.splitlines())
    assert "Only containers" in shell.said
    applications = {row["name"]: row["status"] for row in shell.json("apps")}
    assert applications == {"unifi": "stopped", "pihole": "running", "jellyfin": "running"}
    assert "unifi is deleted." in shell.run("delete", "unifi", "--yes")
    said = shell.run("release", "pihole", "jellyfin")
    assert shell.status == 0, shell.said
    for name in ("pihole", "jellyfin"):
        assert f"{name} is released: nothing of Proximity's is left on its container." in said
    assert shell.json("apps") == []
    guests = shell.whole.simulator.guests()
    assert {100, 101, 105} <= {guest["vmid"] for guest in guests}, "given back, not destroyed"
    assert "proximity:" not in json.dumps(guests)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["adopt", "nothing"], 3, "There is no guest called nothing."),
        (["adopt", "105", "106", "--name", "x"], 2, "are for a single guest"),
        (["release", "nothing"], 3, "There is no application called nothing."),
        (["guests", "--cluster", "nowhere"], 3, "There is no cluster called nowhere."),
    ],
)
def test_what_goes_wrong_is_a_sentence_and_a_status(
    shell: Shell, arguments: list[str], status: int, words: str
) -> None:
    until(lambda: "unifi" in listed(shell))
    shell.run(*arguments)
    assert shell.status == status, shell.said
    assert words in shell.said


def test_findings_are_told(shell: Shell) -> None:
    assert shell.json("findings") == []
    assert "Everything is as it should be." in shell.run("findings")
