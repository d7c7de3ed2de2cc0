"""What a page says waits while charts go ahead of it, and never for long."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.scriptrunner import RerunData, ScriptRunner

from app import deliveries, holding
from qhn_core.config import RunConfig
from tests.app.pages import curves, opened, until

SMALL: dict[str, Any] = {"network": {"name": "mlp", "layers": [2, 2, 1]}, "steps": 60, "replicas": 3}


class Session:
    """A session with one message to send."""

    def __init__(self) -> None:
        self.id, self.woken = "a session of this test", 0
        self._browser_queue = ForwardMsgQueue()
        self._browser_queue.enqueue(ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY))
        self._message_enqueued_callback = self._wake

    def _wake(self) -> None:
        self.woken += 1

    def _call_soon_on_event_loop(self, act: Any) -> None:
        act()

    def sent(self) -> int:
        flush: Any = AppSession.flush_browser_queue
        return len(flush(self))


@pytest.fixture
def holds(monkeypatch: pytest.MonkeyPatch) -> holding.Holds:
    deliveries.mend()
    own = holding.Holds()
    monkeypatch.setattr(deliveries, "HOLDS", own)
    return own


def test_what_is_held_is_sent_when_it_is_let_go(holds: holding.Holds) -> None:
    session = Session()
    holds.expect(session.id)
    holds.begin(session.id, same_page=True)
    assert session.sent() == 0
    holds.let_go(session.id)
    assert session.woken == 1
    assert session.sent() == 1


def test_who_expects_nothing_is_not_held(holds: holding.Holds) -> None:
    session = Session()
    holds.begin(session.id, same_page=True)
    assert session.sent() == 1
    holds.let_go(session.id)
    assert session.woken == 0


def test_it_is_expected_once_and_not_on_another_page(holds: holding.Holds) -> None:
    session = Session()
    holds.expect(session.id)
    holds.begin(session.id, same_page=False)
    assert session.sent() == 1
    holds.begin(session.id, same_page=True)
    assert not holds.keeps(session.id, session._wake)


def test_nobody_is_held_for_long(holds: holding.Holds, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session()
    monkeypatch.setattr(holding, "MOST", -1.0)
    holds.expect(session.id)
    holds.begin(session.id, same_page=True)
    assert session.sent() == 1


def test_who_came_first_is_forgotten_first(holds: holding.Holds) -> None:
    for k in range(holding._KEPT + 1):
        holds.expect(str(k))
    for name, held in (("0", False), ("1", True)):
        holds.begin(name, same_page=True)
        assert holds.keeps(name, lambda: None) is held


def test_a_script_that_ends_is_let_go(holds: holding.Holds, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[bool] = []

    def script(runner: Any, request: RerunData) -> None:
        held.append(holds.keeps(runner._session_id, lambda: None))
        if not request.fragment_id_queue:
            raise RuntimeError("of this test")

    monkeypatch.setattr(deliveries, "_run_script", script)
    pages = SimpleNamespace(current_page_script_hash="train", main_script_hash="main")
    runner = SimpleNamespace(_session_id="one", _pages_manager=pages)
    run: Any = ScriptRunner._run_script
    holds.expect("one")
    run(runner, RerunData(page_script_hash="train", fragment_id_queue=["line"]))
    with pytest.raises(RuntimeError):
        run(runner, RerunData(page_script_hash="train"))
    assert held == [False, True], "a part that is drawn is not held, the whole page is"
    assert not holds.keeps("one", lambda: None)


def test_train_expects_it_while_instant_is_on(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(holding, "expects", lambda: asked.append("expects"))
    monkeypatch.setattr(holding, "let_go", lambda: asked.append("let go"))
    page = opened(config=RunConfig.parse(SMALL).to_url())
    assert asked == ["let go"] * len(asked)
    asked.clear()
    page.toggle(key="train.instant").set_value(True).run()
    until(page, lambda: "loss" in curves(page, "loss") and curves(page, "loss")["loss"]["x"][-1] == 60)
    assert asked[-2:] == ["let go", "expects"]
