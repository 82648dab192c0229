"""The live hub: one per process. It reads what changed once and hands it to every client, encoded once.

It looks when the projector announces a change and, because an announcement may be lost, at least every second. The
database is asked by the hub and by clients that catch up, never by an idle client.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from proximity.readmodel.frames import Frame, changes_since
from proximity_api import queries, sse, views
from proximity_api.client import Client, Encoded
from proximity_api.database import Database
from proximity_api.edge import Measures
from proximity_api.problems import Problem
from proximity_api.queries import Point

log = structlog.get_logger()

SAFETY = 1.0
PAGE = 500
FIGURES_PAGE = 500
NEVER = datetime.fromtimestamp(0, UTC)


class End:
    """The end of one operation, awaited."""

    def __init__(self) -> None:
        self._row: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    def came(self, row: dict[str, Any]) -> None:
        if not self._row.done():
            self._row.set_result(row)

    async def wait(self, within: float) -> dict[str, Any] | None:
        """The row; None: not within so many seconds."""
        await asyncio.wait({self._row}, timeout=within)
        return self._row.result() if self._row.done() else None


class Hub:
    def __init__(self, database: Database, measures: Measures, heartbeat: float, queue: int) -> None:
        self._database = database
        self._measures = measures
        self._heartbeat = heartbeat
        self._queue = queue
        self._clients: set[Client] = set()
        self._watched: dict[str, set[End]] = {}
        self._news = asyncio.Event()
        self._moved = asyncio.Condition()
        self._figures_at = NEVER
        self.point: Point | None = None
        self.closed = False

    # --- the loop

    def announce(self, epoch: str) -> None:
        """The projector says that something changed."""
        if self.point is None or self.point.epoch != epoch:
            self._database.look_again()
        self._news.set()

    async def run(self) -> None:
        """Until cancelled or closed. A database that is away makes it wait, not end."""
        beats = asyncio.create_task(self._beat())
        try:
            while not self.closed:
                try:
                    await self._look()
                except Problem as problem:
                    log.info("nothing can be read", code=problem.code)
                try:
                    async with asyncio.timeout(SAFETY):
                        await self._news.wait()
                except TimeoutError:
                    self._database.look_again()
                self._news.clear()
        finally:
            beats.cancel()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat)
            for client in tuple(self._clients):
                client.beat()

    async def _look(self) -> None:
        """Everything new since the last look, page by page."""
        while True:
            async with self._database.read() as conn:
                now = await queries.point(conn)
                before = self.point
                if before is None or before.epoch != now.epoch or now.position < before.position:
                    self._figures_at = await queries.figures_at(conn) or NEVER
                    await self._begin(now)
                    return
                frames = (
                    await changes_since(conn, self._database.schema_of(conn), before.position, PAGE)
                    if now.position > before.position
                    else []
                )
                figures = await self._figures(conn) if self._clients and not frames else []
            for part in figures:
                self._send_all(part)
            if now.position == before.position:
                return
            reached = frames[-1].position if _full(frames) else now.position
            for frame in frames:
                self._publish(frame, now.epoch)
            await self._move(Point(now.epoch, reached, now.horizon))

    async def _begin(self, point: Point) -> None:
        """First look, or the tables were rebuilt: whoever is connected has to begin anew."""
        if self.point is not None:
            for client in tuple(self._clients):
                client.end(reset_frame("rebuilt", point))
        await self._move(point)

    async def _move(self, point: Point) -> None:
        self.point = point
        self._measures.position.set(point.position)
        async with self._moved:
            self._moved.notify_all()

    async def _figures(self, conn: AsyncConnection) -> list[bytes]:
        """Frames with the figures that are newer than the last ones."""
        newest, before = await queries.figures_at(conn), self._figures_at
        if newest is None or newest <= before:
            return []
        self._figures_at = newest
        newer = await queries.newer_figures(conn, before, FIGURES_PAGE)
        return [sse.frame(part, event="figures") for part in newer]

    def _publish(self, frame: Frame, epoch: str) -> None:
        encoded = encode(frame, epoch)
        for client in tuple(self._clients):
            client.offer(encoded)
        for change in frame.changes:
            if change.table == "operations" and change.row and change.row["status"] in views.ENDED:
                for end in self._watched.get(change.id, ()):
                    end.came(change.row)

    def _send_all(self, data: bytes) -> None:
        for client in tuple(self._clients):
            client.aside(data)

    # --- for clients

    def join(self, client: Client) -> None:
        self._clients.add(client)
        if self.closed:
            client.end()
        self._measures.clients.set(len(self._clients))

    def leave(self, client: Client) -> None:
        self._clients.discard(client)
        self._measures.clients.set(len(self._clients))
        if client.dropped:
            self._measures.dropped.inc()

    def new_client(self, session: str, position: int) -> Client:
        return Client(session, position, self._queue)

    def covered(self, epoch: str, position: int) -> bool:
        """Whether who has read the tables up to there may join: whatever comes after will be handed out."""
        return self.point is not None and self.point.epoch == epoch and self.point.position <= position

    def end_session(self, session: str) -> None:
        for client in tuple(self._clients):
            if client.session == session:
                client.end()

    def close(self) -> None:
        """The process ends: so do all streams. Clients come back, to another replica or to the next process."""
        self.closed = True
        self._news.set()
        for client in tuple(self._clients):
            client.end()

    async def now(self) -> Point:
        async with self._database.read() as conn:
            return await queries.point(conn)

    async def catch_up(self, position: int) -> tuple[Point, list[Encoded], int]:
        """Where the tables are, the next page of frames above `position`, and up to where that page goes."""
        async with self._database.read() as conn:
            now = await queries.point(conn)
            frames = await changes_since(conn, self._database.schema_of(conn), position, PAGE)
        upto = frames[-1].position if _full(frames) else max(position, now.position)
        return now, [encode(frame, now.epoch) for frame in frames], upto

    # --- for requests that wait

    async def reached(self, position: int, within: float) -> bool:
        """Waits until the read model holds that much of the log. False: not within so many seconds."""
        self._news.set()
        try:
            async with asyncio.timeout(within), self._moved:
                await self._moved.wait_for(lambda: self.point is not None and self.point.position >= position)
        except TimeoutError:
            return False
        return True

    async def moved(self, within: float) -> None:
        """Until the next look that finds something, at most so many seconds."""
        try:
            async with asyncio.timeout(within), self._moved:
                await self._moved.wait()
        except TimeoutError:
            return

    @contextmanager
    def watch(self, operation_id: str) -> Iterator[End]:
        end = End()
        self._watched.setdefault(operation_id, set()).add(end)
        try:
            yield end
        finally:
            self._watched[operation_id].discard(end)
            if not self._watched[operation_id]:
                del self._watched[operation_id]


def encode(frame: Frame, epoch: str) -> Encoded:
    """A line break in somebody's name is escaped by JSON."""
    changes = [{"table": change.table, "id": change.id, "row": change.row} for change in frame.changes]
    return Encoded(epoch, frame.position, sse.one_line(changes))


def _full(frames: list[Frame]) -> bool:
    """Whether there may be more than this page."""
    return sum(len(frame.changes) for frame in frames) >= PAGE


def reset_frame(reason: str, now: Point) -> bytes:
    """Take a new snapshot. Without an id: who ignores it is told again."""
    return sse.frame({"reason": reason, "epoch": now.epoch, "position": now.position}, event="reset")
