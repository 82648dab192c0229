"""Somebody in front of a page: what the browser complains of on the way is an error of the page."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, get_args

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from support.whole import PASSWORD, USERNAME, Whole

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = get_args(Theme)
WIDE, NARROW = 1440, 390
HEIGHTS = {NARROW: 844, WIDE: 900}
# the browser writes each answer of 4xx and 5xx to its console: which of them are right is for the tests to say
_ANSWERS = re.compile(r"Failed to load resource")


@dataclass
class Person:
    """A page in a context of its own: nobody else's cookies."""

    page: Page
    context: BrowserContext
    site: str
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        self.page.goto(self.site + path)

    def sign_in(self) -> None:
        """Through the API, as the page does it, and without waiting for a form."""
        answer = self.context.request.post(
            f"{self.site}/api/v1/session",
            data={"username": USERNAME, "password": PASSWORD},
            headers={"Origin": self.site, "X-Proximity-CSRF": "1"},
        )
        assert answer.status == 201, answer.text()


@contextmanager
def in_front_of(
    browser: Browser, whole: Whole, *, width: int = WIDE, theme: Theme = "dark", site: str | None = None
) -> Iterator[Person]:
    """`site`: another name of it. Fails if the page threw, or wrote an error to the console."""
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHTS[width]}, color_scheme=theme, reduced_motion="reduce"
    )
    context.set_default_timeout(20_000)
    person = Person(context.new_page(), context, site or whole.url)

    def said(message: ConsoleMessage) -> None:
        if message.type == "error" and not _ANSWERS.search(message.text):
            person.complaints.append(message.text)

    context.on("console", said)
    context.on("weberror", lambda error: person.complaints.append(str(error.error)))
    try:
        yield person
        assert person.complaints == [], person.complaints
    finally:
        context.close()
