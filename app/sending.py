"""Give what a run of a page has drawn the time to be sent, before the next run begins.

Streamlit 1.67 sends drawing instructions in batches. Where another run already waits for its turn (a refresh, or a
control used in the meantime), it begins the moment this one ends, and Streamlit drops what was not sent yet, since it
will be drawn again. The browser, told that this run ended without those charts, takes them away until then: a blink.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.classroom import ClassEnded

#: Seconds after which the next run begins all the same: a browser that takes nothing more must not hold up its page.
PATIENCE = 2.0
_LOOK = 0.005
_P = ParamSpec("_P")


def sent(draw: Callable[_P, None]) -> Callable[_P, None]:
    """``draw``, which then waits until all that it drew has left for the browser: for fragments that refresh."""

    @wraps(draw)
    def drawn(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            draw(*args, **kwargs)
        except ClassEnded as error:  # the class was closed while this page was open
            st.error(str(error), icon=":material/error:")
        let_it_be_sent()

    return drawn


def let_it_be_sent() -> None:
    """Wait, at the end of a run, until all that it drew has left for the browser."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None or not runtime.exists():
        return
    # Streamlit offers no way to ask; the version is pinned, and a test asks for what is used here.
    sessions = getattr(runtime.get_instance(), "_session_mgr", None)  # AppTest's stand-in for a runtime has none
    found = None if sessions is None else sessions.get_active_session_info(context.session_id)
    if found is None:
        return
    session, end = found.session, time.monotonic() + PATIENCE
    queued = threading.Event()
    session._event_loop.call_soon_threadsafe(queued.set)  # behind all that this run has handed over so far
    queued.wait(PATIENCE)
    while not session._browser_queue.is_empty() and time.monotonic() < end:
        time.sleep(_LOOK)
