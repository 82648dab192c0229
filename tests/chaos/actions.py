"""What people do all the while: each deploys an application, operates it at random, deletes it, and begins again."""

import asyncio
import random
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from chaos.browser import Browser
from chaos.client import Answer, Client
from chaos.lab import Simulated, left_behind

Row = dict[str, Any]
RECIPES = ("debian", "debian", "turnkey-nginx", "vaultwarden", "memos")
"""The last two are made of images. Their programs listen at ports that nobody needs rights for."""
SETTINGS = {"memory_mib": 256, "disk_gib": 4}
ENDED = {"succeeded", "failed", "rejected", "cancelled"}
LOOK_AGAIN = 5.0
"""Seconds without news after which an operation is asked for by its id."""
COMMANDS = re.compile(r"pct unlock (?P<unlock>\d+)|pct destroy (?P<destroy>\d+) --purge")
"""What a person is asked to run, one or both, for what a dead worker left: a lock, or a guest with nothing on it."""
VERDICT_WITHIN = 60.0
"""Seconds in which an operation that says undecided without need has to go on by itself: it looks again every fifteen,
and a replica that is killed meanwhile is succeeded after ten.
"""


@dataclass
class Diary:
    """What people saw. `ends`: (kind, status) -> how often; `causes`: of failures; `amiss`: what must not be."""

    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    helped: int = 0
    amiss: list[str] = field(default_factory=list)


class Person:
    """One application at a time. `idle`: between two operations; `gate` closed: it stays so."""

    def __init__(
        self, name: str, seed: str, client: Client, browser: Browser, clusters: list[Simulated], diary: Diary
    ) -> None:
        self.idle = asyncio.Event()
        self.waits_for: str | None = None
        self.application_id: str | None = None
        self._name = name
        self._chance = random.Random(f"{seed} {name}")
        self._client, self._browser, self._clusters, self._diary = client, browser, clusters, diary
        self._lives = 0

    async def live(self, gate: asyncio.Event) -> None:
        """Until cancelled."""
        while True:
            self.idle.set()
            await gate.wait()
            self.idle.clear()
            await asyncio.sleep(self._chance.uniform(0.0, 0.4))
            await self._act()

    async def _act(self) -> None:
        if self.application_id is None:
            await self.deploy()
            return
        row = self._browser.rows["applications"].get(self.application_id)
        status = row["status"] if row else "unknown"
        order = self._choose(status)
        ended = await self._follow(await self._order(*order))
        if order[0] == "DELETE" and ended and ended["status"] == "succeeded":
            self.application_id = None

    def _choose(self, status: str) -> tuple[str, str]:
        base = f"/applications/{self.application_id}"
        if status == "failed" or self._chance.random() < 0.15:
            return "DELETE", base + self._chance.choice(("", "?force=true"))
        sensible = {"running": ("stop", "restart", "shutdown"), "stopped": ("start", "start", "restart")}
        anything = ("start", "stop", "restart", "shutdown")
        some = sensible.get(status, anything) if self._chance.random() < 0.9 else anything
        return "POST", f"{base}/{self._chance.choice(some)}"

    async def deploy(self, cluster: Simulated | None = None, *, calm: bool = False) -> None:
        """`calm`: without anything in between."""
        self._lives += 1
        cluster = cluster or self._chance.choice(self._clusters)
        body: Row = {"recipe": self._chance.choice(RECIPES), "name": f"{self._name}-{self._lives}"}
        body |= {"cluster_id": cluster.cluster_id, "settings": SETTINGS}
        if self._chance.random() < 0.3:
            body["node"] = self._chance.choice(("pve1", "pve2"))
        answer = await self._order("POST", "/applications", body)
        if answer.accepted:
            self.application_id = answer.body["application_id"]
            await self._follow(answer, calm=calm)

    async def _order(self, method: str, path: str, body: Row | None = None) -> Answer:
        answer = await self._client.order(method, path, body, hasty=self._chance.random() < 0.1)
        if not answer.accepted:
            self._diary.amiss.append(f"{method} {path} was refused: {answer.status} {answer.body}")
        return answer

    async def _follow(self, answer: Answer, *, calm: bool = False) -> Row | None:
        """The operation at its end; sometimes with something in between."""
        if not answer.accepted:
            return None
        operation_id = answer.body["operation_id"]
        if not calm and self._chance.random() < 0.3:
            await asyncio.sleep(self._chance.uniform(0.0, 1.5))
            await self._interfere(operation_id)
        ended = await self._end(operation_id)
        if self._chance.random() < 0.1:
            await self._client.repeat(operation_id)
        return ended

    async def _interfere(self, operation_id: str) -> None:
        """Cancels it, deletes the application, or asks for something else that has to be refused."""
        what = self._chance.choice(("cancel", "cancel", "delete", "other"))
        base = f"/applications/{self.application_id}"
        if what == "cancel":
            await self._until_known(operation_id)
            answer = await self._order("POST", f"/operations/{operation_id}/cancel")
        elif what == "delete":
            answer = await self._order("DELETE", base + self._chance.choice(("", "?force=true")))
        else:
            answer = await self._order("POST", f"{base}/{self._chance.choice(('start', 'stop', 'restart'))}")
        ended = await self._end(answer.body["operation_id"]) if answer.accepted else None
        if what == "delete" and ended and ended["status"] == "succeeded":
            self.application_id = None

    async def _until_known(self, operation_id: str) -> None:
        """To cancel what was just accepted one has to see it first."""
        while self._browser.operation(operation_id) is None:
            await self._browser.news(LOOK_AGAIN)

    async def _end(self, operation_id: str) -> Row:
        """The operation at its end, which it has to come to; where a person is needed, this is the person."""
        self.waits_for = operation_id
        row = self._browser.operation(operation_id)
        while row is None or row["status"] not in ENDED:
            if row is not None and row["status"] == "undecided":
                await self._help(row)
            await self._browser.news(LOOK_AGAIN)
            row = self._browser.operation(operation_id) or await self._client.get(f"/operations/{operation_id}")
        self.waits_for = None
        self._diary.ends[row["kind"], row["status"]] += 1
        if row["status"] == "failed":
            self._diary.causes[row["cause"]["code"]] += 1
            await self._tidy(row, row["cause"]["message"])
        return row

    async def _help(self, row: Row) -> None:
        """Does what the undecided operation asks for; it must be about a guest that a dead worker left behind."""
        if not await self._tidy(row, row["resolve_command"] or ""):
            await self._goes_on_by_itself(row)

    async def _tidy(self, row: Row, words: str) -> bool:
        """Runs the commands in these words on the node. False: there is nothing that only a person could tidy up."""
        app = self._browser.rows["applications"].get(row["target"])
        cluster = next((one for one in self._clusters if app and one.cluster_id == app["cluster_id"]), None)
        guest = await cluster.guest(app["vmid"]) if cluster and app and app["vmid"] else None
        asked = list(COMMANDS.finditer(words))
        if cluster is None or guest is None or not left_behind(guest) or not asked:
            return False
        if await cluster.works_on(guest):
            self._diary.amiss.append(f"given up while a worker was busy with {guest}: {row}")
        self._diary.helped += 1
        for command in asked:
            if command["unlock"]:
                await cluster.unlock(int(command["unlock"]))
            else:
                await cluster.destroy(int(command["destroy"]))
        return True

    async def _goes_on_by_itself(self, row: Row) -> None:
        """What was left may have gone in this moment; otherwise nobody should have been asked."""
        until = asyncio.get_running_loop().time() + VERDICT_WITHIN
        now: Row | None = row
        while now is None or now["status"] == "undecided":
            if asyncio.get_running_loop().time() > until:
                self._diary.amiss.append(f"undecided without need: {row['kind']} {row['id']} {row['cause']}")
                return
            await self._browser.news(1.0)
            now = self._browser.operation(row["id"])
