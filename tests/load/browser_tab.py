"""A browser tab as the server sees it: a WebSocket in Streamlit's protocol, and charts that poll their feeds."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections import Counter
from typing import Any

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

_FEED, _EVERY = re.compile(rb'"feed":"([^"]+)"'), re.compile(rb'"every":([0-9.]+)')
_LENGTH, _TAG, _PACE = (
    re.compile(name + rb": ?(\S+)", re.IGNORECASE) for name in (b"content-length", b"etag", b"x-chart-every")
)


class Tab:
    """One page of one visitor.

    Args:
        port: of a server on this machine.
        path: of the page, such as ``runs``; empty for Train.
        cookie: what the browser keeps of this server.
    """

    def __init__(self, port: int, path: str = "", *, cookie: str = "") -> None:
        self._port, self._path, self._cookie = port, path, cookie
        self._query = ""
        self._new_buttons: dict[str, str] = {}
        self._timers: dict[str, tuple[float, asyncio.Task[None]]] = {}
        self._polls: dict[str, asyncio.Task[None]] = {}
        self._drawn = asyncio.Event()
        #: Labels of buttons that can be pressed -> their ids, and -> the parts of the page that they belong to; text of
        #: the progress bar; messages so far.
        self.buttons: dict[str, str] = {}
        self.parts: dict[str, str] = {}
        self.progress, self.messages = "", 0
        #: The page that the browser shows, as Streamlit names it; those of the runs so far that drew parts of a page.
        self.page, self.parts_of = "", list[str]()
        #: Monotonic seconds of the last message; the longest pause between two since :meth:`watch`.
        self.heard, self.silence = time.monotonic(), 0.0
        #: What went wrong, as the page would show it; answers to feeds by status.
        self.troubles: list[str] = []
        self.answers: Counter[int] = Counter()
        self.is_open = False

    async def open(self, timeout: float = 120.0) -> float:
        """Load the page; returns the seconds that this took."""
        began, host = time.monotonic(), f"127.0.0.1:{self._port}"
        self._socket = await websockets.connect(
            f"ws://{host}/_stcore/stream",
            origin=websockets.Origin(f"http://{host}"),
            subprotocols=[websockets.Subprotocol("streamlit")],
            additional_headers={"Cookie": self._cookie} if self._cookie else None,
            max_size=None,
            open_timeout=timeout,
            ping_interval=None,
            proxy=None,
        )
        self.is_open = True
        self._reader = asyncio.create_task(self._read())
        await self.rerun(timeout=timeout)
        return time.monotonic() - began

    async def close(self) -> None:
        """As when the tab is closed."""
        self.is_open = False
        for task in (*self._polls.values(), *(task for _, task in self._timers.values()), self._reader):
            task.cancel()
        await self._socket.close()

    async def press(self, label: str) -> None:
        """Click a button and wait until the page has been drawn."""
        await self.rerun(self.buttons[label])

    async def click(self, label: str) -> None:
        """Click a button as browsers do, which name its part of the page, and do not wait for anything."""
        await self._ask(self.buttons[label], self.parts[label], by_itself=False)

    async def go(self, path: str) -> None:
        """Open another page and wait until it has been drawn."""
        self._path, self.page = path, ""
        await self.rerun()

    async def refresh(self) -> None:
        """Ask for all parts that refresh themselves, and do not wait for them."""
        for fragment in list(self._timers):
            await self._ask(fragment=fragment)

    async def ask(self) -> None:
        """Ask for the whole page anew, and do not wait for it."""
        await self._ask()

    async def rerun(self, widget: str = "", *, timeout: float = 120.0) -> float:
        """Draw the whole page anew; returns the seconds that this took."""
        began = time.monotonic()
        self._drawn.clear()
        await self._ask(widget)
        await asyncio.wait_for(self._drawn.wait(), timeout)
        return time.monotonic() - began

    def watch(self) -> None:
        """Measure silence from now on."""
        self.heard, self.silence = time.monotonic(), 0.0

    async def _ask(self, widget: str = "", fragment: str = "", *, by_itself: bool = True) -> None:
        message = BackMsg()
        run = message.rerun_script
        run.query_string, run.page_script_hash = self._query, self.page
        if not self.page:
            run.page_name = self._path
        if widget:
            state = run.widget_states.widgets.add()
            state.id, state.trigger_value = widget, True
        if fragment:
            run.fragment_id, run.is_auto_rerun = fragment, by_itself
        await self._socket.send(message.SerializeToString())

    async def _read(self) -> None:
        try:
            async for raw in self._socket:
                now = time.monotonic()
                self.silence, self.heard = max(self.silence, now - self.heard), now
                self.messages += 1
                message = ForwardMsg()
                message.ParseFromString(raw if isinstance(raw, bytes) else raw.encode())
                self._take(message)
        except websockets.ConnectionClosed as error:
            if self.is_open:
                self.troubles.append(repr(error)[:120])
        self.is_open = False

    def _take(self, message: Any) -> None:
        kind = message.WhichOneof("type")
        if kind == "script_finished":
            whole = message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
            self.buttons = dict(self._new_buttons) if whole else self.buttons | self._new_buttons
            if whole:
                self._drawn.set()
        elif kind == "new_session":
            self._new_buttons = {}
            if list(message.metadata.run.fragment_ids):
                self.parts_of.append(message.new_session.page_script_hash)
            else:
                self.page = message.new_session.page_script_hash
                self._stop(list(self._timers))
        elif kind == "navigation":
            self.page = message.navigation.page_script_hash
        elif kind == "auto_rerun":
            self._start(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "stop_auto_rerun":
            self._stop(list(message.stop_auto_rerun.fragment_ids))
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._element(message.delta.new_element, message.delta.fragment_id)

    def _element(self, element: Any, part: str) -> None:
        kind = element.WhichOneof("type")
        if kind == "button" and not element.button.disabled:
            self._new_buttons[element.button.label] = element.button.id
            self.parts[element.button.label] = part
        elif kind == "exception":
            self.troubles.append(element.exception.message[:120])
        elif kind == "progress":
            self.progress = element.progress.text
        elif kind == "bidi_component":
            shown = element.bidi_component
            body = shown.bytes if shown.WhichOneof("data") == "bytes" else (shown.json or "").encode()
            feed, every = _FEED.search(body), _EVERY.search(body)
            if feed is not None and feed[1].decode() not in self._polls:
                pace = float(every[1]) if every is not None else 1.0
                self._polls[feed[1].decode()] = asyncio.create_task(self._poll(feed[1].decode(), pace))

    def _start(self, fragment: str, seconds: float) -> None:
        known = self._timers.get(fragment)
        if known is None or known[0] != seconds:
            self._stop([fragment])
            self._timers[fragment] = (seconds, asyncio.create_task(self._tick(fragment, seconds)))

    def _stop(self, fragments: list[str]) -> None:
        for fragment in fragments:
            known = self._timers.pop(fragment, None)
            if known is not None:
                known[1].cancel()

    async def _tick(self, fragment: str, seconds: float) -> None:
        while self.is_open:
            await asyncio.sleep(seconds)
            await self._ask(fragment=fragment)

    async def _poll(self, path: str, every: float) -> None:
        """A chart's requests, at the pace that the server asks for."""
        line, tag = _Line(self._port), b""
        try:
            while self.is_open and every > 0:
                await asyncio.sleep(every)
                head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nIf-None-Match: ".encode()
                answer = await line.asked(head + tag + b"\r\n\r\n")
                new, pace = _TAG.search(answer), _PACE.search(answer)
                tag, every = new[1] if new is not None else tag, float(pace[1]) if pace is not None else every
                self.answers[int(answer.split(maxsplit=2)[1])] += 1
        except (OSError, asyncio.IncompleteReadError) as error:
            if self.is_open:
                self.troubles.append(f"feed: {error!r}"[:120])
        finally:
            line.close()


class _Line:
    """A connection that is used again while the server keeps it, as browsers do: it drops those that rest."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def asked(self, request: bytes) -> bytes:
        """The head of the answer, whose body is read, too."""
        if self._ends is not None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                return await self._asked(*self._ends, request)
            self.close()
        self._ends = await asyncio.open_connection("127.0.0.1", self._port)
        return await self._asked(*self._ends, request)

    async def _asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
        writer.write(request)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(answer)
        if length is not None:
            await reader.readexactly(int(length[1]))
        return answer

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._ends is not None:
            self._ends[1].close()
            self._ends = None
