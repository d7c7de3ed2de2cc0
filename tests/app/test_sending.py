"""A run of a page waits until what it drew has left for the browser, and no longer than its patience."""

from __future__ import annotations

import inspect
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.runtime import Runtime
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from app import sending


class Loop:
    """An event loop that gets round to what it was handed only after a while."""

    def __init__(self, busy: threading.Event) -> None:
        self.busy = busy

    def call_soon_threadsafe(self, act: Any) -> None:
        threading.Thread(target=lambda: (self.busy.wait(5), act()), daemon=True).start()


class Queue:
    def __init__(self) -> None:
        self.items: list[str] = []

    def is_empty(self) -> bool:
        return not self.items


def session(monkeypatch: pytest.MonkeyPatch, queue: Queue, busy: threading.Event) -> None:
    found = SimpleNamespace(session=SimpleNamespace(_event_loop=Loop(busy), _browser_queue=queue))
    manager = SimpleNamespace(get_active_session_info=lambda session_id: found if session_id == "mine" else None)
    monkeypatch.setattr(sending, "get_script_run_ctx", lambda **_: SimpleNamespace(session_id="mine"))
    monkeypatch.setattr(sending.runtime, "exists", lambda: True)
    monkeypatch.setattr(sending.runtime, "get_instance", lambda: SimpleNamespace(_session_mgr=manager))


def test_a_run_ends_when_a_busy_loop_has_sent_what_it_drew(monkeypatch: pytest.MonkeyPatch) -> None:
    queue, busy, ended = Queue(), threading.Event(), threading.Event()
    session(monkeypatch, queue, busy)
    thread = threading.Thread(target=lambda: (sending.sent(lambda: None)(), ended.set()))
    thread.start()
    assert not ended.wait(0.1)  # the loop has not even taken over what was drawn
    queue.items.append("a chart")
    busy.set()
    assert not ended.wait(0.1)  # taken over, not sent
    queue.items.clear()
    assert ended.wait(5)


def test_a_browser_that_takes_nothing_holds_up_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    queue, busy = Queue(), threading.Event()
    busy.set()
    queue.items.append("a chart")
    session(monkeypatch, queue, busy)
    monkeypatch.setattr(sending, "PATIENCE", 0.05)
    ended = threading.Event()
    threading.Thread(target=lambda: (sending.let_it_be_sent(), ended.set()), daemon=True).start()
    assert ended.wait(30)


def test_streamlit_has_what_is_used_of_it() -> None:
    assert isinstance(ForwardMsgQueue().is_empty(), bool)
    assert "_browser_queue" in inspect.getsource(AppSession.__init__)
    assert "_event_loop" in inspect.getsource(AppSession.__init__)
    assert "_session_mgr" in inspect.getsource(Runtime.__init__)


def test_outside_a_server_nothing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending.runtime, "get_instance", lambda: pytest.fail("there is no server to ask"))
    sending.let_it_be_sent()
