"""What all tests share: the one Chromium of a session."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The Chromium on the path where there is one, else the browser that Playwright brings."""
    with sync_playwright() as playwright:
        names = ("chromium", "chromium-browser", "google-chrome")
        browser = playwright.chromium.launch(
            executable_path=next(filter(None, map(shutil.which, names)), None),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()
