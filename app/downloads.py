"""Files that are written while they are sent.

Streamlit's download button keeps its file in memory, twice while it is handed over. So the button is given a ticket, a
few bytes, and the server sends in its place what the ticket stands for, piece by piece.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import services
from qhn_core.store.exports import Format

Content = Callable[[], Iterator[bytes]]
#: Where Streamlit hands out what buttons download, below the server's base path.
PATH = "/media"
_MARK, _LETTERS = b"qhn-ticket:", 32
_LENGTH = len(_MARK) + _LETTERS
#: Tickets kept; the oldest is void when there are more.
_KEPT = 256
#: Seconds that a client may leave a file untouched.
PATIENCE = 60.0


class Tickets:
    """What tickets stand for; safe for threads. Before :meth:`open` the content itself is given out."""

    def __init__(self) -> None:
        self._contents: OrderedDict[bytes, Content] = OrderedDict()
        self._guard = threading.Lock()
        self.is_open = False

    def open(self) -> None:
        """Say that :class:`Downloads` stands before Streamlit's answers."""
        self.is_open = True

    def issue(self, content: Content) -> bytes:
        """A ticket for what ``content()`` yields."""
        if not self.is_open:
            return b"".join(content())
        ticket = _MARK + secrets.token_hex(_LETTERS // 2).encode()
        with self._guard:
            self._contents[ticket] = content
            while len(self._contents) > _KEPT:
                self._contents.popitem(last=False)
        return ticket

    def find(self, ticket: bytes) -> Content | None:
        """What the ticket stands for; None if it is none."""
        with self._guard:
            return self._contents.get(ticket)


TICKETS = Tickets()


def history_file(ids: Sequence[str], kind: Format) -> Callable[[], bytes]:
    """For a download button: the histories of runs, as whoever looks at the page may see them."""
    store = services.store()  # here, as only a page knows who looks at it

    def make() -> bytes:
        store.export_parts(ids, format=kind)  # what cannot be had is said at the button
        return TICKETS.issue(lambda: store.export_parts(ids, format=kind)[1])

    return make


class Downloads:
    """ASGI middleware: where Streamlit answers with a ticket, sends what it stands for.

    Args:
        app: who answers for everything else.
        path: where Streamlit hands out what buttons download.
    """

    def __init__(self, app: ASGIApp, *, path: str) -> None:
        self._app, self._prefix = app, f"{path}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, with tickets exchanged."""
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix) or _only_looks(scope):
            await self._app(scope, receive, send)
            return
        start: Message | None = None

        async def exchanging(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _may_be_ticket(message):
                start = message
                return
            first, start = start, None
            content = None if first is None else TICKETS.find(message.get("body", b""))
            if first is not None and content is not None:
                await _stream(first, content)(scope, receive, impatient(send))
                return
            if first is not None:
                await send(first)
            await send(message)

        await self._app(scope, receive, exchanging)


def _only_looks(scope: Scope) -> bool:
    """Streamlit's page asks for a file's head, and lets the body go, before the browser downloads it."""
    return scope["method"] != "GET" or Headers(scope=scope).get("sec-fetch-mode") == "cors"


def _may_be_ticket(start: Message) -> bool:
    return start["status"] == 200 and Headers(raw=start["headers"]).get("content-length") == str(_LENGTH)


def impatient(send: Send) -> Send:
    """Who takes nothing for long is not waited for: a file being sent holds a connection to the database."""

    async def sending(message: Message) -> None:
        try:
            await asyncio.wait_for(send(message), PATIENCE)
        except TimeoutError as error:
            raise ClientDisconnect() from error

    return sending


def _stream(start: Message, content: Content) -> StreamingResponse:
    headers = MutableHeaders(raw=list(start["headers"]))
    for name in ("content-length", "accept-ranges", "etag"):
        del headers[name]
    headers["Cache-Control"] = "no-store"
    response = StreamingResponse(content())
    response.raw_headers = headers.raw
    return response
