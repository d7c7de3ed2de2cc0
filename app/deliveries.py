"""What the script draws reaches the browser, and stays there, however busy both are: three mends of Streamlit 1.67.

A part of a page that refreshes itself (a fragment) asks for that at any time, also while the whole page is drawn; it is
drawn next. Where this comes close on the whole page, Streamlit loses some of it:

- What the whole page drew of that part and was not sent yet is dropped, since it is drawn again. But the browser hears
  that the page is drawn to its end, removes the part's old container, which has not come again, and all after it moves
  up; the part then replaces what stands in its place. So what belongs to a whole page is sent, whatever follows it.
- A thread draws until nothing more is asked for; then the next request gets another thread, and what the event loop has
  not yet taken over from the thread before is ignored as from one abandoned. So what a thread says counts if it was the
  session's when it said so.
- A request names the page that its browser shows. One that was under way while the script went over to another page
  (``st.switch_page``) is run as of the page that was left: the browser takes that for a change of page, and removes all
  that the new one has drawn. What was asked for is gone, or was drawn with the new page; so the request is dropped.

The last two also end in containers that are missing, at which the browser gives up ("Bad delta path index").

And a page may wait with what it says (:mod:`app.holding`), which Streamlit does not offer.

Other versions are left as they are: what is mended here has no public name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.scriptrunner import RerunData, ScriptRunner, ScriptRunnerEvent

from app.holding import HOLDS

#: The version that is mended; a test asks for what is used of it.
VERSION = "1.67."
_clear: Any = getattr(ForwardMsgQueue, "clear", None)
_on_event: Any = getattr(AppSession, "_on_scriptrunner_event", None)
_flush: Any = getattr(AppSession, "flush_browser_queue", None)
_run_script: Any = getattr(ScriptRunner, "_run_script", None)


def mend() -> None:
    """Mend the Streamlit of this process; further calls change nothing."""
    if not streamlit.__version__.startswith(VERSION):
        return
    ForwardMsgQueue.clear = _clear_behind_whole_pages  # type: ignore[method-assign, assignment]
    AppSession._on_scriptrunner_event = _on_event_when_sent  # type: ignore[method-assign, assignment]
    AppSession.flush_browser_queue = _flush_unless_held  # type: ignore[method-assign, assignment]
    ScriptRunner._run_script = _run_unless_left  # type: ignore[method-assign, assignment]


def whole_pages(messages: Sequence[ForwardMsg]) -> int:
    """How many messages, from the first on, end with the last page that was drawn to its end; 0 for no such page."""
    ends = [
        i
        for i, message in enumerate(messages, 1)
        if message.WhichOneof("type") == "script_finished"
        and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
    ]
    return max(ends, default=0)


def _clear_behind_whole_pages(
    queue: ForwardMsgQueue, retain_lifecycle_msgs: bool = False, fragment_ids_this_run: list[str] | None = None
) -> None:
    count = 0 if fragment_ids_this_run is None else whole_pages(queue._queue)
    pages, queue._queue = queue._queue[:count], queue._queue[count:]
    _clear(queue, retain_lifecycle_msgs, fragment_ids_this_run)
    queue._queue[:0] = pages


def _on_event_when_sent(
    session: AppSession, sender: ScriptRunner | None, event: ScriptRunnerEvent, **said: Any
) -> None:
    if event is ScriptRunnerEvent.SHUTDOWN or sender is not session._scriptrunner:
        _on_event(session, sender, event, **said)
        return

    def take() -> None:
        session._handle_scriptrunner_event_on_event_loop(session._scriptrunner, event, **said)

    session._call_soon_on_event_loop(take)


def was_left(request: RerunData, current: str, main: str) -> bool:
    """Whether a request for fragments was sent from another page than the one that the session has drawn last.

    The main script is no page: who names it was not told of a page yet, and is where the session is.
    """
    return bool(request.fragment_id_queue) and request.page_script_hash not in ("", current, main)


def _run_unless_left(runner: ScriptRunner, request: RerunData) -> None:
    pages = runner._pages_manager
    current = pages.current_page_script_hash
    if was_left(request, current, pages.main_script_hash):
        return
    if not request.fragment_id_queue:
        HOLDS.begin(runner._session_id, same_page=request.page_script_hash == current)
    try:
        _run_script(runner, request)
    finally:
        HOLDS.let_go(runner._session_id)


def _flush_unless_held(session: AppSession) -> list[ForwardMsg]:
    def wake() -> None:
        session._call_soon_on_event_loop(session._message_enqueued_callback or (lambda: None))

    messages: list[ForwardMsg] = [] if HOLDS.keeps(session.id, wake) else _flush(session)
    return messages
