"""`make bench-ui`: what the pages weigh, how soon they are there, and what they cost while everything changes.

Each value is the median of three, in Debian's Chromium without a screen, on the machine that Proximity itself runs on.
Sizes are those of the built files as gzip packs them, whatever the browser takes; the worker that holds the stream is
among those of the first page. How soon the rack is usable is taken with an empty cache.
"""

import asyncio
import gzip
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import quote

from playwright.async_api import Browser, Page, expect

from busy_rack import Run, in_its_place, run
from figures import Figure, show
from support.whole import Row, Whole
from visitor import PATIENCE, chromium, signed_in

RUNS = 3
CLICKS = 5
SIZES = (1_000, 10_000)
BUILT = Path(__file__).resolve().parents[1] / "frontend" / "build"


def figures() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="proximity-bench-") as folder:
        whole = Whole(Path(folder), speed=50)
        try:
            whole.start()
            whole.set_up()
            whole.connect_simulator()
            accepted = whole.order("POST", "/applications", {"recipe": "debian", "name": "bench"})
            assert whole.ended_operation(accepted["operation_id"])["status"] == "succeeded"
            _discover(whole)
            return asyncio.run(_measured(whole, accepted))
        finally:
            whole.close()


def _discover(whole: Whole) -> None:
    """Waits until every guest is known but the application's."""
    while len(whole.get("/guests?limit=200")["items"]) < len(whole.simulator.guests()) - 1:
        time.sleep(0.1)


async def _measured(whole: Whole, accepted: Row) -> list[Figure]:
    async with chromium() as browser:
        measured = await _weight(browser, whole, accepted)
        clicks = [await _slowest_click(browser, whole, accepted["application_id"]) for _ in range(RUNS)]
        measured.append(Figure(f"click -> feedback, slowest of {CLICKS}", statistics.median(clicks), "ms", target=50))
        async with in_its_place(whole) as reconciler:
            for guests in SIZES:
                await reconciler.grow(guests)
                # with the application's container in the rack
                runs = [await run(browser, whole, reconciler, guests + 1) for _ in range(RUNS)]
                measured += _busy(f"{guests:,} guests", runs)
    return measured


def _busy(what: str, runs: list[Run]) -> list[Figure]:
    def of(value: Callable[[Run], float]) -> float:
        return statistics.median(map(value, runs))

    return [
        Figure(f"{what}: usable", of(lambda r: r.usable), "ms", target=1000),
        Figure(f"{what}: changes written", of(lambda r: r.rate), "/s"),
        Figure(f"{what}: frames over 33 ms", of(lambda r: r.slow_frames), "%", target=1),
        Figure(f"{what}: long tasks", of(lambda r: r.long_tasks), "", target=0),
        Figure(f"{what}: main thread", of(lambda r: r.main_thread), "%", target=15),
        Figure(f"{what}: heap", of(lambda r: r.heap), "MB", target=40),
        Figure(f"{what}: event -> painted, p95", of(lambda r: _p95(r.painted)), "ms", target=150),
    ]


def _p95(took: list[float]) -> float:
    return sorted(took)[int(len(took) * 0.95)]


# ---------------------------------------------------------------- sizes


async def _weight(browser: Browser, whole: Whole, accepted: Row) -> list[Figure]:
    worker = {str(path.relative_to(BUILT)) for path in BUILT.glob("_app/immutable/workers/*.js")}
    first = await _loaded(browser, whole, "/") | worker
    more = {route: _packed(await _loaded(browser, whole, route) - first) for route in _routes(whole, accepted)}
    heaviest = max(more, key=lambda route: more[route])
    name = heaviest.split("/")[1] + ("/…" if heaviest.count("/") > 1 else "")
    return [
        Figure("first page, JS", _packed(first), "kB", target=75),
        Figure("first page, CSS", _packed(first, ".css"), "kB", target=20),
        Figure(f"heaviest other page (/{name}), JS beyond that", more[heaviest], "kB", target=60),
    ]


def _routes(whole: Whole, accepted: Row) -> list[str]:
    (cluster,) = whole.get("/clusters")["items"]
    guest = next(row for row in whole.get("/guests?limit=200")["items"] if row["adoptable"])
    settings = ("profile", "appearance")
    lists = ("rack", "apps", "catalog", "discovery", "findings", "clusters", "clusters/new", "activity")
    return [
        *(f"/{path}" for path in lists),
        *(f"/settings/{path}" for path in settings),
        f"/apps/{accepted['application_id']}",
        f"/operations/{accepted['operation_id']}",
        f"/clusters/{cluster['id']}",
        f"/nodes/{cluster['id']}/{guest['node']}",
        f"/storages/{whole.get('/storages')['items'][0]['id']}",
        f"/guests/{quote(guest['id'])}",
        f"/discovery/{quote(guest['id'])}/adopt",
        "/catalog/postgres",
        "/deploy/postgres",
    ]


async def _loaded(browser: Browser, whole: Whole, path: str) -> set[str]:
    """The built files that a page takes, from an empty cache."""
    async with signed_in(browser, whole) as page:
        await page.goto(path)
        await expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=PATIENCE)
        # the stream never ends, so the network is never idle: a second without anything new
        await page.wait_for_function(_NOTHING_NEW)
        taken: list[str] = await page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    return {url.removeprefix(f"{whole.url}/") for url in taken if url.startswith(f"{whole.url}/_app/immutable/")}


_NOTHING_NEW = """
() => {
  const loaded = performance.getEntriesByType("resource").length;
  if (loaded !== window.loaded) [window.loaded, window.since] = [loaded, performance.now()];
  return performance.now() - window.since > 1000;
}
"""


def _packed(files: Iterable[str], ending: str = ".js") -> float:
    return sum(len(gzip.compress((BUILT / file).read_bytes())) for file in files if file.endswith(ending)) / 1000


# ---------------------------------------------------------------- feedback


async def _slowest_click(browser: Browser, whole: Whole, application_id: str) -> float:
    """Milliseconds from the click on Start until another state is on the screen."""
    async with signed_in(browser, whole) as page:
        await page.goto(f"/apps/{application_id}")
        return max([await _click(page, whole, application_id) for _ in range(CLICKS)])


async def _click(page: Page, whole: Whole, application_id: str) -> float:
    stopped = whole.order("POST", f"/applications/{application_id}/stop")
    assert whole.ended_operation(stopped["operation_id"])["status"] == "succeeded"
    state = page.get_by_role("main").locator("header [data-state]").first
    await expect(state).to_have_text("Stopped", timeout=PATIENCE)
    button = page.get_by_role("group", name="Actions").get_by_role("button", name="Start", exact=True)
    await page.evaluate(_AWAIT_FEEDBACK)
    await button.click()
    took = float(await page.evaluate("window.feedback"))
    await expect(state).to_have_text("Running", timeout=PATIENCE)
    return took


_AWAIT_FEEDBACK = """
() => {
  const header = document.querySelector("main header");
  const state = () => header.querySelector("[data-state]").textContent;
  const before = state();
  window.feedback = new Promise((resolve) => {
    const wait = ({ timeStamp }) =>
      new MutationObserver((_, observer) => {
        if (state() === before) return;
        observer.disconnect();
        requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - timeStamp)));
      }).observe(header, { subtree: true, characterData: true, childList: true, attributes: true });
    addEventListener("click", wait, { capture: true, once: true });
  });
}
"""


if __name__ == "__main__":
    show(figures())
