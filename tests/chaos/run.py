"""A run: a stack, people who use it, trials that strike it, and after each round the question whether all is well."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from chaos import readmodel
from chaos.actions import Diary, Person
from chaos.browser import Browser
from chaos.client import Client
from chaos.faults import Faults
from chaos.lab import Simulated
from chaos.oracles import Facts, Seen, violations
from chaos.plan import Trial, plan, rounds
from chaos.report import Report, Violation, keep, say
from chaos.stack import Stack
from proximity.domain.application import events as ev
from proximity.messaging.connection import RefusedError

PEOPLE = 16
FOREIGN = (20000, 20002, 20005, 30001)
"""Numbers of the guests somebody else has made: most of them in the range from which Proximity takes its own."""
ALL_END_WITHIN = 150.0
"""Seconds after the last fault: leases (10 s), calls that settle (15 s), and pauses that have grown meanwhile."""
SAME_WITHIN = 30.0
MOST = 0.5
"""So large a share of what was neither refused nor cancelled has to succeed: a run can pass trivially otherwise."""


class Run:
    def __init__(self, seed: str, trials: int, folder: Path) -> None:
        self.seed, self.folder = seed, folder
        self.plan = plan(seed, trials)
        self.report = Report()
        self._stack = Stack(folder, sum(seed.encode()) * 10)
        self._faults = Faults(self._stack)
        self._diary = Diary()
        self._people: list[Person] = []
        self._gate = asyncio.Event()

    async def run(self) -> Report:
        """Raises Violation. The folder has the log then, and what every process said."""
        begun = time.monotonic()
        try:
            await self._play(await self._stack.start())
        except Violation:
            raise
        except Exception as error:
            # a client that is not served, a server that does not come back: that is a finding, too
            raise Violation([f"{type(error).__name__}: {error}"]) from error
        finally:
            await self._keep_evidence()
            await self._stack.stop()
            self.report.seconds = time.monotonic() - begun
        return self.report

    async def _play(self, client: Client) -> None:
        clusters = self._stack.lab.clusters
        browser = Browser(client)
        await self._connect(client, clusters)
        await browser.open()
        names = [f"person{number}" for number in range(1, PEOPLE + 1)]
        self._people = [Person(name, self.seed, client, browser, clusters, self._diary) for name in names]
        await self._make_foreign(clusters)
        lives = [asyncio.create_task(person.live(self._gate), name="life") for person in self._people]
        try:
            for number, trials in enumerate(rounds(self.plan), start=1):
                await self._round(number, trials, client, browser, lives)
            self._cover()
        finally:
            for life in lives:
                life.cancel()
            await asyncio.gather(*lives, return_exceptions=True)
            await browser.close()
            await client.close()

    # ---------------------------------------------------------------- before

    async def _connect(self, client: Client, clusters: list[Simulated]) -> None:
        for number, cluster in enumerate(clusters, start=1):
            body = {
                "name": f"Cluster {number}",
                "endpoints": [cluster.url],
                "token_id": cluster.token_id,
                "token_secret": cluster.token_secret,
                "fingerprint": cluster.fingerprint,
            }
            answer = await client.order("POST", "/clusters", body)
            if not answer.accepted:
                raise Violation([f"cluster {number} was refused: {answer.body}"])
            cluster.cluster_id = answer.body["cluster_id"]
            while True:
                row = await client.get(f"/operations/{answer.body['operation_id']}")
                if row and row["status"] == "succeeded":
                    break
                if row and row["status"] in ("failed", "rejected"):
                    raise Violation([f"cluster {number} was not connected: {row['cause']}"])
                await asyncio.sleep(0.1)

    async def _make_foreign(self, clusters: list[Simulated]) -> None:
        """On each cluster an application first, so that somebody else's guests can carry copies of its marker."""
        for cluster, person in zip(clusters, self._people, strict=False):
            await person.deploy(cluster, calm=True)
            marked = next((guest for guest in await cluster.guests() if "proximity:" in guest["description"]), None)
            if marked is None:
                raise Violation([f"no application was deployed on {cluster.url}"])
            for index, vmid in enumerate(vmid for vmid in FOREIGN if vmid != marked["vmid"]):
                description = marked["description"] if index % 2 else ""
                await cluster.make_foreign(vmid, ("pve1", "pve2")[index // 2], description, start=index % 3 == 0)
            ours = {marked["vmid"]}
            cluster.foreign = {guest["vmid"]: guest for guest in await cluster.guests() if guest["vmid"] not in ours}

    # ---------------------------------------------------------------- a round

    async def _round(
        self, number: int, trials: Sequence[Trial], client: Client, browser: Browser, lives: list[asyncio.Task[None]]
    ) -> None:
        self._gate.set()
        for trial in trials:
            await self._faults.carry_out(trial)
            self.report.trials = trial.number
        self._gate.clear()
        await self._faults.heal()
        healed = time.monotonic()
        late = await self._all_end(lives)
        self.report.ended_after.append(time.monotonic() - healed)
        facts = await self._facts(client)
        self._count(facts, client, browser)
        self._judge([*late, *self._diary.amiss, *violations(facts), *browser.gaps])
        self._judge(await self._same(browser))
        self._judge(await readmodel.differences(self._stack))
        took = self.report.ended_after[-1]
        say(
            f"[{self.seed}] round {number}: {trials[-1].number} trials, {sum(self.report.ends.values())} operations, "
            f"all ended {took:.1f} s after healing, {len(facts.records)} events, every oracle holds"
        )

    async def _all_end(self, lives: list[asyncio.Task[None]]) -> list[str]:
        """What has not come to its end in time."""
        waiting = asyncio.create_task(self._all_idle())
        done, _ = await asyncio.wait({waiting, *lives}, timeout=ALL_END_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        for life in done:
            life.result()
        if waiting in done:
            return []
        waiting.cancel()
        waits = [person.waits_for for person in self._people if not person.idle.is_set()]
        return [f"not ended {ALL_END_WITHIN:.0f} s after all faults: {waits}"]

    async def _all_idle(self) -> None:
        for person in self._people:
            await person.idle.wait()

    async def _facts(self, client: Client) -> Facts:
        clusters = []
        for cluster in self._stack.lab.clusters:
            journal = await cluster.journal()
            died = {
                entry["upid"]
                for entry in journal
                if entry["action"] == "create"
                and (await cluster.task(entry["upid"])).get("exitstatus") == "unexpected status"
            }
            seen = Seen(cluster.cluster_id, await cluster.guests(), journal, cluster.foreign, frozenset(died))
            clusters.append(seen)
        installation = self._stack.nats.installation_id
        records, struck = await self._stack.log(), frozenset(self._faults.happened)
        return Facts(installation, records, clusters, client.accepted, client.refused, struck)

    async def _same(self, browser: Browser) -> list[str]:
        """The stream has led to what a fresh snapshot holds."""
        until = time.monotonic() + SAME_WITHIN
        while found := await browser.differences():
            if time.monotonic() > until:
                return found
            await asyncio.sleep(0.3)
        return []

    def _judge(self, sentences: Sequence[str]) -> None:
        if sentences:
            raise Violation([f"up to {self.plan[max(self.report.trials - 1, 0)]}", *sentences])

    def _count(self, facts: Facts, client: Client, browser: Browser) -> None:
        report, diary = self.report, self._diary
        report.happened, report.ends, report.causes = self._faults.happened, diary.ends, diary.causes
        kinds = Counter(type(record.event) for record in facts.records)
        report.facts = Counter(
            {
                "events": len(facts.records),
                "applications": len(facts.apps),
                "steps taken over": kinds[ev.StepTakenOver],
                "calls without an answer": kinds[ev.CallUnanswered],
                "undecided": kinds[ev.OperationUndecided],
                "struck while little went on": self._faults.idle_strikes,
                "helped by a person": diary.helped,
                "commands": client.sent,
                "requests sent again": client.sent_again,
                "streams broken": browser.breaks,
                "streams begun anew": browser.resets,
                "starts of processes": sum(process.starts for process in self._stack.kept.values()),
            }
        )

    # ---------------------------------------------------------------- after

    def _cover(self) -> None:
        """A run in which nothing was struck, or nothing succeeded, proves nothing."""
        happened = self._faults.happened
        blows = Counter(trial.blow.name for trial in self.plan)
        troubles = Counter(trial.trouble.name for trial in self.plan if trial.trouble)
        missed = sorted(name for name, count in blows.items() if happened[name] < count)
        # a trouble may find nobody to strike before its round ends: once, but not again and again
        missing = sorted(name for name, count in troubles.items() if count > 2 and not happened[name])
        ends = self._diary.ends
        good = sum(count for (_, status), count in ends.items() if status == "succeeded")
        bad = sum(count for (_, status), count in ends.items() if status == "failed")
        sentences = [f"planned, and did not hit each time: {', '.join(missed)}"] if missed else []
        if missing:
            sentences.append(f"planned again and again, and did not happen: {', '.join(missing)}")
        if good < max(MOST * (good + bad), len(self.plan)):
            sentences.append(f"only {good} operations succeeded, {bad} failed")
        self._judge(sentences)

    async def _keep_evidence(self) -> None:
        """The event log beside the logs of the processes, as far as it can be read."""
        self._stack.thaw()
        try:
            records = await self._stack.log()
        except (OSError, TimeoutError, RefusedError, RuntimeError) as error:
            say(f"the log could not be read: {error!r}")
            return
        await keep(self.folder, records, self._stack.lab.clusters)
