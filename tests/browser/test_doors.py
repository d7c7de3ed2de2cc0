"""Who may not use the server, tried in a real browser: a page of another origin, and a foreign name that leads here."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.conftest import launched

#: What the page of the other origin tries with the server at ``target``, and what it got.
TRIES = """async (target) => {
  const event = (object, good) => new Promise((done) => {
    object["on" + good] = () => done(good);
    object.onerror = () => done("refused");
  });
  const image = new Image();
  const shown = event(image, "load");
  image.src = target + "/favicon.png";
  const script = document.createElement("script");
  const ran = event(script, "load");
  script.src = target + "/app/static/plotly.min.js";
  document.head.appendChild(script);
  return {
    socket: await event(new WebSocket(target.replace("http", "ws") + "/_stcore/stream", ["streamlit"]), "open"),
    read: await fetch(target + "/_stcore/health").then(() => "read", () => "refused"),
    image: await shown,
    script: await ran,
  };
}"""
REFUSED = {"socket": "refused", "read": "refused", "image": "refused", "script": "refused"}


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """The address of another program's server on this machine, with one empty page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>elsewhere</title><body></body>")

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def stranger(chromium: Browser, elsewhere: str) -> Iterator[Page]:
    """A tab on the page of the other server."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(elsewhere)
    yield page
    context.close()


def test_another_programs_page_can_neither_talk_to_the_server_nor_load_from_it(dashboard: Any, stranger: Page) -> None:
    assert stranger.evaluate(TRIES, dashboard.address) == REFUSED
    same_name = dashboard.address.replace("127.0.0.1", "localhost")
    assert stranger.evaluate(TRIES, same_name) == REFUSED


def test_no_page_can_frame_the_dashboard_but_a_link_leads_to_it(dashboard: Any, stranger: Page) -> None:
    stranger.evaluate(
        "(target) => { document.body.innerHTML = `<iframe src=${target}></iframe><a href=${target}>x</a>` }",
        dashboard.address,
    )
    stranger.wait_for_timeout(2000)
    assert all("chrome-error" in frame.url or frame.url == "about:blank" for frame in stranger.frames[1:])
    stranger.click("a")
    stranger.wait_for_selector("[data-chart=loss][data-refreshes]", timeout=60_000)


def test_a_foreign_name_that_leads_here_opens_nothing(dashboard: Any, chromium: Browser) -> None:
    """DNS rebinding: the browser takes the attacker's page and this server for one site."""
    port = dashboard.address.rpartition(":")[2]
    rebound = launched(chromium.browser_type, "--host-resolver-rules=MAP evil.example 127.0.0.1")
    try:
        page = rebound.new_page()
        for path in ("", "runs", "_stcore/health", "app/static/plotly.min.js"):
            answer = page.goto(f"http://evil.example:{port}/{path}")
            assert answer is not None
            assert answer.status == 403
            assert "not known as" in page.inner_text("body")
        assert page.evaluate(TRIES, f"http://evil.example:{port}") == {**REFUSED, "read": "read"}, "read: the refusal"
    finally:
        rebound.close()


def test_a_raw_request_without_a_name_is_turned_away(dashboard: Any) -> None:
    host, port = dashboard.address.removeprefix("http://").split(":")
    for line in (b"", b"Host: evil.example\r\n"):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(b"GET /_stcore/metrics HTTP/1.1\r\n" + line + b"Connection: close\r\n\r\n")
            assert connection.recv(64).split()[1] in (b"400", b"403")
