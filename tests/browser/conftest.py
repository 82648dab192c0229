"""A whole Proximity with the simulated cluster, and browsers in front of it."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from browser.chromium import arguments, executable
from browser.leaving import leave_nothing
from browser.person import Person, in_front_of
from support.outside import Act, Outside, Outsider
from support.whole import Whole

# milliseconds: five seconds, as it is unless told, are not enough where many browsers share two processors
expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Playwright keeps an event loop running for as long: tests of other files need their own."""
    path = executable()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=arguments())
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def _whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    started = Whole(tmp_path_factory.mktemp("whole"))
    try:
        started.start()
        started.set_up()
        started.connect_simulator("Home")
        yield started
    finally:
        started.close()


@pytest.fixture(scope="module")
def whole(_whole: Whole) -> Iterator[Whole]:
    """Set up, with the simulated cluster connected and nothing else. The files of a worker share it: none finds what
    another one made.
    """
    yield _whole
    leave_nothing(_whole)


@pytest.fixture
def new_whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """Ready for its first user."""
    started = Whole(tmp_path_factory.mktemp("new"))
    try:
        started.start()
        yield started
    finally:
        started.close()


@pytest.fixture
def ada(browser: Browser, whole: Whole) -> Iterator[Person]:
    """Signed in."""
    with in_front_of(browser, whole) as person:
        person.sign_in()
        yield person


@pytest.fixture
def outside(whole: Whole) -> Iterator[Outside]:
    """Does something to Proxmox behind Proximity's back; in a thread, for the browser has this one's loop."""
    stranger = Outsider.stranger(whole.simulator)

    async def does(act: Act) -> None:
        await act(stranger)

    with ThreadPoolExecutor(max_workers=1) as threads:
        yield lambda act: threads.submit(lambda: asyncio.run(does(act))).result()
    stranger.close()
