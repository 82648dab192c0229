"""The rack with thousands of guests, fifty of which change each second, in a real browser.

The reconciler is stopped, and what it would write is written in its place: guests and their changes as events, figures
of fifty guests a second as an observation. Projector, api and browser do their work as always, on the same machine.

Frames are counted by a callback for each, which is itself work of the main thread. The heap is that of the page,
without the worker that holds the stream. A change counts from before it is written to the log until the frame after the
one that drew it: at most that one too long.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, CDPSession, Page, expect

from proximity.domain.guest.events import Facts, GuestAppeared, GuestReconfigured
from proximity.domain.guest.state import guest_id
from proximity.messaging import observations
from proximity.messaging.connection import Bus, connect
from support.projection import append
from support.whole import Whole
from visitor import PATIENCE, signed_in

SECONDS = 60.0
RATE = 50
LONG_MS = 100 / 3
FIRST_VMID = 200_000
NODES = ("pve1", "pve2")
TOP = 100
"""A guest that stands in the first lines: what becomes of it is seen."""
EVERY = 25
"""Each so many changes one is of that guest."""
AT_ONCE = 200


@dataclass(frozen=True)
class Run:
    """`usable`: ms from the navigation to the first line. `slow_frames`, `main_thread`: percent. `heap`: MB. `painted`:
    ms from the event to the screen. `rate`: changes a second that were written.
    """

    usable: float
    slow_frames: float
    long_tasks: float
    main_thread: float
    heap: float
    painted: list[float]
    rate: float


class Reconciler:
    """Writes what the real one would, which stands still meanwhile."""

    def __init__(self, bus: Bus, whole: Whole) -> None:
        (cluster,) = whole.get("/clusters")["items"]
        guests = whole.get("/guests?limit=200")["items"]
        self._bus = bus
        self._cluster_id = str(cluster["id"])
        self.top = next(guest for guest in guests if guest["vmid"] == TOP)
        self._others = len(guests) - 1
        self._made = 0

    async def grow(self, count: int) -> None:
        """There are so many guests then."""
        first, self._made = self._made, count - self._others - 1
        numbers = range(first, self._made)
        for begin in range(0, len(numbers), AT_ONCE):
            await asyncio.gather(*(self._appear(number) for number in numbers[begin : begin + AT_ONCE]))

    async def change(self, seconds: float) -> dict[int, float]:
        """When (Unix seconds) the changes of the guest on top were begun, by number."""
        began, told = time.monotonic(), {}
        async with asyncio.TaskGroup() as group:
            for number in range(int(seconds * RATE)):
                await asyncio.sleep(max(0.0, began + number / RATE - time.monotonic()))
                if number % EVERY == 0:
                    told[number] = time.time()
                    group.create_task(self._rename(number))
                else:
                    group.create_task(self._reconfigure(number))
                if number % RATE == 0:
                    await self._measure(number)
        return told

    async def _appear(self, number: int) -> None:
        event = GuestAppeared(cluster_id=self._cluster_id, vmid=FIRST_VMID + number, facts=_facts(number, 512))
        await append(self._bus, [("guest", guest_id(self._cluster_id, event.vmid), event)])

    async def _reconfigure(self, number: int) -> None:
        which = number % self._made
        event = GuestReconfigured(facts=_facts(which, 512 + number))
        await append(self._bus, [("guest", guest_id(self._cluster_id, FIRST_VMID + which), event)])

    async def _rename(self, number: int) -> None:
        facts = Facts(node=self.top["node"], type=self.top["type"], name=f"painted-{number}")
        await append(self._bus, [("guest", self.top["id"], GuestReconfigured(facts=facts))])

    async def _measure(self, number: int) -> None:
        """All on one node: which one it is means nothing to who reads it."""
        share = (number // RATE % 90) / 100
        figures = {"status": "running", "cpu": share, "memory_used": 2**28, "uptime": number}
        body: Any = {str(FIRST_VMID + (number + n) % self._made): figures for n in range(RATE)}
        await observations.publish(self._bus, "guests", f"{self._cluster_id}/{NODES[0]}/2", body)


def _facts(number: int, memory_mib: int) -> Facts:
    node = NODES[number % len(NODES)]
    return Facts(node=node, type="lxc", name=f"guest-{number}", cores=2, memory=memory_mib * 2**20, disk=2**33)


@asynccontextmanager
async def in_its_place(whole: Whole) -> AsyncIterator[Reconciler]:
    url = json.loads((whole.data / "running.json").read_text())["projector"]["PROXIMITY_NATS_URL"]
    password = (whole.data / "secrets" / "nats-reconciler").read_text()
    with _stopped(whole, "reconciler"):
        bus = await connect(url, "reconciler", "reconciler", password)
        try:
            yield Reconciler(bus, whole)
        finally:
            await bus.close()


@contextmanager
def _stopped(whole: Whole, name: str) -> Iterator[None]:
    process = whole.children()[name]
    process.suspend()
    try:
        yield
    finally:
        process.resume()


async def run(browser: Browser, whole: Whole, reconciler: Reconciler, guests: int) -> Run:
    async with signed_in(browser, whole) as page:
        usable = await usable_after(page)
        rack = page.get_by_role("treegrid")
        await expect(rack).to_have_attribute("aria-rowcount", str(guests + len(NODES)), timeout=PATIENCE)
        devtools = await page.context.new_cdp_session(page)
        await devtools.send("Performance.enable")
        await page.evaluate(_WATCH, reconciler.top["id"])
        before = await _metrics(devtools)
        told = await reconciler.change(SECONDS)
        await expect(rack).to_contain_text(f"painted-{max(told)}", timeout=PATIENCE)
        after = await _metrics(devtools)
        seen = await page.evaluate("window.seen")
        await devtools.send("HeapProfiler.collectGarbage")
        heap = (await _metrics(devtools))["JSHeapUsedSize"]
    elapsed = after["Timestamp"] - before["Timestamp"]
    painted = {int(number): at / 1000 for number, at in seen["painted"].items() if at is not None}
    return Run(
        usable=usable,
        slow_frames=sum(frame > LONG_MS for frame in seen["frames"]) / len(seen["frames"]) * 100,
        long_tasks=seen["longTasks"],
        main_thread=(after["TaskDuration"] - before["TaskDuration"]) / elapsed * 100,
        heap=heap / 1e6,
        painted=[(painted[number] - at) * 1000 for number, at in told.items() if number in painted],
        rate=SECONDS * RATE / elapsed,
    )


async def usable_after(page: Page) -> float:
    """Opens the rack. Milliseconds from the navigation to its first guest."""
    await page.add_init_script(_FIRST_LINE)
    await page.goto("/rack")
    return float(await page.evaluate("window.usable"))


async def _metrics(devtools: CDPSession) -> dict[str, float]:
    """`Timestamp`, `TaskDuration` in seconds, `JSHeapUsedSize` in bytes, and more."""
    answer = await devtools.send("Performance.getMetrics")
    return {metric["name"]: metric["value"] for metric in answer["metrics"]}


_FIRST_LINE = """
window.usable = new Promise((resolve) => {
  const look = () => {
    if (document.querySelector("[role=treegrid] [role=row][aria-level='2']")) resolve(performance.now());
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
});
"""
_WATCH = """
(id) => {
  const seen = { frames: [], longTasks: 0, painted: {} };
  window.seen = seen;
  new PerformanceObserver((list) => (seen.longTasks += list.getEntries().length)).observe({ type: "longtask" });
  let last;
  const frame = (now) => {
    if (last !== undefined) seen.frames.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  const line = document.querySelector(`[role=treegrid] a[href$="${id}"]`).closest("[role=row]");
  new MutationObserver(() => {
    const number = /painted-(\\d+)/.exec(line.textContent)?.[1];
    if (number === undefined || number in seen.painted) return;
    seen.painted[number] = null;
    requestAnimationFrame(() => setTimeout(() => (seen.painted[number] = Date.now())));
  }).observe(line, { subtree: true, characterData: true, childList: true });
}
"""
