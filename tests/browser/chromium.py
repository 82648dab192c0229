"""Debian's Chromium, driven by Playwright. Nothing is downloaded."""

import os
import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
NEEDED = "Chromium is not installed, so nothing is tried in a browser. Run: apt-get install chromium"


def executable() -> str:
    """Its path. Without it the tests are skipped with a word; in CI (`CI=1`) they fail."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    if os.environ.get("CI"):
        pytest.fail(NEEDED)
    pytest.skip(NEEDED)


def arguments(*more: str) -> list[str]:
    """A browser that root runs has no sandbox of its own."""
    return [*(["--no-sandbox"] if os.geteuid() == 0 else []), "--disable-dev-shm-usage", *more]
