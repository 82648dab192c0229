"""The main job on a stack of containers, with blows: sign in, connect, deploy, scale, kill, restart; nothing is lost.

`tests/compose/smoke.sh` runs it on Docker Compose, with the profile `demo`: the project is COMPOSE_PROJECT_NAME
(proximity-smoke unless told), its port PROXIMITY_HTTPS_PORT. Nothing but Python's standard library is needed. The stack
has to be new, or SMOKE_PASSWORD the one of its user SMOKE_USERNAME. The last line is PASS or FAIL, and so is the exit
status.
"""

import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any, Protocol

from compose.client import Client, Row

ENDED = {"succeeded", "failed", "rejected", "cancelled", "undecided"}
PATIENCE = 120.0
# the last two: an answer that is not what it should be
TROUBLE = (AssertionError, OSError, subprocess.SubprocessError, HTTPException, LookupError, ValueError)
AT_ONCE = 6


class Stack(Protocol):
    """What the story needs of whatever runs it."""

    def up(self) -> None: ...
    def said_by(self, name: str) -> str: ...
    def authority(self) -> Path: ...
    def scale(self, name: str, number: int) -> None: ...
    def kill(self, name: str) -> None: ...
    def restart(self, name: str) -> None: ...


class Compose:
    """Docker Compose, by its command line."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        os.environ.setdefault("COMPOSE_PROJECT_NAME", "proximity-smoke")
        os.environ["COMPOSE_PROFILES"] = "demo"
        self._docker = ["docker", "compose", "--file", str(Path(__file__).parents[2] / "compose.yaml")]

    def up(self) -> None:
        self._run("up", "--build", "--detach", "--wait", show=True)

    def said_by(self, name: str) -> str:
        return self._run("logs", "--no-log-prefix", "--no-color", name)

    def authority(self) -> Path:
        file = self._folder / "root.crt"
        self._run("cp", "caddy:/var/lib/caddy/caddy/pki/authorities/local/root.crt", str(file))
        return file

    def scale(self, name: str, number: int) -> None:
        self._run("up", "--detach", "--wait", "--no-recreate", "--scale", f"{name}={number}", name, show=True)

    def kill(self, name: str) -> None:
        containers = self._run("ps", "--quiet", "--status", "running", name).split()
        subprocess.run(["docker", "kill", "--signal", "KILL", containers[0]], check=True, capture_output=True)

    def restart(self, name: str) -> None:
        self._run("kill", "--signal", "KILL", name)
        self._run("up", "--detach", "--wait", "--no-recreate", name, show=True)

    def _run(self, *arguments: str, show: bool = False) -> str:
        done = subprocess.run(
            [*self._docker, *arguments], check=False, text=True, stdout=None if show else subprocess.PIPE
        )
        if done.returncode:
            raise AssertionError(f"docker compose {' '.join(arguments)} ended with {done.returncode}")
        return done.stdout or ""


class Story:
    """Each step says what it found; an AssertionError is what was not as it should be."""

    def __init__(self, stack: Stack, say: Callable[[str], None]) -> None:
        self._stack = stack
        self._say = say
        self._mark = f"smoke-{secrets.token_hex(3)}"
        self._applications: list[str] = []

    def tell(self) -> None:
        self._stack.up()
        self._client = self._signed_in()
        self._cluster = self._connected()
        self._one_deployment_is_seen_live()
        self._until(lambda: bool(self._guests()), "the guests of others are not seen")
        strangers = self._guests()
        self._one_of_three_provisioners_dies()
        self._log_and_read_model_are_restarted()
        self._everything_is_deleted()
        now = self._guests()
        assert strangers.items() <= now.items(), "guests of others are not as they were"
        mine = [name for name in now.values() if name.startswith(self._mark)]
        assert not mine, f"containers that nobody knows of: {mine}"
        self._say(f"Nothing is left of it, and the {len(strangers)} guests of others are as they were.")

    def _signed_in(self) -> Client:
        # compose may write to a terminal that is none: what comes before and after is not looked at
        found = re.findall(r"ready: (https://[^/\s]+)/(?:setup#([\w-]+))?", self._stack.said_by("begin"))
        assert found, "begin does not say which address to open"
        address, token = found[-1]
        client = Client(address, self._stack.authority())
        self._until(lambda: client.protocol() == "h2", "caddy does not offer HTTP/2")
        assert b"<html" in client.page("/"), "there are no pages"
        username = os.environ.get("SMOKE_USERNAME", "smoke")
        if token:
            password = os.environ.get("SMOKE_PASSWORD") or secrets.token_urlsafe(16)
            client.sign_in("/setup", {"setup_token": token, "username": username, "password": password})
        else:
            client.sign_in("/session", {"username": username, "password": os.environ.get("SMOKE_PASSWORD", "")})
        self._say(f"Signed in at {address}, over TLS by its own authority.")
        return client

    def _connected(self) -> str:
        for cluster in self._client.all("/clusters"):
            if cluster["simulator"] and cluster["status"] == "connected":
                return str(cluster["id"])
        accepted = self._client.order("POST", "/clusters", {"name": self._mark, "simulator": True})
        self._succeeded(accepted["operation_id"])
        self._say("The simulated cluster is connected.")
        return str(accepted["cluster_id"])

    def _one_deployment_is_seen_live(self) -> None:
        """The stream comes through the proxy while it happens, not when it is over."""
        with self._client.stream() as frames:
            accepted = self._deploy("live")
            for change in frames:
                row = change["row"] or {}
                if change["table"] == "operations" and change["id"] == accepted["operation_id"]:
                    assert row["status"] not in ENDED, "the stream was held back until the operation had ended"
                    break
        self._succeeded(accepted["operation_id"])
        row = self._client.get(f"/applications/{accepted['application_id']}")
        assert (row["status"], bool(row["address"])) == ("running", True), row
        self._say(f"Deployed {row['name']} as {row['vmid']}, and saw it live.")

    def _one_of_three_provisioners_dies(self) -> None:
        self._stack.scale("provisioner", 3)
        operations = [self._deploy(f"scaled-{number}")["operation_id"] for number in range(AT_ONCE)]
        self._until(lambda: all(self._has_begun(operation) for operation in operations), "deployments do not begin")
        open_ones = [operation for operation in operations if self._status(operation) not in ENDED]
        assert open_ones, "all were over before one could be killed"
        self._stack.kill("provisioner")
        for operation in operations:
            self._succeeded(operation)
        self._say(f"One of three provisioners died with {len(open_ones)} deployments in flight: all succeeded.")
        self._one_container_each()

    def _log_and_read_model_are_restarted(self) -> None:
        before = self._client.all("/events")
        accepted = self._deploy("restarted")
        self._until(lambda: self._has_begun(accepted["operation_id"]), "the deployment does not begin")
        self._stack.restart("nats")
        self._stack.restart("postgres")
        self._succeeded(accepted["operation_id"])
        after = self._client.all("/events")
        assert [event["id"] for event in after[: len(before)]] == [event["id"] for event in before], "the log changed"
        self._one_container_each()
        self._say(f"NATS and PostgreSQL were killed and came back: {len(before)} events are as they were.")

    def _everything_is_deleted(self) -> None:
        operations = [
            self._client.order("DELETE", f"/applications/{application}")["operation_id"]
            for application in self._applications
        ]
        for operation in operations:
            self._succeeded(operation)
        self._say(f"All {len(operations)} applications are deleted.")

    # ------------------------------------------------------------ words of the story

    def _deploy(self, name: str) -> Row:
        body = {"recipe": "debian", "name": f"{self._mark}-{name}", "cluster_id": self._cluster}
        accepted = self._client.order("POST", "/applications", body)
        self._applications.append(accepted["application_id"])
        return accepted

    def _status(self, operation: str) -> str:
        return str(self._client.get(f"/operations/{operation}")["status"])

    def _has_begun(self, operation: str) -> bool:
        """Something is done on Proxmox."""
        row = self._client.get(f"/operations/{operation}")
        return row["status"] in ENDED or any(
            step["name"] == "create" and step["status"] != "pending" for step in row["steps"]
        )

    def _succeeded(self, operation: str) -> None:
        self._until(lambda: self._status(operation) in ENDED, f"operation {operation} does not end")
        row = self._client.get(f"/operations/{operation}")
        assert row["status"] == "succeeded", row

    def _one_container_each(self) -> None:
        mine = [row for row in self._client.all("/applications") if row["id"] in self._applications]
        assert len(mine) == len(self._applications), "an application is lost"
        assert {row["status"] for row in mine} == {"running"}, [(row["name"], row["status"]) for row in mine]
        assert len({row["vmid"] for row in mine}) == len(mine), "two share a container"

    def _guests(self) -> dict[int, str]:
        """Number and name of what is on the cluster and no application."""
        rows = self._client.all("/guests")
        return {row["vmid"]: row["name"] or "" for row in rows if row["cluster_id"] == self._cluster}

    @staticmethod
    def _until(condition: Callable[[], bool], otherwise: str) -> None:
        until = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < until, f"{otherwise} within {PATIENCE:.0f} s"
            time.sleep(0.2)


def verdict(stack: Stack, say: Callable[[str], Any] = print) -> int:
    """The exit status."""
    try:
        Story(stack, say).tell()
    except TROUBLE as error:
        say(f"{type(error).__name__}: {error}")
        say("FAIL")
        return 1
    say("PASS")
    return 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(verdict(Compose(Path(folder))))
