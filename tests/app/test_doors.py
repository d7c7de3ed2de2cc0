"""Who is let in by the server, and what it tells browsers about its pages."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import HTMLResponse, JSONResponse

from app import doors

NAMES = doors.served_names(["Lab.Example.edu."])


def request(path: str = "/", kind: str = "http", base: str = "", embed: tuple[str, ...] = (), **headers: str) -> Any:
    """(status, headers) of the answer; for a WebSocket whether it was let in."""
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
        else:
            answer = JSONResponse({}) if path.endswith(".json") else HTMLResponse("<html></html>")
            await answer(scope, receive, send)

    sent = {"host": "127.0.0.1:8501", **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = [(name.encode(), value.encode()) for name, value in sent.items()]
    scope = {"type": kind, "method": "GET", "path": path, "headers": raw}
    asyncio.run(doors.Doors(behind, names=NAMES, embed=embed, base=base)(scope, receive, send))
    if kind == "websocket":
        return said[0]["type"] == "websocket.accept"
    return said[0]["status"], {key.decode(): value.decode() for key, value in said[0]["headers"]}


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8501",
        "localhost:9000",
        "LOCALHOST",
        "[::1]:8501",
        "192.168.1.17:8501",
        "lab.example.edu",
    ],
)
def test_names_and_numbers_of_this_machine_are_served(host: str) -> None:
    assert request(host=host)[0] == 200
    assert request(kind="websocket", path="/_stcore/stream", host=host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8501",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "user@127.0.0.1",
        "127.0.0.1/x",
        "127.0.0.1:99999",
        "127.0.0.1:x",
        "",
        "[::1",
        "xlab.example.edu",
    ],
)
def test_other_names_are_turned_away_on_every_path(host: str) -> None:
    for path in ("/", "/runs", "/qhn/feed/abc", "/_stcore/health", "/app/static/plotly.min.js"):
        status, headers = request(path, host=host)
        assert status == 403
        assert headers["x-content-type-options"] == "nosniff"
    assert not request(kind="websocket", path="/_stcore/stream", host=host)


@given(st.text(max_size=40))
def test_no_text_counts_as_served_unless_it_is_a_known_name_or_a_number(text: str) -> None:
    host = doors.host_of(text)
    if doors.is_served(text, NAMES):
        assert host in NAMES or host.replace(".", "").isdigit() or ":" in host


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8501", "https://127.0.0.1:8501"])
def test_own_pages_may_talk_to_the_server(origin: str) -> None:
    assert request(origin=origin)[0] == 200
    assert request(kind="websocket", origin=origin)


@pytest.mark.parametrize(
    "origin",
    [
        "http://127.0.0.1:8000",
        "http://localhost:8501",
        "http://127.0.0.1",
        "https://evil.example",
        "null",
        "",
        "file://",
        "http://127.0.0.1:8501.evil.example",
        "http://[",
    ],
)
def test_pages_of_others_may_not_be_they_on_the_same_machine(origin: str) -> None:
    assert request(origin=origin)[0] == 403
    assert not request(kind="websocket", origin=origin)


def test_a_link_may_lead_here_but_nothing_may_be_loaded_into_foreign_pages() -> None:
    for site in ("cross-site", "same-site"):
        assert request(sec_fetch_site=site, sec_fetch_mode="navigate")[0] == 200
        for mode in ("no-cors", "cors", "websocket", ""):
            assert request("/media/x.json", sec_fetch_site=site, sec_fetch_mode=mode)[0] == 403
    assert request("/media/x.json", sec_fetch_site="same-origin", sec_fetch_mode="cors")[0] == 200
    assert request(sec_fetch_site="none", sec_fetch_mode="navigate")[0] == 200


@pytest.mark.parametrize("base", ["", "/lab"])
def test_the_servers_counters_and_control_by_programs_are_closed(base: str) -> None:
    for path in ("/_stcore/metrics", "/_stcore/agent/interact", "/_stcore/agent/openapi.json"):
        assert request(base + path, base=base)[0] == 404
    assert request(f"{base}/_stcore/health", base=base)[0] == 200


def test_pages_are_framed_nowhere_and_load_from_this_server_alone() -> None:
    _, headers = request("/runs")
    rules = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert rules["frame-ancestors"] == rules["object-src"] == "'none'"
    assert rules["default-src"] == rules["connect-src"] == "'self'"
    assert rules["img-src"] == "'self' data: blob:"
    assert "unsafe" not in rules["script-src"]
    assert rules["script-src"].count("sha256-") == 1, "the script of Streamlit's first page"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    _, plain = request("/x.json")
    assert plain["x-content-type-options"] == "nosniff"
    assert "content-security-policy" not in plain


def test_named_sites_may_embed_the_pages() -> None:
    _, headers = request(embed=("https://moodle.example.edu",))
    assert "frame-ancestors https://moodle.example.edu" in headers["content-security-policy"]
    assert "x-frame-options" not in headers
