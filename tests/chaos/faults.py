"""Carries out what the plan says, and keeps count of what really happened."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from chaos.lab import Simulated
from chaos.plan import FROZEN_SECONDS, OF_IMAGES, Blow, Trial, Trouble
from chaos.stack import Stack
from proximity.domain.application.marker import markers

STRIKES = ("slow", "drop_before", "drop_after", "late", "596", "task_lost", "task_error", "task_killed")
"""Kinds that happen only when something meets them; the others hold from the moment they are asked for."""


BUSY, BUSY_WITHIN = 2, 4.0
"""So many tasks run on Proxmox when a blow falls; seconds in which that has to come about."""
RUNNING_WITHIN = 60.0
"""Seconds in which a process that was killed runs again: it is waited for, so that the next blow hits, too."""


@dataclass
class Faults:
    """`happened`: name of a blow or trouble -> how often. `idle_strikes`: while little went on."""

    stack: Stack
    happened: Counter[str] = field(default_factory=Counter)
    idle_strikes: int = 0
    _waiting: list[tuple[Simulated, int, Trouble]] = field(default_factory=list)
    _thawing: set[asyncio.Task[None]] = field(default_factory=set)

    async def carry_out(self, trial: Trial) -> None:
        if trial.trouble:
            await self._trouble(trial.trouble)
        await self._until_busy()
        await asyncio.sleep(trial.blow.after)
        await self._until_they_run(trial.blow)
        self._strike(trial.blow)
        await asyncio.sleep(trial.pause)

    async def _until_busy(self) -> None:
        """Several tasks run on Proxmox; with much of the stack away that may take too long to be waited for."""
        try:
            async with asyncio.timeout(BUSY_WITHIN):
                while await self._running() < BUSY:  # noqa: ASYNC110 - in another process
                    await asyncio.sleep(0.05)
        except TimeoutError:
            self.idle_strikes += 1

    async def _until_they_run(self, blow: Blow) -> None:
        async with asyncio.timeout(RUNNING_WITHIN):
            while not all(self.stack.kept[name].running for name in blow.targets):  # noqa: ASYNC110 - other processes
                await asyncio.sleep(0.02)

    async def _running(self) -> int:
        states = [await cluster.control("GET", "/state") for cluster in self.stack.lab.clusters]
        return sum(state["tasks_running"] for state in states)

    def _strike(self, blow: Blow) -> None:
        for name in blow.targets:
            process = self.stack.kept[name]
            if not (process.kill() if blow.how == "kill" else process.freeze()):
                return
            if blow.how == "freeze":
                self._thawing.add(asyncio.create_task(self._thaw_later(name)))
        self.happened[blow.name] += 1

    async def _thaw_later(self, name: str) -> None:
        await asyncio.sleep(FROZEN_SECONDS)
        self.stack.kept[name].thaw()

    async def _trouble(self, trouble: Trouble) -> None:
        cluster = self.stack.lab.clusters[trouble.cluster]
        match = dict(trouble.match)
        if trouble.of is not None:
            ours = [guest for guest in await cluster.guests() if markers(guest["description"])
                    and guest["vmid"] not in cluster.foreign and not guest["lock"]]  # fmt: skip
            if not ours:
                return
            match["vmid"] = ours[int(trouble.of * len(ours))]["vmid"]
        if trouble.name in OF_IMAGES:
            await cluster.tidy_images()
        asked = {"kind": trouble.kind, "match": match, **trouble.what}
        fault = await cluster.control("POST", "/faults", asked)
        if trouble.kind in STRIKES:
            self._waiting.append((cluster, fault["id"], trouble))
        else:
            self.happened[trouble.name] += 1

    async def heal(self) -> None:
        """Everything that is broken on purpose is mended, and what was frozen wakes up."""
        await asyncio.gather(*self._thawing)
        self._thawing.clear()
        self.stack.thaw()
        left: dict[tuple[str, int], int] = {}
        for cluster in self.stack.lab.clusters:
            for fault in await cluster.control("GET", "/faults"):
                left[cluster.url, fault["id"]] = fault["struck"]
            await cluster.control("DELETE", "/faults")
        for cluster, fault_id, trouble in self._waiting:
            # what has struck as often as it may is no longer listed
            if left.get((cluster.url, fault_id), 1):
                self.happened[trouble.name] += 1
        self._waiting.clear()
