"""The first page names the plotting library to the browser, and it is there."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from starlette.responses import HTMLResponse, JSONResponse

from app import live_chart
from app.hints import PageHeaders

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["", "/lab/qhn"])
def base(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The base path of the server."""
    monkeypatch.setattr(st, "get_option", lambda name: request.param if name == "server.baseUrlPath" else None)
    live_chart.script_url.cache_clear()
    yield request.param
    live_chart.script_url.cache_clear()


def headers(name: str, path: str, answer: Any) -> list[str]:
    """All headers of a name that the server answers with at ``path``."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    asyncio.run(PageHeaders(answer)(scope, receive, send))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    return [value.decode() for key, value in sent[0]["headers"] if key.decode() == name]


def test_the_first_page_and_it_alone_has_the_hint(base: str) -> None:
    page = HTMLResponse("<html></html>")
    for path in (f"{base}/", base):
        (hint,) = headers("link", path, page)
        assert hint == f"<{live_chart.script_url()}>; rel=preload; as=script"
        assert f"<{base}/app/static/plotly.min.js?v=" in hint
    for other in ("/runs", "/app/static/plotly.min.js", "/elsewhere/"):
        assert headers("link", f"{base}{other}", page) == []
    assert headers("link", f"{base}/", JSONResponse({})) == []


def test_the_library_is_there_before_the_first_page(tmp_path: Path) -> None:
    """In a fresh clone, too: a browser keeps the answer to a hint, even one that says there is no such file."""
    shutil.copytree(ROOT / "app", tmp_path / "app", ignore=shutil.ignore_patterns("static", "__pycache__"))
    command = [sys.executable, "-c", "import app.server"]
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=120)
    assert (tmp_path / "app" / "static" / "plotly.min.js").stat().st_size > 1_000_000
