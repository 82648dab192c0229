"""deploy/nats-cluster beside compose.yaml: three servers that find each other, and never the volume of one alone."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from compose.composition import COMPOSE_FILE, REPOSITORY
from proximity_launcher.containers import nats_cluster
from proximity_launcher.nats_server import binary

FILE = REPOSITORY / "deploy" / "nats-cluster" / "compose.yaml"
ALONE: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text())
OVERRIDE: dict[str, Any] = yaml.safe_load(FILE.read_text())
NODES = ("nats", "nats-2", "nats-3")


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """By the path in the container, the volume."""
    return {target: volume for volume, target, *_ in (mount.split(":") for mount in service["volumes"])}


def test_the_file_is_one() -> None:
    check = [str(Path(sys.executable).parent / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*check, str(FILE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_server_gets_the_store_of_another_one() -> None:
    """One that was alone deletes what it holds as soon as it is one of several."""
    stores = [mounts(OVERRIDE["services"][node])["/var/lib/nats"] for node in NODES]
    assert len(set(stores)) == len(NODES)
    assert mounts(ALONE["services"]["nats"])["/var/lib/nats"] not in stores
    assert set(stores) <= OVERRIDE["volumes"].keys()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_each_server_reads_what_was_prepared_for_it(number: int) -> None:
    server, step = OVERRIDE["services"][NODES[number - 1]], OVERRIDE["services"][f"prepare-nats-{number}"]
    assert mounts(server)["/run/secrets"] == mounts(step)["/volumes/for-nats"]
    assert mounts(server)["/var/lib/nats"] == mounts(step)["/volumes/nats"]
    assert f"prepare-nats-{number}" in server["depends_on"]
    assert step["entrypoint"][4] == NODES[number - 1]
    assert set(step["entrypoint"][4:]) == set(NODES)


def test_everybody_knows_all_servers() -> None:
    told = {
        name for name, service in ALONE["services"].items() if "PROXIMITY_NATS_URL" in service.get("environment", {})
    }
    for name in told:
        url = OVERRIDE["services"][name]["environment"]["PROXIMITY_NATS_URL"]
        assert url.split(",") == [f"nats://{node}:4222" for node in NODES]
    asked = {name for name in told if "PROXIMITY_NATS_REPLICAS" in OVERRIDE["services"][name]["environment"]}
    assert asked == {name for name in told if "PROXIMITY_NATS_REPLICAS" in ALONE["services"][name]["environment"]}


def test_the_added_servers_are_as_hardened_as_the_first() -> None:
    first = ALONE["services"]["nats"]
    for node in NODES[1:]:
        added = OVERRIDE["services"][node]
        assert {key: added[key] for key in added if key not in ("volumes", "depends_on")} == {
            key: first[key] for key in first if key not in ("volumes", "depends_on")
        }


def test_the_server_understands_its_configuration(tmp_path: Path) -> None:
    for folder in ("secrets", "for-nats"):
        (tmp_path / folder).mkdir()
    nats_cluster.prepare(tmp_path, "nats-2", ["nats", "nats-3"])
    file = tmp_path / "for-nats" / "nats.conf"
    assert file.stat().st_mode & 0o777 == 0o600
    done = subprocess.run([binary(), "-t", "-c", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    cluster = json.loads(file.read_text())["cluster"]
    assert [route.rpartition("@")[2] for route in cluster["routes"]] == ["nats:6222", "nats-3:6222"]
    nats_cluster.prepare(tmp_path, "nats", ["nats-2", "nats-3"])
    assert json.loads(file.read_text())["cluster"]["authorization"] == cluster["authorization"]
