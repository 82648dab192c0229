"""The stack of compose.yaml without containers: the same programs with the same variables, files and health checks.

What stands for a container's own file system and network is translated, and nothing else: a path under a mount is that
path in the volume's folder, `service:port` is a port on loopback. What only an engine can show (images, networks,
rights) is not shown here.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from compose import composition
from compose.composition import REPOSITORY, Service
from proximity_launcher.nats_server import binary
from proximity_launcher.up import postgres
from proximity_launcher.up.ports import free_ports

# as the Dockerfile copies them
IMAGE_FILES = {
    "/opt/proximity/catalog": str(REPOSITORY / "catalog"),
    "/opt/proximity/deploy": str(REPOSITORY / "deploy"),
    "/opt/proximity/pages": str(REPOSITORY / "frontend" / "build"),
}
LISTENS = {"nats": 4222, "postgres": 5432, "api": 8080, "caddy": 8443, "simulator": 8006}
SCALED = ("api", "provisioner", "reconciler", "projector")
HEALTH, CADDY_HEALTH = 8081, 2080
ORDER = ("prepare", "nats", "begin", "postgres", "api", "provisioner", "reconciler", "projector", "caddy", "simulator")
PATIENCE, GRACE = 60.0, 20.0
# also when they are killed
_ENDS_WITH_TESTS = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()
SPEED = ("--time-scale", "0.3")
"""Of the simulated Proxmox VE: there is more to be tested than to be waited for."""


@dataclass
class Running:
    """`here`: what is written differently than in the container."""

    process: subprocess.Popen[bytes]
    here: Mapping[str, str] = field(repr=False)


class ProcessStack:
    """Everything under `folder`. Raises AssertionError with the last words of whoever does not do what it should."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = dict(zip(LISTENS, free_ports(len(LISTENS)), strict=True))
        variables = {"PROXIMITY_HTTPS_PORT": str(self.ports["caddy"])}
        self._services = composition.read(variables).services
        self._running: dict[str, list[Running]] = {}
        for volume in {volume for service in self._services.values() for volume in service.mounts.values()}:
            self.volume(volume).mkdir(mode=0o700, parents=True, exist_ok=True)
        cluster = postgres.cluster(self.volume("postgres"))
        self.not_root, self.postgres_programs = cluster.prefix, cluster.programs

    # ------------------------------------------------------------ as the story asks

    def up(self, names: Sequence[str] = ORDER) -> None:
        """Each in its turn, when what it waits for is as compose.yaml says. What runs is left alone."""
        for name in names:
            service = self._services[name]
            assert set(service.said.get("depends_on", ())) <= set(ORDER[: ORDER.index(name)]), name
            for other, waited in service.said.get("depends_on", {}).items():
                if waited["condition"] == "service_healthy":
                    self.until_healthy(other)
            if service.said["restart"].startswith("on-failure"):
                self._run_to_its_end(service)
            elif not self._alive(name):
                self.start(name)
        for name in names:
            self.until_healthy(name)

    def said_by(self, name: str) -> str:
        """All that the service ever wrote."""
        log = self._log(name)
        return log.read_text(errors="replace") if log.exists() else ""

    def authority(self) -> Path:
        """The certificate by which caddy's own authority is known."""
        return self.volume("caddy") / "caddy" / "pki" / "authorities" / "local" / "root.crt"

    def scale(self, name: str, number: int) -> None:
        while len(self._alive(name)) < number:
            self.start(name)
        self.until_healthy(name)

    def kill(self, name: str) -> None:
        """One of them, with -9."""
        self._kill(self._alive(name)[0])

    def restart(self, name: str) -> None:
        """All of them with -9, then started again."""
        for running in self._alive(name):
            self._kill(running)
        self.start(name)
        self.until_healthy(name)

    def close(self) -> None:
        """Those that need others first, each with its time to end in order, as `docker compose down` does."""
        servers = ("postgres", "nats")
        for names in ([name for name in ORDER if name not in servers], servers):
            ending = [(name, running) for name in names for running in self._alive(name)]
            for name, running in ending:
                said = self._services[name].said.get("stop_signal", "SIGTERM")
                running.process.send_signal(signal.Signals[said])
            for _, running in ending:
                try:
                    running.process.wait(GRACE)
                except subprocess.TimeoutExpired:
                    self._kill(running)

    def volume(self, name: str) -> Path:
        return self.folder / "volumes" / name

    # ------------------------------------------------------------ one container

    def start(self, name: str) -> None:
        """One of them, whatever the others do."""
        service = self._services[name]
        here = self._here(service)
        self._running.setdefault(name, []).append(Running(self._spawn(service, here), here))

    def _run_to_its_end(self, service: Service) -> None:
        process = self._spawn(service, self._here(service))
        assert process.wait(PATIENCE) == 0, f"{service.name}: {self.said_by(service.name)[-2000:]}"

    def _spawn(self, service: Service, here: Mapping[str, str]) -> subprocess.Popen[bytes]:
        of_image = composition.image_environment("api") if service.name == "api" else {}
        told = {name: translated(value, here) for name, value in (of_image | service.environment).items()}
        path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
        prefix: tuple[str, ...] = ()
        if service.name == "postgres":
            prefix, path = self.not_root, f"{self.postgres_programs}:{path}"
        with self._log(service.name).open("ab") as log:
            return subprocess.Popen(
                [*prefix, *_ENDS_WITH_TESTS, *(translated(part, here) for part in command(service))],
                env={"PATH": path, "LC_ALL": "C", "HOME": "/nonexistent", **told},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _here(self, service: Service) -> dict[str, str]:
        """By what is written for a container, what it is on this machine; longer ones come first."""
        here = {f"{name}:{port}": f"127.0.0.1:{self.ports[name]}" for name, port in LISTENS.items()}
        here |= {target: str(self.volume(volume)) for target, volume in service.mounts.items()} | IMAGE_FILES
        here |= {str(port): str(self.ports[name]) for name, port in LISTENS.items() if name == service.name}
        here |= {"0.0.0.0": "127.0.0.1", "/volumes": str(self.folder / "volumes")}
        if service.name in SCALED:
            here[str(HEALTH)] = str(free_ports(1)[0])
        return here | self._rewritten(service, here)

    def _rewritten(self, service: Service, here: Mapping[str, str]) -> dict[str, str]:
        """Files in which addresses of containers are written: copies with those of this machine."""
        copies = self.folder / "rewritten" / service.name
        if service.name == "nats":
            config = json.loads((self.volume("for-nats") / "nats.conf").read_text())
            config |= {"host": "127.0.0.1", "port": self.ports["nats"]}
            config["jetstream"]["store_dir"] = translated(config["jetstream"]["store_dir"], here)
            return {"/run/secrets": str(_written(copies / "nats.conf", json.dumps(config)).parent)}
        if service.name == "postgres":
            shutil.copytree(self.volume("for-postgres"), copies, dirs_exist_ok=True)
            config_file = copies / "postgresql.conf"
            text = config_file.read_text().replace("/run/secrets", str(copies))
            _written(config_file, f"{text}listen_addresses = '127.0.0.1'\nport = {self.ports['postgres']}\n")
            return {"/run/secrets": str(copies)}
        if service.name == "caddy":
            health = str(free_ports(1)[0])
            text = replaced(
                (self.volume("for-caddy") / "Caddyfile").read_text(),
                {
                    "name api": "name 127.0.0.1",
                    "port 8080": f"port {self.ports['api']}",
                    "https_port 8443": f"https_port {self.ports['caddy']}\n\tdefault_bind 127.0.0.1",
                    f"http://127.0.0.1:{CADDY_HEALTH}": f"http://127.0.0.1:{health}",
                },
            )
            return {"/etc/proximity": str(_written(copies / "Caddyfile", text).parent), str(CADDY_HEALTH): health}
        if service.name == "simulator":
            return {"simulator": "127.0.0.2"}
        return {}

    # ------------------------------------------------------------ how it is

    def until_healthy(self, name: str) -> None:
        """Each of them, by the health check of compose.yaml."""
        health = self._services[name].said.get("healthcheck")
        if health is None:
            return
        kind, *test = health["test"]
        asked = ["sh", "-c", *test] if kind == "CMD-SHELL" else list(test)
        assert self._alive(name), f"{name} ended: {self.said_by(name)[-2000:]}"
        for running in self._alive(name):
            self._until(name, running, asked)

    def _until(self, name: str, running: Running, asked: Sequence[str]) -> None:
        path = f"{Path(sys.executable).parent}:{self.postgres_programs}:{os.environ.get('PATH', os.defpath)}"
        told = [translated(part, running.here) for part in asked]
        until = time.monotonic() + PATIENCE
        while subprocess.run(told, env={"PATH": path}, capture_output=True, timeout=10, check=False).returncode:
            assert running.process.poll() is None, f"{name} ended: {self.said_by(name)[-2000:]}"
            assert time.monotonic() < until, f"{name} is not healthy: {self.said_by(name)[-2000:]}"
            time.sleep(0.1)

    def _alive(self, name: str) -> list[Running]:
        return [running for running in self._running.get(name, ()) if running.process.poll() is None]

    @staticmethod
    def _kill(running: Running) -> None:
        """With its own processes, as the end of a container does."""
        victim = psutil.Process(running.process.pid)
        for process in (victim, *victim.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        running.process.wait()

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


def command(service: Service) -> list[str]:
    """What the container runs: entrypoint and command, those of the image where compose.yaml names none."""
    own = list(service.said.get("command", ()))
    if service.name == "nats":
        return [binary(), *own]
    if service.name == "simulator":
        own += SPEED
    given = service.said.get("entrypoint")
    return [*(given or ["python", "-m", f"proximity_{service.built_of}"]), *own]


def translated(text: str, here: Mapping[str, str]) -> str:
    """In one go, so that nothing of what was put in is taken for something to be replaced."""
    longest_first = sorted(here, key=len, reverse=True)
    return re.sub(rf"(?<!\w)({'|'.join(map(re.escape, longest_first))})(?!\w)", lambda found: here[found[0]], text)


def replaced(text: str, what: Mapping[str, str]) -> str:
    for written, instead in what.items():
        assert text.count(written) == 1, written
        text = text.replace(written, instead)
    return text


def _written(file: Path, text: str) -> Path:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(text)
    return file
