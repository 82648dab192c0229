"""The state in a file: guests, volumes, tokens, journal and the last tasks outlive the process."""

import itertools
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from fakepve.lxc import FakeCt
from fakepve.model import FakeVm

from .base import Base
from .guests import pace
from .rights import Access
from .storages import PerNode
from .tasks import DIED

KEPT_TASKS = 100
GUEST = ("vmid", "node", "status", "config", "pending", "snapshots", "pool", "started_at")
MACHINE = ("name", "template")
FORMATS = (1, 2)


class StateFileError(Exception):
    """The file is not one of this simulator's."""


def write_private(path: Path, text: str) -> None:
    """The whole text or nothing, readable for the owner only. It outlives the process, not a power failure."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:  # whatever ends it, no half file stays behind
        Path(name).unlink(missing_ok=True)
        raise


class State(Base):
    state_file: Path | None = None

    def changed(self) -> None:
        super().changed()
        if self.state_file is not None:
            write_private(self.state_file, json.dumps(self.dump()))

    def dump(self) -> dict[str, Any]:
        return {
            "format": FORMATS[-1],
            "port": self.port,
            "containers": [
                {key: getattr(ct, key) for key in GUEST} | {"image": getattr(ct, "image", None)} for ct in self.cts
            ],
            "machines": [{key: getattr(vm, key) for key in GUEST + MACHINE} for vm in self.vms],
            "pools": {name: sorted(members) for name, members in self.pools.items()},
            "volumes": {name: _volumes(store["volumes"]) for name, store in self.storages.items()},
            "tokens": self.apitokens,
            "passwords": self.users,
            "access": self.access.dump(),
            "tasks": self.tasklog[-KEPT_TASKS:],
            "journal": self.journal.dump(),
        }

    def restore(self, path: Path) -> bool:
        """Whether there was a state; nodes and storages themselves come from the demo set."""
        if not path.exists():
            return False
        try:
            saved = json.loads(path.read_text())
        except ValueError:
            saved = None
        if not isinstance(saved, dict) or saved.get("format") not in FORMATS:
            raise StateFileError(f"{path}: not a state file of this version of the simulator")
        for guest in saved["containers"]:
            self._restore_container(guest)
        for guest in saved["machines"]:
            self._restore_machine(guest)
        self.pools.update({name: set(members) for name, members in saved["pools"].items()})
        for name, volumes in saved["volumes"].items():
            store = self.storages[name]["volumes"]
            (store.nodes if isinstance(store, PerNode) else store).update(volumes)
        self.apitokens.update(saved["tokens"])
        self._restore_access(saved)
        self._restore_tasks(saved["tasks"])
        self.journal.restore(saved["journal"])
        self.random.seed(f"{self.seed} after {len(saved['journal'])}")  # not the same addresses again
        self.port = self.port or saved["port"]
        return True

    def _restore_access(self, saved: dict[str, Any]) -> None:
        if saved["format"] == 1:  # it knew tokens and what they may do, and nothing of users and roles
            for token, secret in saved["tokens"].items():
                self.create_token(token, secret=secret)
            for grant in saved["grants"]:
                self.grant(grant["who"], grant["path"], *grant["privileges"])
            return
        self.users.update(saved["passwords"])
        self.access = Access.restore(saved["access"])

    def _restore_container(self, saved: dict[str, Any]) -> None:
        container = FakeCt(saved["vmid"], node=saved["node"], defaults=False)
        for key in GUEST:
            setattr(container, key, saved[key])
        container.image = saved.get("image")
        if container.status == "running":
            container.pid = next(self._ct_pids)
        pace(container)
        self.cts.append(container)

    def _restore_machine(self, saved: dict[str, Any]) -> None:
        machine = FakeVm(saved["vmid"], saved["name"], node=saved["node"], template=saved["template"])
        for key in GUEST:
            setattr(machine, key, saved[key])
        machine.qmpstatus = machine.status
        self.vms.append(machine)

    def _restore_tasks(self, tasks: list[dict[str, Any]]) -> None:
        for task in tasks:
            if task["status"] == "running":  # the process was killed in the middle, and its workers with it
                task.update(status="stopped", exitstatus=DIED, endtime=task["starttime"])
            self.tasks[task["upid"]] = task
            self.tasklog.append(task)
        self._pids = itertools.count(max((task["pid"] for task in tasks), default=1000) + 1)


def _volumes(volumes: Any) -> dict[str, Any]:
    return volumes.nodes if isinstance(volumes, PerNode) else dict(volumes)
