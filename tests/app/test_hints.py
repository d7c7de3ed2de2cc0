"""The first page names the plotting library to the browser; nothing else does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import streamlit as st
from starlette.responses import HTMLResponse, JSONResponse

from app import live_chart
from app.hints import PlotlyHint


@pytest.fixture(params=["", "/lab/qhn"])
def base(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The base path of the server."""
    monkeypatch.setattr(st, "get_option", lambda name: request.param if name == "server.baseUrlPath" else None)
    live_chart.script_url.cache_clear()
    yield request.param
    live_chart.script_url.cache_clear()


def links(path: str, answer: Any) -> list[str]:
    """The ``Link`` headers of what the server answers at ``path``."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    asyncio.run(PlotlyHint(answer)(scope, receive, send))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    return [value.decode() for name, value in sent[0]["headers"] if name == b"link"]


def test_the_first_page_and_it_alone_has_the_hint(base: str) -> None:
    page = HTMLResponse("<html></html>")
    for path in (f"{base}/", base):
        (hint,) = links(path, page)
        assert hint == f"<{live_chart.script_url()}>; rel=preload; as=script"
        assert f"<{base}/app/static/plotly.min.js?v=" in hint
    for other in ("/runs", "/app/static/plotly.min.js", "/elsewhere/"):
        assert links(f"{base}{other}", page) == []
    assert links(f"{base}/", JSONResponse({})) == []
