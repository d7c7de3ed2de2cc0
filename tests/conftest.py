"""What all tests share: the one Chromium of a session; property tests without a clock, on the same examples."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, BrowserType, sync_playwright


def launched(browsers: BrowserType, *more: str) -> Browser:
    """The Chromium on the path where there is one, else the browser that Playwright brings.

    Args:
        browsers: Playwright's.
        more: what its command line says beside the usual.
    """
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return browsers.launch(
        executable_path=next(filter(None, map(shutil.which, names)), None),
        args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", *more],
    )


_MAIN = sys.modules["__main__"]


def pytest_runtest_setup() -> None:
    """Streamlit's AppTest leaves its page as the main module, which processes that a later test starts would run."""
    sys.modules["__main__"] = _MAIN


# A busy machine is no failure, and what passed once passes again.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests."""
    with sync_playwright() as playwright:
        browser = launched(playwright.chromium)
        yield browser
        browser.close()
