"""A browser in front of a whole Proximity, for what is measured in it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page, async_playwright

from browser.chromium import arguments, executable
from browser.person import HEIGHTS, WIDE
from support.whole import PASSWORD, USERNAME, Whole

PATIENCE = 120_000.0
"""Milliseconds that anything may take before it counts as broken."""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable(), args=arguments())
        yield browser
        await browser.close()


@asynccontextmanager
async def signed_in(browser: Browser, whole: Whole) -> AsyncIterator[Page]:
    """A page with nothing in its cache."""
    context = await browser.new_context(base_url=whole.url, viewport={"width": WIDE, "height": HEIGHTS[WIDE]})
    context.set_default_timeout(PATIENCE)
    answer = await context.request.post(
        "/api/v1/session",
        data={"username": USERNAME, "password": PASSWORD},
        headers={"Origin": whole.url, "X-Proximity-CSRF": "1"},
    )
    assert answer.status == 201, await answer.text()
    yield await context.new_page()
    await context.close()
