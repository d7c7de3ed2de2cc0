"""What the script draws reaches the browser, and stays there, whatever refresh comes close on it."""

from __future__ import annotations

import asyncio
import inspect
import re
import urllib.parse
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.scriptrunner import RerunData, ScriptRunner, ScriptRunnerEvent

from app import deliveries
from app.classroom import COOKIE
from tests.load.browser_tab import Tab
from tests.load.serving import serving


@pytest.fixture(autouse=True)
def mended() -> None:
    deliveries.mend()


def drawn(text: str, *path: int, part: str = "") -> ForwardMsg:
    """An element that was drawn, of a part of the page or of none."""
    message = ForwardMsg()
    message.delta.new_element.markdown.body, message.delta.fragment_id = text, part
    message.metadata.delta_path.extend(path)
    return message


def finished(how: Any = ForwardMsg.FINISHED_SUCCESSFULLY) -> ForwardMsg:
    return ForwardMsg(script_finished=how)


def waiting(queue: ForwardMsgQueue) -> list[str]:
    """What waits to be sent: texts of elements, and how runs ended."""
    return [
        message.delta.new_element.markdown.body
        if message.HasField("delta")
        else ForwardMsg.ScriptFinishedStatus.Name(message.script_finished)
        for message in queue._queue
    ]


def filled(*messages: ForwardMsg) -> ForwardMsgQueue:
    queue = ForwardMsgQueue()
    for message in messages:
        queue.enqueue(message)
    return queue


def test_a_whole_page_is_sent_though_a_part_of_it_is_drawn_again() -> None:
    queue = filled(drawn("line", 0, 0, part="line"), drawn("eyes", 0, 1), finished())
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["line"])
    queue.enqueue(drawn("line again", 0, 0, part="line"))
    assert waiting(queue) == ["line", "eyes", "FINISHED_SUCCESSFULLY", "line again"]


def test_a_part_that_is_drawn_again_is_still_sent_once() -> None:
    ended = finished(ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)
    line, other = drawn("line", 0, 1, part="line"), drawn("other", 0, 2, part="other")
    queue = filled(drawn("page", 0, 0), finished(), line, other, ended)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["line"])
    assert waiting(queue) == ["page", "FINISHED_SUCCESSFULLY", "other", "FINISHED_EARLY_FOR_RERUN"]


def test_a_page_that_starts_anew_drops_what_was_drawn_before() -> None:
    queue = filled(drawn("line", 0, 0, part="line"), drawn("eyes", 0, 1), finished())
    queue.clear(retain_lifecycle_msgs=True)
    assert waiting(queue) == ["FINISHED_EARLY_FOR_RERUN"]
    queue.flush()
    assert queue.is_empty()


class Session:
    """What a session knows of its thread, and an event loop that comes to things later."""

    def __init__(self) -> None:
        self._scriptrunner: Any = None
        self.later: list[Any] = []
        self.taken: list[tuple[bool, ScriptRunnerEvent]] = []

    def _call_soon_on_event_loop(self, act: Any) -> None:
        self.later.append(act)

    def _handle_scriptrunner_event_on_event_loop(self, sender: Any, event: Any, *_: Any, **__: Any) -> None:
        self.taken.append((sender is self._scriptrunner, event))

    def heard(self) -> list[tuple[bool, ScriptRunnerEvent]]:
        """What the loop comes to now, and whether it counts."""
        for act in self.later:
            act()
        return self.taken


def test_what_a_thread_says_last_counts_though_another_has_taken_over() -> None:
    session, before, after = Session(), SimpleNamespace(), SimpleNamespace()
    say: Any = AppSession._on_scriptrunner_event
    session._scriptrunner = before
    say(session, before, ScriptRunnerEvent.ENQUEUE_FORWARD_MSG, forward_msg=drawn("eyes"))
    say(session, before, ScriptRunnerEvent.SHUTDOWN)
    session._scriptrunner = after
    say(session, before, ScriptRunnerEvent.SCRIPT_STARTED)
    assert session.heard() == [
        (True, ScriptRunnerEvent.ENQUEUE_FORWARD_MSG),
        (False, ScriptRunnerEvent.SHUTDOWN),  # it must not end the one that has taken over
        (False, ScriptRunnerEvent.SCRIPT_STARTED),
    ]


@pytest.mark.parametrize(
    ("parts", "sent_from", "left"),
    [
        (["line"], "train", True),
        (["line"], "learn", False),
        (["line"], "", False),  # a browser that was not told its page yet
        (["line"], "main", False),
        ([], "train", False),  # a whole page: who asks for it goes there
    ],
)
def test_only_parts_of_another_page_are_left(parts: list[str], sent_from: str, left: bool) -> None:
    request = RerunData(fragment_id_queue=parts, page_script_hash=sent_from)
    assert deliveries.was_left(request, "learn", "main") is left


def test_another_version_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "VERSION", "0.1.")
    monkeypatch.setattr(ForwardMsgQueue, "clear", deliveries._clear)
    deliveries.mend()
    assert ForwardMsgQueue.clear is deliveries._clear


def test_streamlit_has_what_is_used_of_it() -> None:
    assert list(inspect.signature(deliveries._run_script).parameters) == ["self", "rerun_data"]
    assert "_pages_manager" in inspect.getsource(ScriptRunner.__init__)
    assert "self._run_script(request.rerun_data)" in inspect.getsource(ScriptRunner._run_script_thread)
    assert list(inspect.signature(deliveries._clear).parameters)[1:] == [
        "retain_lifecycle_msgs",
        "fragment_ids_this_run",
    ]
    assert "sender is not self._scriptrunner" in inspect.getsource(AppSession._handle_scriptrunner_event_on_event_loop)
    told = list(inspect.signature(AppSession._handle_scriptrunner_event_on_event_loop).parameters)
    assert list(inspect.signature(deliveries._on_event).parameters) == told
    assert "_call_soon_on_event_loop" in inspect.getsource(deliveries._on_event)
    assert "self._session_id = session_id" in inspect.getsource(ScriptRunner.__init__)
    assert list(inspect.signature(deliveries._flush).parameters) == ["self"]
    assert "_message_enqueued_callback" in inspect.getsource(AppSession._enqueue_forward_msg)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """The answer with the cookie is the one wanted."""


def entered(port: int, code: str) -> str:
    """The cookie of who comes in with a code."""
    form = urllib.parse.urlencode({"code": code, "name": "Ana"}).encode()
    address = f"http://127.0.0.1:{port}"
    request = urllib.request.Request(f"{address}/class/enter", form, {"Origin": address})
    try:
        urllib.request.build_opener(_Stay).open(request, timeout=30)
    except urllib.error.HTTPError as answer:
        found = re.search(rf"{COOKIE}=\S+?(?=;)", answer.headers["Set-Cookie"])
        assert found is not None
        return found[0]
    raise AssertionError("not let in")


async def told_of(port: int, cookie: str) -> tuple[list[str], str]:
    """Pages that a browser is told of while it refreshes the class's line, first as from the page that it has left."""
    tab = Tab(port, cookie=cookie)
    await tab.open()
    left = tab.page
    await tab.go("runs")
    came, tab.page = tab.page, left
    tab.parts_of.clear()
    await tab.refresh()
    await asyncio.sleep(1)
    tab.page = came
    for _ in range(300):
        if came in tab.parts_of:
            break
        await tab.refresh()
        await asyncio.sleep(0.1)
    await tab.close()
    return tab.parts_of, came


def test_a_refresh_from_a_page_that_was_left_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QHN_CLASSROOM", "1")
    with serving(tmp_path) as server:
        code = re.search(r"Class code +(\w+)", (tmp_path / "server.log").read_text())
        assert code is not None
        named, came = asyncio.run(told_of(server.port, entered(server.port, code[1])))
    assert set(named) == {came}
