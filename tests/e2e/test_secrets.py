"""Canary secrets are planted where people put secrets, and then searched for wherever something is kept or told."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from proximity_launcher.up.postgres import DATABASE, OWNER, programs
from support.whole import PASSWORD, Watcher, Whole

pytestmark = pytest.mark.slow

ROOT_PASSWORD = "canary-root-8f1b2c"
VARIABLE = "canary-of-the-environment-3e9d"
SETTING = "canary-not-secret-77aa"
SWALLOWED = "canary-in-the-wrong-place-19c4"
TOKEN_SECRET = "canary-token-5d77-4f0e-9f43"


def test_canaries_are_found_nowhere(whole: Whole) -> None:
    with Watcher(whole).watching() as browser:
        body = {"recipe": "debian", "name": SETTING, "settings": {"root_password": ROOT_PASSWORD}}
        accepted = whole.order("POST", "/applications", body)
        assert whole.ended_operation(accepted["operation_id"])["status"] == "succeeded"
        image = {"recipe": "vaultwarden", "name": "Passwords", "settings": {"admin_token": VARIABLE}}
        accepted = whole.order("POST", "/applications", image)
        assert whole.ended_operation(accepted["operation_id"])["status"] == "succeeded"
        url = whole.get("/clusters")["items"][0]["endpoints"][0]
        with whole.client() as client:
            refused = client.post("/applications", json=body | {"name": SWALLOWED, "settings": {"cores": SWALLOWED}})
            assert refused.status_code == 422
            assert SWALLOWED not in refused.text
            other = {"name": "elsewhere", "endpoints": [url], "token_id": "proximity@pve!wrong"}
            other |= {"token_secret": TOKEN_SECRET, "fingerprint": ":".join(["AB"] * 32)}
            connecting = client.post("/clusters", json=other).json()
        assert whole.ended_operation(connecting["operation_id"])["status"] in ("failed", "rejected")
        browser.wait_for(lambda: bool(browser.rows("operations", connecting["operation_id"])))
        streamed = str(browser.seen)

    secrets = {
        "password of root": ROOT_PASSWORD,
        "value of a variable": VARIABLE,
        "secret of a token": TOKEN_SECRET,
        "password of the person": PASSWORD,
        "token of the setup": (whole.data / "secrets" / "setup-token").read_text(),
        "secret of the simulator's token": whole.simulator.connection().token_secret,
        "key of the vault": (whole.data / "secrets" / "vault.key").read_text(),
    }
    kept = dict(places(whole)) | {"the live stream": streamed.encode()}
    # the search itself works: what is no secret is found in each place that has it
    for place in ("JetStream", "a dump of the database", "the live stream", "GET /applications", "GET /events"):
        assert SETTING.encode() in kept[place], f"{place} does not hold what it should"
    found = [
        (what, place) for what, secret in secrets.items() for place, text in kept.items() if secret.encode() in text
    ]
    assert found == []


def places(whole: Whole) -> Iterator[tuple[str, bytes]]:
    yield "JetStream", b"".join(content(whole.data / "nats" / "jetstream"))
    yield "the logs", b"".join(content(whole.data / "logs"))
    yield "what the launcher said", whole.said().encode() + (whole.data / "running.json").read_bytes()
    yield "a dump of the database", dump(whole)
    with whole.client() as client:
        for path in (
            "/applications",
            "/operations",
            "/clusters",
            "/activity",
            "/snapshot",
            "/events",
            "/me",
            "/catalog",
        ):
            yield f"GET {path}", answered(client, path)


def content(folder: Path) -> list[bytes]:
    """Block files are stored as they are: compression is off."""
    return [file.read_bytes() for file in folder.rglob("*") if file.is_file()]


def dump(whole: Whole) -> bytes:
    """As the projector, who owns every table."""
    told = json.loads((whole.data / "running.json").read_text())["projector"]
    port = urlsplit(told["PROXIMITY_DATABASE_URL"]).port
    environment = {
        "PATH": os.environ["PATH"],
        "PGPASSWORD": (whole.data / "secrets" / f"database-{OWNER}").read_text(),
    }
    command = [str(programs() / "pg_dump"), "-h", "127.0.0.1", "-p", str(port), "-U", OWNER, DATABASE]
    return subprocess.run(command, env=environment, capture_output=True, check=True).stdout


def answered(client: httpx2.Client, path: str) -> bytes:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.content + str(answer.headers).encode()
