"""The door of a class: who gets past it, what is asked of others, and how often."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.responses import HTMLResponse

from app import classroom, gate
from app.classroom import Classroom, Tries
from qhn_core.store import RunStore


@pytest.fixture
def room(tmp_path: Path) -> Classroom:
    return Classroom(RunStore(tmp_path / "data").people, port=8501)


def request(
    room: Classroom,
    path: str = "/",
    *,
    method: str = "GET",
    cookie: str = "",
    body: bytes = b"",
    kind: str = "http",
    client: str = "10.0.0.7",
    mode: str = "navigate",
    base: str = "",
) -> tuple[int, dict[str, str], str]:
    """(status, headers, body) of the answer; for a WebSocket 101 or 403."""
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
        else:
            await HTMLResponse("inside")(scope, receive, send)

    headers = [(b"cookie", cookie.encode()), (b"sec-fetch-mode", mode.encode())]
    scope = {"type": kind, "method": method, "path": path, "headers": headers, "client": (client, 1), "scheme": "http"}
    asyncio.run(gate.Gate(behind, room=room, base=base)(scope, receive, send))
    if kind == "websocket":
        return (101 if said[0]["type"] == "websocket.accept" else 403), {}, ""
    found = {key.decode(): value.decode() for key, value in said[0]["headers"]}
    return said[0]["status"], found, b"".join(m.get("body", b"") for m in said[1:]).decode()


def post(room: Classroom, code: str, name: str = "Ana", **options: Any) -> tuple[int, dict[str, str], str]:
    body = urlencode({"code": code, "name": name}, errors="replace").encode()
    return request(room, gate.PATH, method="POST", body=body, **options)


def entered(room: Classroom, code: str, name: str = "Ana") -> str:
    """The cookie of somebody who came in."""
    status, headers, _ = post(room, code, name)
    assert status == 303
    assert "HttpOnly" in headers["set-cookie"]
    assert "SameSite=strict" in headers["set-cookie"]
    return headers["set-cookie"].split(";")[0]


def test_without_a_place_nothing_answers_but_the_form(room: Classroom) -> None:
    for path in ("/", "/runs", "/qhn/feed/abc", "/static/x.js", "/media/x", "/_stcore/host-config"):
        status, headers, body = request(room, path)
        assert (status, headers.get("location"), body) == (303, gate.PATH, "")
        assert request(room, path, mode="cors")[0] == 401
        assert request(room, path, method="POST")[0] == 401
    assert request(room, "/_stcore/stream", kind="websocket")[0] == 403
    assert request(room, "/_stcore/health")[2] == "inside", "says only that the server lives"
    status, headers, body = request(room, gate.PATH)
    assert (status, "Class code" in body) == (200, True)
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "same-origin"


def test_the_code_lets_in_and_only_with_the_cookie(room: Classroom) -> None:
    cookie = entered(room, room.codes.student.lower())
    assert request(room, "/", cookie=cookie)[2] == "inside"
    assert request(room, "/_stcore/stream", kind="websocket", cookie=cookie)[0] == 101
    assert request(room, gate.PATH, cookie=cookie)[1]["location"] == "/"
    for other in ("", cookie + "x", cookie[:-1], "qhn_class=", "other=1", "\x00", "qhn_class=\ud83d"):
        raw = other.encode("utf-8", "replace").decode("latin-1").encode("latin-1").decode("latin-1")
        assert request(room, "/", cookie=raw)[0] == 303
    names = [(person.name, person.teacher) for person in room.people.here()]
    assert names == [("Ana", False)]
    entered(room, room.codes.teacher, "Tom")
    assert [person.name for person in room.students()] == ["Ana"]


def test_wrong_codes_are_refused_and_then_slowed_down_by_address(
    room: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(classroom.time, "monotonic", lambda: now[0])
    for _ in range(10):
        assert post(room, "AAAAAA")[0] == 403
    status, headers, body = post(room, room.codes.student)
    assert status == 429, "even the right one has to wait"
    assert int(headers["retry-after"]) == 60
    assert "Too many wrong codes" in body
    assert post(room, room.codes.student, client="10.0.0.8")[0] == 303, "another address does not"
    now[0] += 61.0
    assert post(room, "AAAAAA")[0] == 403
    assert int(post(room, "AAAAAA")[1]["retry-after"]) == 120
    now[0] += 121.0
    assert post(room, room.codes.student)[0] == 303


def test_waiting_doubles_is_bounded_and_forgotten_after_a_quiet_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(classroom.time, "monotonic", lambda: now[0])
    tries, waits = Tries(), []
    for _ in range(20):
        tries.failed("a")
        waits.append(tries.wait("a"))
        now[0] += waits[-1]
    assert waits[:9] == [0.0] * 9
    assert waits[9:13] == [60.0, 120.0, 240.0, 480.0]
    assert max(waits) == 3600.0
    now[0] += 61.0
    tries.failed("a")
    assert tries.wait("a") == 0.0
    for _ in range(10):
        tries.failed("b")
    for i in range(9_999):
        tries.failed(str(i))
    assert tries.wait("b") > 0.0
    tries.failed("one more")
    assert tries.wait("b") == 0.0, "of 10,001 addresses the one that was heard of first is forgotten"


@pytest.mark.parametrize("body", [b"", b"code=&name=", b"%", b"code=%ff%fe", b"a&" * 50, b"code=" + b"A" * 3000])
def test_broken_forms_open_nothing(room: Classroom, body: bytes) -> None:
    assert request(room, gate.PATH, method="POST", body=body)[0] == 403
    assert room.people.here() == []


def test_a_long_form_is_not_read_and_other_methods_are_refused(room: Classroom) -> None:
    assert request(room, gate.PATH, method="POST", body=b"x" * 5000)[0] == 413
    assert request(room, gate.PATH, method="DELETE")[0] == 405


def test_a_name_is_text_wherever_it_stands(room: Classroom) -> None:
    entered(room, room.codes.student, "<script>alert(1)</script>\x00\n" + "x" * 100)
    (person,) = room.people.here()
    assert len(person.name) <= 40
    assert person.name.isprintable()


def test_when_the_class_ends_nobody_has_a_place(room: Classroom) -> None:
    cookie = entered(room, room.codes.student)
    room.end(wipe=False)
    assert request(room, "/", cookie=cookie)[0] == 303
    assert request(room, "/_stcore/stream", kind="websocket", cookie=cookie)[0] == 403
    assert post(room, room.codes.student)[0] == 403


def test_a_server_below_a_path_keeps_its_form_there(room: Classroom) -> None:
    assert request(room, "/lab/runs", base="/lab")[1]["location"] == "/lab/class/enter"
    assert 'action="/lab/class/enter"' in request(room, "/lab/class/enter", base="/lab")[2]


def test_the_board_counts_changes_and_takes_everybody_once(room: Classroom) -> None:
    entered(room, room.codes.student)
    (person,) = room.students()
    assert room.followed(person) == room.board.shown == 0
    room.send("learn", {"lesson": "one", "step": "two"})
    assert (room.board.version, room.board.shown, room.board.page) == (1, 1, "learn")
    assert room.followed(person) != room.board.shown
    room.has_followed(person, room.board.shown)
    assert room.followed(person) == room.board.shown


def test_somebody_is_here_while_their_page_is_seen(room: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    entered(room, room.codes.student)
    (person,) = room.students()
    now = [1000.0]
    monkeypatch.setattr(classroom.time, "monotonic", lambda: now[0])
    assert not room.is_here(person)
    room.saw(person, "train", "abc")
    assert room.is_here(person)
    assert (room.presence(person).page, room.presence(person).run) == ("train", "abc")
    now[0] += 60.0
    assert not room.is_here(person)


def test_the_announcement_holds_link_codes_and_a_picture(room: Classroom) -> None:
    text = classroom.announcement(room)
    for part in (room.link, room.codes.student, room.codes.teacher, "▄"):
        assert part in text
