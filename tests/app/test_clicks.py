"""A click counts once: no refresh carries it a second time, and nothing that starts the page anew loses it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from streamlit.proto.BackMsg_pb2 import BackMsg

from app.clicks import ClicksOnce, without_clicks
from qhn_core.store import RunStore
from tests.load.browser_tab import Tab
from tests.load.serving import serving

CLICKS: dict[str, Any] = {
    "trigger_value": True,
    "string_trigger_value": "asked",
    "chat_input_value": "said",
    "json_trigger_value": "[1]",
}
LASTING: dict[str, Any] = {"bool_value": True, "double_value": 0.5, "string_value": "elbo", "json_value": "{}"}


def message(values: list[str], *, refresh: bool) -> BackMsg:
    """What a browser sends: widgets with a value of each kind."""
    sent = BackMsg()
    rerun = sent.rerun_script
    rerun.is_auto_rerun, rerun.fragment_id, rerun.query_string = refresh, "part", "race=1"
    for i, kind in enumerate(values):
        widget = rerun.widget_states.widgets.add(id=f"{kind}.{i}")
        value = (CLICKS | LASTING)[kind]
        if kind in ("string_trigger_value", "chat_input_value"):
            getattr(widget, kind).data = value
        else:
            setattr(widget, kind, value)
    return sent


def kinds(data: bytes) -> list[str]:
    """The kinds of values that a message carries."""
    read = BackMsg()
    read.ParseFromString(data)
    return [str(widget.WhichOneof("value")) for widget in read.rerun_script.widget_states.widgets]


@given(some.lists(some.sampled_from(sorted(CLICKS | LASTING)), max_size=12), some.booleans())
def test_a_refresh_keeps_all_but_clicks_and_anything_else_stays_as_it_is(values: list[str], refresh: bool) -> None:
    sent = message(values, refresh=refresh)
    got = without_clicks(sent.SerializeToString())
    if not refresh:
        assert got == sent.SerializeToString()
        return
    assert kinds(got) == [kind for kind in values if kind in LASTING]
    read = BackMsg()
    read.ParseFromString(got)
    del read.rerun_script.widget_states.widgets[:], sent.rerun_script.widget_states.widgets[:]
    assert read == sent


@pytest.mark.parametrize("data", [b"", b"\xff\xff\xff", b"no message"])
def test_what_is_no_message_is_left_to_streamlit(data: bytes) -> None:
    assert without_clicks(data) == data


def heard(kind: str, received: dict[str, Any]) -> Any:
    """What an application behind the middleware receives."""
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        got.append(await receive())

    async def receive() -> Any:
        return received

    asyncio.run(ClicksOnce(app)({"type": kind, "path": "/"}, receive, receive))  # type: ignore[arg-type]
    return got[0]


def test_the_server_hears_refreshes_without_clicks_and_all_else_as_it_came() -> None:
    refresh = message(["trigger_value", "bool_value"], refresh=True).SerializeToString()
    received = {"type": "websocket.receive", "bytes": refresh}
    assert kinds(heard("websocket", received)["bytes"]) == ["bool_value"]
    for other in ({"type": "websocket.receive", "text": "hello"}, {"type": "websocket.disconnect", "code": 1000}):
        assert heard("websocket", other) is other
    assert heard("http", received) is received


async def clicked_in_between(port: int) -> None:
    """Train is clicked while the page is drawn, which something then starts anew before the click's turn came."""
    tab = Tab(port)
    await tab.open()
    await tab.ask()
    await tab.click("Train")
    await tab.ask()
    for _ in range(600):
        await asyncio.sleep(0.1)
        if "Stop" in tab.buttons:
            break
    await tab.close()


def test_a_click_that_waits_for_the_page_is_not_lost_when_the_page_starts_anew(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        asyncio.run(clicked_in_between(server.port))
    assert len(RunStore(tmp_path).list()) == 1
