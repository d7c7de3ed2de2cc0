"""Feeds: what a chart gets when it asks for its newest figure."""

from __future__ import annotations

import asyncio
import json

import pytest
from starlette.requests import Request
from starlette.responses import Response

from app import feeds
from qhn_core.errors import QHNError


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> feeds.Feeds:
    """Open feeds of this test alone."""
    found = feeds.Feeds()
    found.open()
    monkeypatch.setattr(feeds, "FEEDS", found)
    return found


def ask(name: str, has: str = "") -> Response:
    """What the server answers for a feed to a browser that has the figure ``has``."""
    headers = [(b"if-none-match", has.encode())] if has else []
    scope = {"type": "http", "method": "GET", "headers": headers, "path_params": {"name": name}}
    return asyncio.run(feeds.answer(Request(scope)))


def test_a_closed_server_gives_no_names() -> None:
    assert feeds.Feeds().name("key", lambda: b"{}") == ""


def test_the_newest_figure_comes_once(shared: feeds.Feeds) -> None:
    figures = [b'{"step": 1}']
    name = shared.name("loss", lambda: figures[-1])
    first = ask(name)
    assert (first.status_code, json.loads(first.body)) == (200, {"step": 1})
    assert first.headers["cache-control"] == "no-store"
    same = ask(name, has=first.headers["etag"])
    assert (same.status_code, same.body) == (204, b"")
    figures.append(b'{"step": 2}')
    assert json.loads(ask(name, has=first.headers["etag"]).body) == {"step": 2}


def test_one_chart_keeps_its_name_and_answers_as_it_was_mounted_last(shared: feeds.Feeds) -> None:
    name = shared.name(("run", "loss"), lambda: b"1")
    assert shared.name(("run", "loss"), lambda: b"2") == name
    assert shared.name(("run", "gap"), lambda: b"3") != name
    assert ask(name).body == b"2"


@pytest.mark.parametrize("name", ["", "loss", "../../etc/passwd", "a" * 5000])
def test_names_that_no_page_was_given_find_nothing(name: str, shared: feeds.Feeds) -> None:
    shared.name("loss", lambda: b"{}")
    assert ask(name).status_code == 404


def test_a_run_that_is_gone_and_a_defect_are_told_apart_without_a_trace(shared: feeds.Feeds) -> None:
    def gone() -> bytes:
        raise QHNError("no such run")

    def broken() -> bytes:
        raise ValueError("secret")

    for build, status in ((gone, 404), (broken, 500)):
        found = ask(shared.name(status, build))
        assert (found.status_code, found.body) == (status, b"")


def test_old_feeds_are_let_go(shared: feeds.Feeds) -> None:
    first = shared.name(0, lambda: b"")
    names = [shared.name(k, lambda: b"") for k in range(1, 600)]
    assert shared.find(first) is None
    assert shared.find(names[-1]) is not None
