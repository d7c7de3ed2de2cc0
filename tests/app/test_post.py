"""Figures that go ahead of the page: how they wait, who gets them, and that they are those that the page brings."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import Headers

from app import feeds, post
from app.views.train import ahead
from qhn_core.config import RunConfig
from tests.app.pages import charts, curves, opened, until

SMALL: dict[str, Any] = {"network": {"name": "mlp", "layers": [2, 2, 1]}, "steps": 60, "replicas": 3}
LONG = 60.0


def test_what_is_put_is_taken_once_and_only_the_newest() -> None:
    box = post.Box()
    box.put({"loss": b"old"})
    box.put({"loss": b"new"})
    box.put({"gap": b"gap"})
    assert asyncio.run(box.take(LONG)) == {"loss": b"new", "gap": b"gap"}
    assert asyncio.run(box.take(0.0)) == {}
    box.put({"loss": b"stale"})
    box.clear()
    assert asyncio.run(box.take(0.0)) == {}


def test_a_question_waits_for_what_comes() -> None:
    box = post.Box()

    async def both() -> dict[str, bytes]:
        assert not box.is_awaited(0.0)
        asking = asyncio.create_task(box.take(LONG))
        await asyncio.sleep(0)
        assert box.is_awaited(0.0)
        await asyncio.to_thread(box.put, {"loss": b"figure"})
        assert not box.is_awaited(0.0), "it is drawing"
        return await asking

    assert asyncio.run(both()) == {"loss": b"figure"}


def test_who_gave_up_is_not_waited_for() -> None:
    box = post.Box()
    asyncio.run(box.take(0.0))
    assert not box.is_awaited(0.0)
    box.put({"loss": b"figure"})
    assert asyncio.run(box.take(LONG)) == {"loss": b"figure"}


def test_an_answer_names_each_chart_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post, "PATIENCE", 0.01)
    box = post.BOXES.of("a box of this test")
    box.put({"loss": b'{"a": 1}'})
    box.put({"gap": b'{"b": 2}'})
    found = asyncio.run(post.answer("a box of this test", Headers()))
    assert (found.status_code, found.body) == (200, b'loss\t{"a": 1}\ngap\t{"b": 2}')
    assert asyncio.run(post.answer("a box of this test", Headers())).status_code == 204
    assert asyncio.run(post.answer("no such box", Headers())).status_code == 404


def test_old_boxes_are_let_go() -> None:
    boxes = post.Boxes()
    first, again = boxes.of("0"), boxes.of("0")
    assert first is again
    for k in range(1, post._KEPT + 1):
        boxes.of(str(k))
    assert boxes.find("0") is None
    assert boxes.find("1") is not None


@contextmanager
def browser(box: post.Box) -> Iterator[list[dict[str, bytes]]]:
    """What a page of this box gets that asks all the time, one answer an item."""
    got: list[dict[str, bytes]] = []
    closed = threading.Event()

    async def asks() -> None:
        while not closed.is_set():
            got.append(await box.take(0.1))

    thread = threading.Thread(target=lambda: asyncio.run(asks()))
    thread.start()
    try:
        yield got
    finally:
        closed.set()
        thread.join()


def test_a_change_goes_ahead_and_its_page_brings_the_same(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds.FEEDS, "is_open", True)
    for name in ("TRAINED", "ASKED"):
        monkeypatch.setattr(ahead, name, LONG)
    page = opened(config=RunConfig.parse(SMALL).to_url())
    assert "qhn.post" not in page.session_state, "nothing asks where Instant is off"
    page.toggle(key="train.instant").set_value(True).run()
    until(page, lambda: "loss" in curves(page, "loss") and curves(page, "loss")["loss"]["x"][-1] == 60)
    box = post.BOXES.find(page.session_state["qhn.post"])
    assert box is not None

    with browser(box) as got:
        page.selectbox(key="form.objective").set_value("mle").run()
    assert not page.exception
    sent = {name: figure for answer in got for name, figure in answer.items()}
    assert next(iter(sent)) == "loss"
    assert set(sent) == {"loss", "gap"}
    brought = charts(page)
    assert "'before'" in str(brought["loss"]["figure"]["data"])
    for name, figure in sent.items():
        assert json.loads(figure) == brought[name], name

    with browser(box) as got:
        page.run()
    assert not any(got), "nothing has changed"
