"""Figures that go ahead of the page: charts on the screen get them before the page is drawn anew.

Drawing a whole page takes longer than training a small circuit. Where a change of a setting has its result at once, the
figures go into a box of that session. Its page asks for them whenever somebody has touched something: a request waits
there for a moment, and what it brings is handed to the charts of those names. The page follows, with the same figures.
Addresses are random, as those of feeds.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.datastructures import Headers
from starlette.responses import Response

from app import state
from app.feeds import FEEDS
from app.live_chart import below_base

_SCRIPT = Path(__file__).resolve().parent.parent / "assets" / "post.js"
#: Where boxes are found, below the server's base path.
PATH = "/qhn/post"
#: Seconds that a request waits for figures.
PATIENCE = 1.5
#: Boxes kept; a session has one.
_KEPT = 512
_NAME = "post"


class Box:
    """Figures under way to one page; safe for threads."""

    def __init__(self) -> None:
        self._figures: dict[str, bytes] = {}
        self._guard = threading.Lock()
        self._asked = threading.Event()
        self._waiting: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def put(self, figures: Mapping[str, bytes]) -> None:
        """Send charts, by their names, their figures, instead of older ones that are still here; they go together."""
        with self._guard:
            self._figures |= figures
            waiting, self._waiting = self._waiting, None
            self._asked.clear()
        if waiting is not None:
            loop, arrived = waiting
            loop.call_soon_threadsafe(arrived.set)

    def is_awaited(self, patience: float) -> bool:
        """Whether the page has drawn all that it was sent, and asks for more, within so many seconds."""
        return self._asked.wait(patience)

    def clear(self) -> None:
        """Let go what the page did not take: by now it has been drawn itself."""
        with self._guard:
            self._figures = {}

    async def take(self, patience: float) -> dict[str, bytes]:
        """All figures that are here, by their charts' names, or those that come first within so many seconds."""
        arrived = asyncio.Event()
        mine = (asyncio.get_running_loop(), arrived)
        with self._guard:
            if self._figures:
                arrived.set()
            else:
                self._waiting = mine
                self._asked.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(arrived.wait(), patience)
        with self._guard:
            if self._waiting is mine:
                self._waiting = None
                self._asked.clear()
            taken, self._figures = self._figures, {}
        return taken


class Boxes:
    """Boxes by their random names; safe for threads."""

    def __init__(self) -> None:
        self._boxes: OrderedDict[str, Box] = OrderedDict()
        self._guard = threading.Lock()

    def of(self, name: str) -> Box:
        """The box of this name, made where there is none."""
        with self._guard:
            box = self._boxes.setdefault(name, Box())
            self._boxes.move_to_end(name)
            while len(self._boxes) > _KEPT:
                self._boxes.popitem(last=False)
        return box

    def find(self, name: str) -> Box | None:
        """The box of this name; None if there is none."""
        return self._boxes.get(name)


BOXES = Boxes()


@cache
def _component() -> Any:
    return st.components.v2.component("qhn_post", js=_SCRIPT.read_text(encoding="utf-8"), isolate_styles=False)


def box() -> Box | None:
    """This session's box; None where the server hands out none, or the page does not ask."""
    name = state.recall(_NAME)
    return BOXES.of(str(name)) if name and FEEDS.is_open else None


def receive() -> None:
    """Have the page ask for what comes into this session's box; call it when all charts have been drawn."""
    if not FEEDS.is_open:
        return
    name = str(state.recall(_NAME) or secrets.token_urlsafe(12))
    state.remember(_NAME, name)
    BOXES.of(name).clear()
    _component()(key=_NAME, data={"address": below_base(f"{PATH}/{name}")})


async def answer(name: str, _headers: Headers) -> Response:
    """Figures, each after its chart's name in a line of its own; 204 if none came; 404 for no such box."""
    found = BOXES.find(name)
    if found is None:
        return Response(status_code=404)
    said = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    taken = await found.take(PATIENCE)
    if not taken:
        return Response(status_code=204, headers=said)
    body = b"\n".join(chart.encode() + b"\t" + figure for chart, figure in taken.items())
    return Response(body, media_type="text/plain; charset=utf-8", headers=said)
