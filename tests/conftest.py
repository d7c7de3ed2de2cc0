"""What all tests share: the one Chromium of a session; property tests without a clock, on the same examples."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, BrowserContext, BrowserType, Error, Page, Playwright, sync_playwright

#: Browsers that tests have started.
_OPENED: list[Browser | BrowserContext] = []


def _options(*more: str) -> dict[str, Any]:
    """The Chromium on the path where there is one, else the browser that Playwright brings."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return {
        "executable_path": next(filter(None, map(shutil.which, names)), None),
        "args": ["--no-sandbox", "--disable-gpu", "--disable-background-networking", *more],
    }


def launched(browsers: BrowserType, *more: str) -> Browser:
    """A browser.

    Args:
        browsers: Playwright's.
        more: what its command line says beside the usual.
    """
    browser = browsers.launch(**_options(*more))
    _OPENED.append(browser)
    return browser


def launched_on(browsers: BrowserType, profile: Path) -> BrowserContext:
    """A browser that keeps what it knows in a folder: compiled scripts above all, which save a third of an opening."""
    context = browsers.launch_persistent_context(profile, **_options())
    _OPENED.append(context)
    return context


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A failed test of a browser says what stood on its pages."""
    report = yield
    if report.when == "call" and report.failed and item.get_closest_marker("browser"):
        for page in _open_pages():
            with suppress(Error):
                report.sections.append((f"page {page.url[:300]}", page.inner_text("body", timeout=2000)[:2500]))
    return report


def _open_pages() -> list[Page]:
    """Those of all browsers that are still there."""
    contexts = [context for one in _OPENED for context in (one.contexts if isinstance(one, Browser) else [one])]
    return [page for context in contexts for page in context.pages]


_MAIN = sys.modules["__main__"]


def pytest_runtest_setup() -> None:
    """Streamlit's AppTest leaves its page as the main module, which processes that a later test starts would run."""
    sys.modules["__main__"] = _MAIN


# A busy machine is no failure, and what passed once passes again.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """What drives browsers."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """One browser for all tests, for visitors who know nothing of each other."""
    browser = launched(playwright.chromium)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def profile(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """One visitor's browser, which has been here before; who uses it clears cookies and storage."""
    context = launched_on(playwright.chromium, tmp_path_factory.mktemp("profile"))
    yield context
    context.close()
