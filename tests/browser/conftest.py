"""A whole Proximity with the simulated cluster, and browsers in front of it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from browser.chromium import arguments, executable
from browser.person import Person, in_front_of
from support.whole import Whole


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Playwright keeps an event loop running for as long: tests of other files need their own."""
    path = executable()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=arguments())
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """Set up, with the simulated cluster connected."""
    started = Whole(tmp_path_factory.mktemp("whole"))
    try:
        started.start()
        started.set_up()
        started.connect_simulator("Home")
        yield started
    finally:
        started.close()


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
