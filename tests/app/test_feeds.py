"""Feeds: what a chart gets when it asks for its newest figure, and what asking costs the server."""

from __future__ import annotations

import asyncio
import gzip
import json
import math
import threading
from collections.abc import Callable

import pytest
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message

from app import feeds
from qhn_core.errors import QHNError


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> feeds.Feeds:
    """Open feeds of this test alone."""
    found = feeds.Feeds()
    found.open()
    monkeypatch.setattr(feeds, "FEEDS", found)
    return found


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that feeds see, as the only item of a list."""
    now = [100.0]
    monkeypatch.setattr(feeds.time, "monotonic", lambda: now[0])
    return now


def made(version: Callable[[], object], build: Callable[[], bytes], every: float = 0.5) -> Callable[[str], feeds.Feed]:
    return lambda _: feeds.Feed(version, build, every)


def fixed(body: bytes) -> Callable[[str], feeds.Feed]:
    return made(lambda: 1, lambda: body)


def ask(name: str, has: str = "", **headers: str) -> Response:
    """What the server answers for a feed to a browser that has the figure ``has``."""
    if has:
        headers["if-none-match"] = has
    return asyncio.run(feeds.answer(name, Headers({k.replace("_", "-"): v for k, v in headers.items()})))


def test_a_closed_server_gives_no_names() -> None:
    assert feeds.Feeds().name("key", fixed(b"{}")) == ""


def test_the_newest_figure_comes_once_and_nothing_new_builds_nothing(shared: feeds.Feeds, clock: list[float]) -> None:
    figures, built = [b'{"step": 1}'], []

    def build() -> bytes:
        built.append(1)
        return figures[-1]

    name = shared.name("loss", made(lambda: len(figures), build))
    first = ask(name)
    assert (first.status_code, json.loads(first.body)) == (200, {"step": 1})
    assert first.headers["cache-control"] == "no-store"
    clock[0] += 60.0
    for _ in range(100):
        same = ask(name, has=first.headers["etag"])
        assert (same.status_code, same.body) == (204, b"")
    assert len(built) == 1
    figures.append(b'{"step": 2}')
    assert json.loads(ask(name, has=first.headers["etag"]).body) == {"step": 2}
    assert len(built) == 2


def test_a_figure_is_fresh_for_a_while_whatever_changes(shared: feeds.Feeds, clock: list[float]) -> None:
    built = iter(range(100))
    name = shared.name("loss", made(lambda: object(), lambda: b"%d" % next(built), every=1.0))
    assert [ask(name).body for _ in range(5)] == [b"0"] * 5
    clock[0] += 0.59
    assert ask(name).body == b"0"
    clock[0] += 0.02
    assert ask(name).body == b"1"


def test_a_figure_built_anew_without_a_difference_is_not_sent_again(shared: feeds.Feeds, clock: list[float]) -> None:
    name = shared.name("loss", made(lambda: clock[0], lambda: b"same"))
    tag = ask(name).headers["etag"]
    clock[0] += 10.0
    assert ask(name, has=tag).status_code == 204


def test_many_who_ask_at_once_share_one_build(shared: feeds.Feeds) -> None:
    built, gate = [], threading.Event()

    def build() -> bytes:
        gate.wait(10)
        built.append(1)
        return b"figure"

    name = shared.name("loss", made(lambda: 1, build))

    async def all_ask() -> list[Response]:
        asking = [asyncio.create_task(feeds.answer(name, Headers())) for _ in range(30)]
        await asyncio.sleep(0.05)
        assert not any(task.done() for task in asking)
        gate.set()
        return await asyncio.gather(*asking)

    answers = asyncio.run(all_ask())
    assert {answer.body for answer in answers} == {b"figure"}
    assert len({answer.headers["etag"] for answer in answers}) == 1
    assert len(built) == 1


def test_the_event_loop_goes_on_while_a_figure_is_built(shared: feeds.Feeds) -> None:
    gate = threading.Event()
    slow = shared.name("slow", made(lambda: 1, lambda: b"late" if gate.wait(10) else b""))
    quick = shared.name("quick", fixed(b"quick"))

    async def both() -> tuple[bytes, bytes]:
        waiting = asyncio.create_task(feeds.answer(slow, Headers()))
        await asyncio.sleep(0.02)
        known = feeds.FEEDS.find(quick)
        assert known is not None
        known.newest = feeds.Newest(1, feeds.time.monotonic(), "t", b"quick", b"")
        first = await feeds.answer(quick, Headers())
        gate.set()
        return bytes(first.body), bytes((await waiting).body)

    assert asyncio.run(both()) == (b"quick", b"late")


def test_with_many_who_look_each_is_asked_to_come_less_often(shared: feeds.Feeds, clock: list[float]) -> None:
    def page(number: int) -> list[str]:
        return [ask(shared.name((number, i), fixed(b"x"))).headers[feeds.PACE] for i in range(5)]

    assert set(page(0)) == {"0.50"}, "one page is served as fast as it wants"
    for number in range(1, 30):
        page(number)
    clock[0] += 2.0
    assert float(page(0)[0]) == pytest.approx(0.5 * 300 / feeds._MOST_A_SECOND, abs=0.01)
    clock[0] += 60.0
    page(0)  # the others have left
    clock[0] += 2.0
    assert set(page(0)) == {"0.50"}


def test_what_nobody_looks_at_is_not_kept(shared: feeds.Feeds, clock: list[float]) -> None:
    name = shared.name("left", fixed(b"x" * 10_000))
    ask(name)
    clock[0] += 60.0
    ask(shared.name("other", fixed(b"y")))
    found = shared.find(name)
    assert found is not None
    assert found.newest is None
    assert ask(name).body == b"x" * 10_000


def test_bodies_are_compressed_once_for_browsers_that_can(shared: feeds.Feeds) -> None:
    body = json.dumps({"y": [0.0] * 1000}).encode()
    name = shared.name("loss", fixed(body))
    packed = ask(name, accept_encoding="gzip, deflate, br")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(bytes(packed.body)) == body
    assert len(packed.body) < len(body) / 5
    plain = ask(name)
    assert "content-encoding" not in plain.headers
    assert plain.body == body


def test_one_chart_keeps_its_name(shared: feeds.Feeds) -> None:
    name = shared.name(("run", "loss"), fixed(b"1"))
    assert shared.name(("run", "loss"), fixed(b"2")) == name
    assert shared.name(("run", "gap"), fixed(b"3")) != name
    assert ask(name).body == b"1"


@pytest.mark.parametrize("name", ["", "loss", "../../etc/passwd", "a" * 5000])
def test_names_that_no_page_was_given_find_nothing(name: str, shared: feeds.Feeds) -> None:
    shared.name("loss", fixed(b"{}"))
    assert ask(name).status_code == 404


def test_a_run_that_is_gone_and_a_defect_are_told_apart_without_a_trace(shared: feeds.Feeds) -> None:
    def gone() -> bytes:
        raise QHNError("no such run")

    def broken() -> bytes:
        raise ValueError("secret")

    for build, status, pace in ((gone, 204, "0"), (broken, 500, None)):
        name = shared.name(status, made(lambda: 1, build))
        for _ in range(2):
            found = ask(name)
            assert (found.status_code, found.body, found.headers.get(feeds.PACE)) == (status, b"", pace)


def test_old_feeds_are_let_go(shared: feeds.Feeds) -> None:
    first = shared.name(0, fixed(b""))
    names = [shared.name(k, fixed(b"")) for k in range(1, feeds._KEPT + 100)]
    assert shared.find(first) is None
    assert shared.find(names[-1]) is not None


def test_feeds_are_answered_before_everything_else_and_only_read(shared: feeds.Feeds) -> None:
    name = shared.name("loss", fixed(b"{}"))
    server = feeds.FeedsFirst(Response(b"page"), path="/base/qhn/feed")

    def request(path: str, method: str = "GET") -> tuple[int, bytes]:
        said: list[Message] = []

        async def send(message: Message) -> None:
            said.append(message)

        async def receive() -> Message:
            return {"type": "http.request"}

        scope = {"type": "http", "method": method, "path": path, "headers": []}
        asyncio.run(server(scope, receive, send))
        return said[0]["status"], said[1]["body"]

    assert request(f"/base/qhn/feed/{name}") == (200, b"{}")
    assert request(f"/base/qhn/feed/{name}", "POST")[0] == 405
    assert request("/base/qhn/feed/unknown")[0] == 404
    assert request("/base/") == (200, b"page")
    assert request(f"/qhn/feed/{name}") == (200, b"page")


def test_charts_slow_down_when_building_them_takes_too_much_of_the_processor(
    shared: feeds.Feeds, clock: list[float]
) -> None:
    moved = [1]
    names = [shared.name(k, made(lambda: moved[0], lambda: b"{}", every=1.0)) for k in range(5)]
    for name in names:
        ask(name)
    for feed in filter(None, map(shared.find, names)):
        feed.took = 0.1
    clock[0] += 2.0
    assert shared.slower() == 1.0, "nothing has to be built"
    moved[0], clock[0] = 2, clock[0] + 2.0
    assert shared.slower() == pytest.approx(0.5 / feeds._SHARE)


def test_dear_pictures_do_not_slow_the_curves_beside_them(shared: feeds.Feeds, clock: list[float]) -> None:
    moved = [1]
    names = [shared.name(k, made(lambda: moved[0], lambda: b"{}", every=1.0)) for k in range(3)]
    for name in names:
        ask(name)
    curve, picture, dearer = (found for found in map(shared.find, names) if found is not None)
    curve.took, picture.took, dearer.took = 0.01, 0.2, 0.4
    moved[0], clock[0] = 2, clock[0] + 2.0
    share = (feeds._SHARE - 0.01) / 2
    assert [shared.slower(feed) for feed in (curve, picture, dearer)] == pytest.approx([1.0, 0.2 / share, 0.4 / share])
    assert shared.slower() == 1.0


def test_nobody_takes_more_than_the_largest_share_and_together_they_take_all() -> None:
    costs = [0.5, 0.01, 0.04, 0.2, 0.0]
    share = feeds.largest_share(costs, 0.3)
    assert sum(min(cost, share) for cost in costs) == pytest.approx(0.3)
    assert feeds.largest_share([0.1, 0.1], 0.3) == math.inf == feeds.largest_share([], 0.3)
