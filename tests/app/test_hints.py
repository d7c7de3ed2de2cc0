"""The first page names the plotting library to the browser, and it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import streamlit as st
from plotly.offline import get_plotlyjs_version
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse

from app import live_chart
from app.hints import PageHeaders
from app.library import Library


@pytest.fixture(params=["", "/lab/qhn"])
def base(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The base path of the server."""
    monkeypatch.setattr(st, "get_option", lambda name: request.param if name == "server.baseUrlPath" else None)
    live_chart.script_url.cache_clear()
    yield request.param
    live_chart.script_url.cache_clear()


def answered(app: Any, path: str, *, method: str = "GET") -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body with which an application answers."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await asyncio.Event().wait()  # the browser waits for the answer

    asyncio.run(app({"type": "http", "method": method, "path": path, "headers": []}, receive, send))
    assert sent[0]["type"] == "http.response.start"
    body = b"".join(message["body"] for message in sent[1:])
    return sent[0]["status"], [(key.decode(), value.decode()) for key, value in sent[0]["headers"]], body


def headers(name: str, path: str, answer: Any) -> list[str]:
    """All headers of a name that the server answers with at ``path``."""
    return [value for key, value in answered(PageHeaders(answer), path)[1] if key == name]


def test_the_first_page_and_it_alone_has_the_hint(base: str) -> None:
    page = HTMLResponse("<html></html>")
    for path in (f"{base}/", base):
        (hint,) = headers("link", path, page)
        assert hint == f"<{live_chart.script_url()}>; rel=preload; as=script"
        assert f"<{base}/app/static/plotly.min.js?v=" in hint
    for other in ("/runs", "/app/static/plotly.min.js", "/elsewhere/"):
        assert headers("link", f"{base}{other}", page) == []
    assert headers("link", f"{base}/", JSONResponse({})) == []


def test_the_library_is_there_before_the_first_page_and_nothing_is_written(base: str) -> None:
    """A browser keeps the answer to a hint, even one that says there is no such file."""
    path = f"{base}{live_chart.SCRIPT}"
    server = Library(PlainTextResponse("another"), path=path)
    assert live_chart.script_url().startswith(f"{path}?")
    status, said, body = answered(server, path)
    assert status == 200
    assert dict(said)["content-type"].startswith("text/javascript")
    assert f"plotly.js v{get_plotlyjs_version()}".encode() in body[:200]
    assert answered(server, path, method="POST")[0] == 405
    assert answered(server, f"{path}/../server.py")[2] == b"another"
