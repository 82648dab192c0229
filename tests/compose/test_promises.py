"""What compose.yaml promises, read off the file: who reaches whom, who may read what, who can do what."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from compose import composition
from compose.composition import Service
from proximity_api.database import AT_MOST
from proximity_api.settings import Settings as Api
from proximity_launcher.containers import prepare
from proximity_projector.settings import Settings as Projector
from proximity_provisioner.settings import Settings as Provisioner
from proximity_reconciler.settings import Settings as Reconciler

SETTINGS: dict[str, type[BaseSettings]] = {
    "api": Api,
    "provisioner": Provisioner,
    "reconciler": Reconciler,
    "projector": Projector,
}
READ = composition.read()
SERVICES = READ.services
EVERYONE = sorted(SERVICES)
ONCE = {"prepare", "begin"}
RESTART = {"prepare": "on-failure:5", "begin": "on-failure:5", "backup": "no"}


def reach(one: str, other: str) -> bool:
    return bool(SERVICES[one].networks & SERVICES[other].networks)


def test_who_can_reach_whom() -> None:
    reachable = {(a, b) for a in EVERYONE for b in EVERYONE if a < b and reach(a, b)}
    at_nats = ["api", "backup", "begin", "nats", "projector", "provisioner", "reconciler"]
    at_postgres = ["api", "postgres", "projector"]
    at_proxmox = ["api", "provisioner", "reconciler", "simulator"]
    groups = (at_nats, at_postgres, at_proxmox, ["api", "caddy"])
    assert reachable == {(a, b) for group in groups for a in group for b in group if a < b}


def test_only_those_who_need_the_world_reach_it() -> None:
    closed = {name for name, network in READ.said["networks"].items() if network and network.get("internal")}
    outward = {name for name, service in SERVICES.items() if service.networks - closed}
    assert outward == {"caddy", "api", "provisioner", "reconciler", "simulator"}
    assert {name for name, service in SERVICES.items() if service.said.get("network_mode") == "none"} == {"prepare"}


def test_only_caddy_is_published_and_on_loopback_unless_told() -> None:
    assert {name: s.said["ports"] for name, s in SERVICES.items() if "ports" in s.said} == {
        "caddy": ["127.0.0.1:8443:8443"]
    }
    told = composition.read({"PROXIMITY_ADDRESS": "0.0.0.0", "PROXIMITY_HTTPS_PORT": "443"}).services
    assert told["caddy"].said["ports"] == ["0.0.0.0:443:8443"]
    assert told["begin"].environment["PROXIMITY_URL"] == "https://localhost:443"


@pytest.mark.parametrize("name", EVERYONE)
def test_hardened(name: str) -> None:
    said = SERVICES[name].said
    assert said["read_only"] is True
    assert said["cap_drop"] == ["ALL"]
    assert said["security_opt"] == ["no-new-privileges:true"]
    # the mark on caddy's program; nobody else needs any
    assert said.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "caddy" else [])
    limits = said["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory", "pids"}
    assert all("noexec" in mount for mount in said.get("tmpfs", ()))
    assert not {"privileged", "container_name", "ulimits", "pid", "ipc", "devices"} & set(said)
    # images of ours say themselves who they run as
    assert said.get("user") in ((None,) if "build" in said else ("10001:10001", "postgres"))
    assert said["restart"] == RESTART.get(name, "unless-stopped")


@pytest.mark.parametrize("name", EVERYONE)
def test_waits_for_services_that_exist_and_can_tell(name: str) -> None:
    for other, waited in SERVICES[name].said.get("depends_on", {}).items():
        condition = waited["condition"]
        if condition == "service_completed_successfully":
            assert other in ONCE
        elif condition == "service_healthy":
            assert "healthcheck" in SERVICES[other].said
        else:
            assert (other, condition) == ("nats", "service_started")
            assert name in ("begin", "backup")


@pytest.mark.parametrize("name", sorted(set(EVERYONE) - RESTART.keys() - {"nats"}))
def test_says_how_it_is(name: str) -> None:
    health = SERVICES[name].said["healthcheck"]
    assert health["test"][0] in ("CMD", "CMD-SHELL")
    assert "start_interval" not in health


def test_a_long_fold_is_no_failure() -> None:
    """`up --wait` gives up on who is unhealthy, and caddy is then not started."""
    begins = {name: service.said.get("healthcheck", {}).get("start_period") for name, service in SERVICES.items()}
    assert {name for name, period in begins.items() if period == "30m"} == {"api", "projector"}


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_is_told_what_its_settings_know_and_all_that_they_need(name: str) -> None:
    fields = SETTINGS[name].model_fields
    known = {f"PROXIMITY_{field}".upper() for field in fields}
    needed = {f"PROXIMITY_{field}".upper() for field, info in fields.items() if info.is_required()}
    of_image = composition.image_environment("api") if name == "api" else {}
    told = set(SERVICES[name].environment) | set(of_image)
    assert told <= known
    assert needed <= told


@pytest.mark.parametrize("name", sorted(prepare.SECRETS_OF))
def test_reads_its_own_secrets_and_no_others(name: str) -> None:
    holder = "begin" if name == "admin" else name
    service = SERVICES[holder]
    assert service.mounts["/run/secrets"] == f"for-{name}"
    named = {value for value in service.environment.values() if value.startswith("/run/secrets/")}
    assert named == {f"/run/secrets/{secret}" for secret in prepare.SECRETS_OF[name]}


def test_each_volume_of_secrets_has_one_reader_who_cannot_write() -> None:
    for volume in READ.said["volumes"]:
        users = {name for name, service in SERVICES.items() if volume in service.mounts.values()} - {"prepare"}
        if volume == "secrets":
            # what runs when a person asks for it
            assert users == {"backup"}
        elif volume.startswith("for-"):
            (reader,) = users
            (place,) = (place for place, mounted in SERVICES[reader].mounts.items() if mounted == volume)
            assert place in SERVICES[reader].read_only


def test_first_step_gives_every_volume_its_owner() -> None:
    mounts = SERVICES["prepare"].mounts
    # postgres is made and owned by the image's own user
    assert set(mounts.values()) == set(READ.said["volumes"]) - {"postgres"}
    assert all(target == f"/volumes/{volume}" for target, volume in mounts.items())
    assert composition.image_folders() == set(mounts)


def test_no_secret_is_in_a_variable() -> None:
    secret = re.compile(r"(password|token|key|secret)$", re.I)
    assert not [variable for s in SERVICES.values() for variable in s.environment if secret.search(variable)]


@pytest.mark.parametrize("told", [{}, {"PROXIMITY_SITE": "home.example", "PROXIMITY_TLS": "ada@home.example"}])
def test_caddy_understands_its_file(told: dict[str, str], tmp_path: Path) -> None:
    file = composition.REPOSITORY / "deploy" / "caddy" / "Caddyfile"
    environment = composition.read(told).services["caddy"].environment
    assert set(re.findall(r"\{\$(\w+)", file.read_text())) <= environment.keys()
    environment |= {"XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    for arguments in (["fmt", "--diff"], ["validate", "--adapter", "caddyfile", "--config"]):
        command = [str(Path(sys.executable).parent / "caddy"), *arguments, str(file)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_logs_are_bounded_and_no_backup_gets_into_one() -> None:
    """The engine logs what is written to standard output, also where somebody is attached to it."""
    for name, service in SERVICES.items():
        logging = service.said["logging"]
        assert logging["driver"] == ("none" if name == "backup" else "json-file")
        assert name == "backup" or {"max-size", "max-file"} <= logging["options"].keys()


def test_what_is_only_there_when_asked_for() -> None:
    profiles = {name: service.said["profiles"] for name, service in SERVICES.items() if "profiles" in service.said}
    assert profiles == {"simulator": ["demo"], "backup": ["backup"]}


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_may_be_there_more_than_once(name: str) -> None:
    said = SERVICES[name].said
    assert not {"ports", "container_name", "hostname"} & set(said)
    # what --scale has made more of, the next `up` without it takes away again
    told = composition.read({f"PROXIMITY_{name.upper()}S": "3"}).services
    assert (said["deploy"]["replicas"], told[name].said["deploy"]["replicas"]) == ("1", "3")
    assert "ipv4_address" not in yaml.safe_dump(said)
    # what two replicas share is never written by them
    assert set(SERVICES[name].mounts) == SERVICES[name].read_only


@pytest.mark.parametrize("target", ["service", "api", "launcher"])
def test_modes_in_the_checkout_do_not_matter(target: str) -> None:
    """Under umask 077 it is for its owner only, and a file keeps its mode on its way into an image or a mount."""
    assert all("--chown=10001:10001 " in copied for copied in composition.copied(target))
    assert "configs" not in READ.said
    assert all(source in READ.said["volumes"] for service in SERVICES.values() for source in service.mounts.values())


def test_a_build_gets_what_it_copies() -> None:
    ignored = (composition.REPOSITORY / ".dockerignore").read_text().splitlines()
    given = {line.removeprefix("!").split("/")[0] for line in ignored if line.startswith("!")}
    copied = {source.split("/")[0] for source in composition.copied_from_the_checkout()}
    # the member itself is `*/${SERVICE}`
    assert copied - {"*"} == given - {"services"}


def test_database_takes_as_many_as_is_said() -> None:
    """Every api at its most, two of each projector, and three that PostgreSQL keeps for its superuser."""
    operations = (composition.REPOSITORY / "docs" / "operations.md").read_text()
    said = re.search(r"PostgreSQL takes (\d+) connections.*\n?.* (\d+) apis with (\d+) projectors", operations)
    assert said
    connections, apis, projectors = map(int, said.groups())
    assert connections == prepare.CONNECTIONS
    assert apis * AT_MOST + projectors * 2 + 3 <= connections


def test_images_hold_their_own_member_only() -> None:
    built = {name: _target(service) for name, service in SERVICES.items() if service.built_of}
    assert built == {
        "prepare": ("launcher", "launcher"),
        "begin": ("launcher", "launcher"),
        "backup": ("launcher", "launcher"),
        "api": ("api", "api"),
        "simulator": ("service", "simulator"),
        **{name: ("service", name) for name in ("provisioner", "reconciler", "projector")},
    }
    images = {name: service.said["image"] for name, service in SERVICES.items() if not service.built_of}
    assert images == {"nats": "nats:2.15", "postgres": "postgres:18", "caddy": "caddy:2"}


def _target(service: Service) -> tuple[Any, str | None]:
    return service.said["build"]["target"], service.built_of
