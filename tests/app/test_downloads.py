"""Files that are written while they are sent: tickets in place of content, exchanged on the way out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.responses import Response

from app import downloads
from app.downloads import Downloads, Tickets


@pytest.fixture
def tickets(monkeypatch: pytest.MonkeyPatch) -> Tickets:
    made = Tickets()
    made.open()
    monkeypatch.setattr(downloads, "TICKETS", made)
    return made


def answer(body: bytes, path: str = "/media/1.csv", **headers: str) -> tuple[dict[str, str], list[bytes]]:
    """Headers and pieces of what comes out where Streamlit answers with ``body``."""
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def streamlit(scope: Any, receive: Any, send: Any) -> None:
        told = {"Content-Disposition": "attachment; filename=a.csv", "Accept-Ranges": "bytes"}
        await Response(body, media_type="text/csv", headers=told)(scope, receive, send)

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": path, "headers": raw}
    asyncio.run(Downloads(streamlit, path="/media")(scope, receive, send))
    first, *rest = said
    return {k.decode(): v.decode() for k, v in first["headers"]}, [m["body"] for m in rest if m["body"]]


def test_a_ticket_is_exchanged_for_what_it_stands_for_piece_by_piece(tickets: Tickets) -> None:
    ticket = tickets.issue(lambda: iter([b"run,step\n", b"a,0\n"]))
    for _ in range(2):  # a second click, or a second try of the browser
        headers, pieces = answer(ticket)
        assert pieces == [b"run,step\n", b"a,0\n"]
        assert headers["content-disposition"] == "attachment; filename=a.csv"
        assert not {"content-length", "accept-ranges"} & headers.keys()


@pytest.mark.parametrize("body", [b"short", b"qhn-ticket:" + b"0" * 32, b"x" * 43])
def test_what_is_no_ticket_goes_out_as_it_is(tickets: Tickets, body: bytes) -> None:
    headers, pieces = answer(body)
    assert pieces == [body]
    assert headers["content-length"] == str(len(body))


def test_a_page_that_only_looks_whether_the_file_is_there_does_not_have_it_made(tickets: Tickets) -> None:
    def content() -> Iterator[bytes]:
        raise AssertionError("made")

    ticket = tickets.issue(content)
    assert answer(ticket, sec_fetch_mode="cors")[1] == [ticket]
    assert answer(ticket, path="/elsewhere")[1] == [ticket]


def test_without_the_server_the_button_has_the_content_itself() -> None:
    assert Tickets().issue(lambda: iter([b"a", b"b"])) == b"ab"


def test_who_takes_nothing_is_not_waited_for(tickets: Tickets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "PATIENCE", 0.01)

    async def stuck(message: Any) -> None:
        await asyncio.Event().wait()

    with pytest.raises(downloads.ClientDisconnect):
        asyncio.run(downloads.impatient(stuck)({"type": "http.response.body", "body": b"a"}))
