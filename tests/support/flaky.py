"""A cluster that people, other tools and accidents change all the time. Its truth is known. A seed tells it all."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from proximity.domain.application import commands as cmd
from proximity.domain.application.decider import correct
from proximity.domain.application.events import Observed
from proximity.domain.application.evolve import evolve
from proximity.domain.application.marker import Marker
from proximity.domain.drift import Desired
from proximity.domain.drift.findings import LOCK_LEFT
from support.comparing import INSTALLATION
from support.deciders import NOON
from support.life import Life, deploy

NODES = ("pve", "pve2", "pve3")
EVERY = timedelta(seconds=5)


@dataclass(frozen=True)
class Guest:
    """What a guest really is. `of`: the application whose container it is; None: anything else."""

    vmid: int
    of: str | None
    node: str
    running: bool = True
    name: str = "guest"
    markers: tuple[Marker, ...] = ()
    memory: str = "512"
    token: str = "t1"
    card: str = "BC:24:11:FF:00:00"
    lock: str | None = None
    locked: datetime = NOON

    @property
    def values(self) -> dict[str, str]:
        net = f"name=eth0,bridge=vmbr0,hwaddr={self.card}"
        return {"hostname": self.name, "memory": self.memory, "net0": net, "rootfs": "local:1,size=8G"}


class Owner:
    """An application, and the container that is (or was) its own."""

    def __init__(self, number: int) -> None:
        self.id = f"a{number}"
        self.life = Life(self.id, next_vmid=20000 + 100 * number, now=NOON - timedelta(minutes=5))
        self.life.do(deploy(application_id=self.id, name=f"Wiki {number}"))
        self.life.run()
        container = self.life.app.container
        assert container
        self.vmid = container.vmid
        self.marker = Marker(INSTALLATION, self.id, container.operation_id, self.vmid)
        self.slug = self.life.app.slug
        self.told: list[Observed] = []
        self.made = Guest(
            self.vmid, self.id, "pve", name=self.slug, markers=(self.marker,), card=f"BC:24:11:00:00:{number:02}"
        )

    @property
    def busy(self) -> bool:
        return self.life.app.operation is not None

    @property
    def desired(self) -> Desired:
        a = self.life.app
        assert a.container
        power = None if a.desired == "absent" else a.desired
        findings = dict(a.findings)
        node, since = a.container.node, self.life.now
        return Desired(self.id, self.vmid, node, self.slug, self.marker, power, self.busy, since, a.baseline, findings)

    @property
    def version(self) -> int:
        """Number of events."""
        return len(self.life.events) + len(self.told)

    def observe(self, event: Observed, now: datetime) -> list[Observed]:
        """What was news."""
        told = correct(self.life.state, event)
        for news in told:
            self.life.now = max(self.life.now, now) + timedelta(milliseconds=1)
            self.life.state = evolve(self.life.state, news, self.life.now)
        self.told += told
        return told


@dataclass
class Cluster:
    random: Random
    owners: list[Owner]
    now: datetime = NOON
    truth: dict[int, Guest] = field(default_factory=dict)
    # the truth at the end of each sweep
    history: list[dict[int, Guest]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.truth = {owner.vmid: owner.made for owner in self.owners}
        self.history = [dict(self.truth)]

    @property
    def living(self) -> list[Owner]:
        return [owner for owner in self.owners if not owner.life.app.deleted]

    def pass_time(self) -> None:
        self.now += EVERY
        self.history.append(dict(self.truth))

    def stir(self) -> None:
        """Something may happen, also while an operation of Proximity's is going on."""
        for owner in self.living:
            if owner.busy:
                self.carry_on(owner)
            elif self.random.random() < 0.01:
                self._begin(owner)
        for owner in self.owners:
            if self.random.random() < 0.03 and not owner.busy:
                self._interfere(owner)
        if self.random.random() < 0.02:
            self._copy()

    def carry_on(self, owner: Owner) -> None:
        life, step = owner.life, owner.life.step
        assert step
        life.now = max(life.now, self.now)
        if step.intent and step.intent.upid:
            if step.name == "destroy":
                del self.truth[owner.vmid]
            elif step.name in ("start", "stop", "shutdown"):
                self.truth[owner.vmid] = replace(self.truth[owner.vmid], running=step.name == "start")
        life.advance()

    def _begin(self, owner: Owner) -> None:
        """Only what succeeds; how operations fail is told elsewhere."""
        it = self.truth.get(owner.vmid)
        if it is None or it.markers != (owner.marker,):
            return
        owner.life.now = max(owner.life.now, self.now)
        kinds = (cmd.StopApplication, cmd.StartApplication, cmd.RestartApplication, cmd.ShutdownApplication)
        kind = cmd.DeleteApplication if self.random.random() < 0.05 else self.random.choice(kinds)
        owner.life.do(kind(operation_id=f"{owner.id}-{owner.version}", application_id=owner.id))

    def _interfere(self, owner: Owner) -> None:
        it, dice = self.truth.get(owner.vmid), self.random.random()
        if it is None:
            restored = replace(owner.made, node=self.random.choice(NODES))
            stranger = Guest(owner.vmid, None, self.random.choice(NODES))
            self.truth[owner.vmid] = restored if dice < 0.5 else stranger
        elif dice < (0.1 if it.of else 0.5):
            del self.truth[owner.vmid]
        elif it.of:
            self.truth[owner.vmid] = replace(it, **self._change(owner, it))

    def _change(self, owner: Owner, it: Guest) -> dict[str, Any]:
        pick = self.random.choice
        return pick(
            [
                {"running": not it.running},
                {"running": not it.running},
                {"name": pick(["renamed", "another", owner.slug])},
                {"memory": pick(["512", "1024", "2048"])},
                {"token": pick(["t1", "t2"])},
                {"node": pick(NODES)},
                {"markers": pick([(), (owner.marker,), (owner.marker,)])},
                {"lock": pick([None, "backup"]), "locked": self.now},
            ]
        )

    def _copy(self) -> None:
        """Somebody clones a container with its description, or removes what is nobody's."""
        vmid = self.random.randint(300, 305)
        if self.truth.pop(vmid, None) is None:
            markers = self.random.choice([(), (self.random.choice(self.owners).marker,)])
            self.truth[vmid] = Guest(vmid, None, self.random.choice(NODES), markers=markers)

    def findings(self, owner: Owner) -> set[str]:
        """What is to be said of an application, by the truth."""
        it, app = self.truth.get(owner.vmid), owner.life.app
        if it is None:
            return {"gone"}
        if it.of != owner.id:
            return {"vmid_taken"}
        assert app.baseline
        checks = {
            "stopped_outside": app.desired == "running" and not it.running,
            "started_outside": app.desired == "stopped" and it.running,
            "renamed": it.name != owner.slug,
            "marker_removed": not it.markers,
            "configuration_changed:memory": it.memory != app.baseline.values["memory"],
            "configuration_changed:env.TOKEN": it.token != app.baseline.environment["TOKEN"],
            "lock_left": it.lock is not None and self.now - it.locked > LOCK_LEFT,
        }
        return {key for key, true in checks.items() if true}

    def findings_of_guests(self) -> dict[int, set[str]]:
        """What is to be said of guests that no application has, by the truth."""
        managed = {owner.vmid for owner in self.living}
        marked = {vmid: it.markers for vmid, it in self.truth.items() if vmid not in managed and it.markers}
        return {vmid: {"orphan" if m.vmid == vmid else "marker_copied"} for vmid, (m, *_) in marked.items()}
