"""A real server on a free port, a real Chromium, and a page that reports what went wrong in it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from playwright.sync_api import TimeoutError as InVain

ROOT = Path(__file__).parents[2]
#: Milliseconds: other programs may be at work on this machine.
PATIENCE = 60_000
#: Seconds: the first start on a machine compiles kernels, too.
STARTING = 280
#: Each chart with its width and how often it was drawn.
_CHARTS = """() => [...document.querySelectorAll("[data-chart]")].map(
    (c) => `${c.dataset.chart}: ${c.clientWidth} px, drawn ${c.dataset.refreshes}`).join("\\n")"""
#: What browsers and Streamlit say that is no fault of the page.
HARMLESS = ("preload", "Permissions policy", "WebSocket", "favicon", "third-party cookie")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever stands in this room drives a browser: before tests are chosen by their marks."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)


def free_port(wanted: int = 0) -> int:
    """A port nobody listens on: the one wanted, where that is so."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
        return int(probe.getsockname()[1])


@cache
def _usual_port() -> int:
    """Where this process serves one dashboard after the other: browsers know compiled scripts by their address."""
    return free_port()


@dataclass
class Server:
    """A running dashboard."""

    address: str
    data: Path
    process: subprocess.Popen[bytes]
    log: Path
    started: float


def start_server(data: Path, port: int | None = None) -> Server:
    """Start a dashboard on ``data``, at a free port if none is named, and wait until it answers."""
    port, log = port or free_port(_usual_port()), data / "server.log"
    data.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "--server.port", str(port)],
            cwd=ROOT,
            env={**os.environ, "QHN_DATA": str(data)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    while time.monotonic() - started < STARTING:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
                return Server(address, data, process, log, started)
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    process.kill()
    raise RuntimeError(f"the server did not start:\n{log.read_text()}")


def stop_server(server: Server) -> None:
    """End a server."""
    server.process.terminate()
    try:
        server.process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait(timeout=15)


def restart_server(server: Server) -> None:
    """End a server, and start another on its folder and port."""
    stop_server(server)
    server.process = start_server(server.data, int(server.address.rpartition(":")[2])).process


def traces(server: Server) -> str:
    """The stack traces in its log, but for those of tabs that were closed."""
    log = server.log.read_text(errors="replace")
    return "\n".join(part[:3000] for part in log.split("Traceback")[1:] if "WebSocketDisconnect" not in part)


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for a module's tests, on a fresh data folder; its log must hold no stack trace at the end."""
    server = start_server(tmp_path_factory.mktemp("dashboard"))
    yield server
    stop_server(server)
    assert not (found := traces(server)), found


def look_under_policy(page: Page) -> None:
    """Let ``page.wait_for_function`` take expressions: the page's own policy forbids to evaluate text at every look.

    It looks ten times a second, not at every frame; where it waits in vain, what it waited for is said.
    """
    wait = page.wait_for_function

    def patient(expression: str, **options: Any) -> Any:
        is_function = re.match(r"\s*(\([^()]*\)|\w+)\s*=>", expression)
        try:
            return wait(expression if is_function else f"() => ({expression})", **{"polling": 100} | options)
        except InVain as error:
            raise AssertionError(f"in vain: {expression}\n{page.evaluate(_CHARTS)}") from error

    page.wait_for_function = patient  # type: ignore[method-assign]


def _forget(profile: BrowserContext, page: Page, address: str) -> None:
    """Have the visitor come for the first time again, whose browser knows nothing but files."""
    session = profile.new_cdp_session(page)
    session.send("Storage.clearDataForOrigin", {"origin": address, "storageTypes": "local_storage,indexeddb"})
    session.detach()
    profile.clear_cookies()


@pytest.fixture
def tab(request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Opens tabs (``tab(address, dark=…)``); at the end no tab may have errors in its console or a stack trace.

    The first is in the browser that keeps compiled scripts, and starts with an empty storage; each further tab is
    another visitor's.
    """
    opened: list[tuple[Page, list[str]]] = []

    def visitor(address: str) -> Page:
        if opened:
            chromium: Browser = request.getfixturevalue("chromium")
            return chromium.new_context().new_page()
        profile: BrowserContext = request.getfixturevalue("profile")
        page = profile.new_page()
        _forget(profile, page, "/".join(address.split("/")[:3]))
        return page

    def open_tab(address: str, *, dark: bool = False) -> Page:
        page = visitor(address)
        page.set_viewport_size({"width": 1280, "height": 720})
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.set_default_timeout(PATIENCE)
        found: list[str] = []
        # (Streamlit looks for itself under a page's own path first, which gives a harmless 404.)
        page.on(
            "console",
            lambda m: (
                found.append(m.text) if m.type == "error" and "/_stcore/" not in m.location.get("url", "") else None
            ),
        )
        page.on("pageerror", lambda error: found.append(str(error)))
        look_under_policy(page)
        opened.append((page, found))
        page.goto(address)
        return page

    yield open_tab
    for number, (page, found) in enumerate(opened):
        try:
            assert "Traceback" not in page.inner_text("body")
            assert not [text for text in found if not any(word in text for word in HARMLESS)]
        finally:
            (page.context if number else page).close()
