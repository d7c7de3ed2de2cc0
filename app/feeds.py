"""Charts that fetch their own newest figure while a run goes on, beside Streamlit's refreshes.

A refresh by Streamlit makes the browser go through the whole page, however little of it changed; on a small machine
that takes processor time away from training. A feed is an address of this server that answers with one chart's newest
figure: the chart asks, and nothing else on the page moves. Addresses are random, so nobody can ask for what no page has
shown; what they answer is what that page shows.

Nine in ten answers are "nothing new". They cost a comparison of two numbers, on the event loop: nothing is built or
hashed, and no thread is woken. What has to be built is built once for all who look, one figure after the other.
"""

from __future__ import annotations

import asyncio
import gzip
import itertools
import logging
import math
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from qhn_core.errors import QHNError

_LOG = logging.getLogger(__name__)
#: Where feeds are found, below the server's base path.
PATH = "/qhn/feed"
#: Header of an answer: after how many seconds to ask again; 0 for never.
PACE = "X-Chart-Every"
#: Feeds kept; a page has half a dozen.
_KEPT = 2048
#: Requests a second that the server asks for in all; with more charts than that each asks less often.
_MOST_A_SECOND = 40.0
#: How much slower than alone a chart may become, and seconds after which one that did not ask is no longer counted.
_SLOWEST, _ABSENT = 12.0, 12.0
#: Share of one core that building figures may take in all; training and pages need the rest.
_SHARE = 0.15
#: Share of a chart's pace for which a figure is fresh, whatever has changed: so all who look share one.
_FRESH = 0.6
#: Smallest body, bytes, that is worth compressing.
_COMPRESSED = 1024


class Newest(NamedTuple):
    """The figure built last: for which version, when (monotonic seconds), its tag, its bytes plain and compressed."""

    version: Hashable
    built: float
    tag: str
    body: bytes
    compressed: bytes


@dataclass(eq=False)
class Feed:
    """One chart's figures.

    Args:
        version: what changes whenever the figure may; cheap, as it is called on the event loop for every request.
        build: makes the figure; called in a thread, by one at a time.
        every: seconds between two requests of one page where it is alone; ``build`` may change it as the run goes on.
        took: processor time that the last figure took, seconds.
    """

    version: Callable[[], Hashable]
    build: Callable[[], bytes]
    every: float
    newest: Newest | None = None
    renewing: asyncio.Future[Newest] | None = None
    asked: float = field(default=-_ABSENT)
    took: float = 0.0

    @property
    def moving(self) -> bool:
        """Whether its figure has changed since it was built last."""
        try:
            return self.newest is not None and self.newest.version != self.version()
        except QHNError:  # there is none any more
            return False

    def due(self, now: float, pace: float) -> bool:
        """Whether what was built last no longer serves."""
        newest = self.newest
        if newest is None:
            return True
        return now - newest.built >= _FRESH * pace and newest.version != self.version()


class Feeds:
    """Feeds by a random name; safe for threads. Nothing is handed out before :meth:`open`."""

    def __init__(self) -> None:
        self._names: OrderedDict[Hashable, str] = OrderedDict()
        self._feeds: dict[str, Feed] = {}
        self._guard = threading.Lock()
        self._tags = itertools.count(1)
        self._boot = secrets.token_hex(4)
        self._crowd, self._most, self._least, self._counted = 1.0, math.inf, 1.0, 0.0
        self._builder = ThreadPoolExecutor(1, thread_name_prefix="qhn-feeds")
        self.is_open = False

    def open(self) -> None:
        """Say that the server answers at :data:`PATH`."""
        self.is_open = True

    def name(self, key: Hashable, make: Callable[[str], Feed]) -> str:
        """The name of the feed of this key, made by ``make(name)`` where there is none; empty if none is open."""
        if not self.is_open:
            return ""
        with self._guard:
            name = self._names.setdefault(key, secrets.token_urlsafe(12))
            self._names.move_to_end(key)
            if name not in self._feeds:
                self._feeds[name] = make(name)
            while len(self._names) > _KEPT:
                del self._feeds[self._names.popitem(last=False)[1]]
        return name

    def find(self, name: str) -> Feed | None:
        """The feed of this name; None if there is none."""
        return self._feeds.get(name)

    def slower(self, feed: Feed | None = None) -> float:
        """How many times slower than alone a chart refreshes at present, so that all who look are served: 1 … 12.

        Where building takes too much of the processor, those slow down whose figures are dear: each may take the same
        share at most, and a cheap curve goes on as it would beside others like itself. Without ``feed``: what even the
        cheapest is slowed by.
        """
        now = time.monotonic()
        if now - self._counted >= 1.0:
            self._counted = now
            self._count(now)
        if feed is None:
            return self._least
        return min(max(1.0, self._crowd, feed.took / feed.every / self._most), _SLOWEST)

    def _count(self, now: float) -> None:
        with self._guard:
            feeds = list(self._feeds.values())
        asking = [feed for feed in feeds if now - feed.asked < _ABSENT]
        for feed in feeds:
            if feed.newest is not None and now - feed.asked >= 3 * _ABSENT:
                feed.newest = None  # nobody looks: its bytes need not be kept
        costs = [feed.took / feed.every for feed in asking if feed.moving]
        self._crowd = sum(1.0 / feed.every for feed in asking) / _MOST_A_SECOND
        self._most = largest_share(costs, _SHARE)
        self._least = min(max(1.0, self._crowd, min(costs, default=0.0) / self._most), _SLOWEST)

    async def newest(self, feed: Feed) -> Newest:
        """The newest figure, built anew if it is due; QHNError if there is none any more."""
        now = time.monotonic()
        feed.asked = now
        if feed.newest is not None and not feed.due(now, feed.every * self.slower(feed)):
            return feed.newest
        if feed.renewing is None:
            future = asyncio.get_running_loop().run_in_executor(self._builder, self._renew, feed)
            feed.renewing = future
            future.add_done_callback(lambda _: setattr(feed, "renewing", None))
        return await asyncio.shield(feed.renewing)

    def _renew(self, feed: Feed) -> Newest:
        version, began = feed.version(), time.thread_time()  # first: the figure is then at least as new
        body, last = feed.build(), feed.newest
        if last is not None and last.body == body:
            found = last._replace(version=version, built=time.monotonic())
        else:
            compressed = gzip.compress(body, 1, mtime=0) if len(body) >= _COMPRESSED else b""
            found = Newest(version, time.monotonic(), f"{self._boot}-{next(self._tags)}", body, compressed)
        feed.newest, feed.took = found, time.thread_time() - began
        return found


def largest_share(costs: Sequence[float], total: float) -> float:
    """The share c for which Σ min(cost, c) = ``total``: what each may take at most; infinite where all fit."""
    left = total
    for k, cost in enumerate(sorted(costs)):
        fair = left / (len(costs) - k)
        if cost > fair:
            return fair
        left -= cost
    return math.inf


FEEDS = Feeds()


async def answer(name: str, headers: Headers) -> Response:
    """The figure; 204 if the browser has the newest (``If-None-Match``) or there will be none; 404 for no such feed."""
    feed = FEEDS.find(name)
    if feed is None:
        return Response(status_code=404)
    try:
        newest = await FEEDS.newest(feed)
    except QHNError:  # the run has ended, or the page itself says what is wrong at its next refresh
        return Response(status_code=204, headers={"Cache-Control": "no-store", PACE: "0"})
    except Exception:
        _LOG.exception("a feed failed")
        return Response(status_code=500)
    said = {"Cache-Control": "no-store", "ETag": newest.tag, PACE: f"{feed.every * FEEDS.slower(feed):.2f}"}
    if headers.get("If-None-Match") == newest.tag:
        return Response(status_code=204, headers=said)
    said["X-Content-Type-Options"] = "nosniff"
    if newest.compressed and "gzip" in headers.get("Accept-Encoding", ""):
        return Response(newest.compressed, media_type="application/json", headers={**said, "Content-Encoding": "gzip"})
    return Response(newest.body, media_type="application/json", headers=said)


class FeedsFirst:
    """ASGI middleware: answers for feeds itself, before cookies, routes and compression are looked at.

    Args:
        app: who answers for everything else.
        path: where feeds are found on this server.
        answers: the response to a request, from what follows the path and the request's headers.
    """

    def __init__(
        self, app: ASGIApp, *, path: str, answers: Callable[[str, Headers], Awaitable[Response]] = answer
    ) -> None:
        self._app, self._prefix, self._answers = app, f"{path}/", answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for a feed, or hand the request on."""
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
        elif scope["method"] != "GET":
            await Response(status_code=405, headers={"Allow": "GET"})(scope, receive, send)
        else:
            response = await self._answers(scope["path"][len(self._prefix) :], Headers(scope=scope))
            await response(scope, receive, send)
