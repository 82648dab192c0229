"""A browser: a snapshot, then the stream of changes, resumed where it broke. What it holds is compared in the end."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2

from chaos.client import Client

Row = dict[str, Any]
TABLES = ("applications", "operations", "clusters", "nodes", "storages")
SILENCE = 20.0
"""Seconds after which a connection without a heartbeat (every 10 s) is taken for dead."""
AGAIN_AFTER = 0.3


@dataclass(frozen=True)
class Frame:
    event: str
    id: str
    data: str


async def frames(lines: AsyncIterator[str]) -> AsyncIterator[Frame]:
    fields: dict[str, str] = {}
    async for line in lines:
        if not line:
            if "data" in fields:
                yield Frame(fields.get("event", "message"), fields.get("id", ""), fields["data"])
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")


class Browser:
    """`rows`: table -> id -> row, as far as the stream told. `gaps`: frames that do not follow from the one before."""

    def __init__(self, client: Client) -> None:
        self.rows: dict[str, dict[str, Row]] = {table: {} for table in TABLES}
        self.gaps: list[str] = []
        self.resets = 0
        self.breaks = 0
        self._client = client
        self._last_id = ""
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await self._take_snapshot()
        self._task = asyncio.create_task(self._watch(), name="browser")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def operation(self, operation_id: str) -> Row | None:
        return self.rows["operations"].get(operation_id)

    async def news(self, within: float) -> None:
        """Until something changes, at most so many seconds."""
        try:
            async with asyncio.timeout(within), self._changed:
                await self._changed.wait()
        except TimeoutError:
            return

    async def _watch(self) -> None:
        timeout = httpx2.Timeout(10.0, read=SILENCE)
        async with httpx2.AsyncClient(base_url=f"{self._client.url}/api/v1", timeout=timeout) as http:
            while True:
                try:
                    await self._once(http)
                except httpx2.TransportError:
                    self.breaks += 1
                await asyncio.sleep(AGAIN_AFTER)

    async def _once(self, http: httpx2.AsyncClient) -> None:
        headers = self._client.headers | {"Last-Event-ID": self._last_id}
        async with http.stream("GET", "/stream", headers=headers) as answer:
            if answer.status_code != 200:
                return
            async for frame in frames(answer.aiter_lines()):
                if frame.event == "reset":
                    self.resets += 1
                    await self._take_snapshot()
                    return
                if frame.id:
                    await self._apply(frame)

    async def _apply(self, frame: Frame) -> None:
        told = json.loads(frame.data)
        if str(told["prev"]) != self._last_id.rpartition(":")[2]:
            self.gaps.append(f"after {self._last_id} came {frame.id} with prev {told['prev']}")
        for change in told["changes"]:
            if change["table"] not in self.rows:
                continue
            if change["row"] is None:
                self.rows[change["table"]].pop(change["id"], None)
            else:
                self.rows[change["table"]][change["id"]] = change["row"]
        self._last_id = frame.id
        await self._tell()

    async def _take_snapshot(self) -> None:
        snapshot = await self.snapshot()
        self.rows = {table: {row["id"]: row for row in snapshot[table]} for table in TABLES}
        self._last_id = f"{snapshot['epoch']}:{snapshot['position']}"
        await self._tell()

    async def snapshot(self) -> Row:
        snapshot = await self._client.get("/snapshot")
        if snapshot is None:
            raise RuntimeError("there is no snapshot")
        return snapshot

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def differences(self) -> list[str]:
        """Between what the stream led to and a fresh snapshot, which holds the latest operations only."""
        snapshot = await self.snapshot()
        found = []
        for table in TABLES:
            fresh = {row["id"]: row for row in snapshot[table]}
            held = self.rows[table]
            if table == "operations":
                held = {key: row for key, row in held.items() if key in fresh}
            found += [
                f"{table} {key}: the stream led to {held.get(key)}, the snapshot has {fresh.get(key)}"
                for key in fresh.keys() | held.keys()
                if held.get(key) != fresh.get(key)
            ]
        return found
