"""What a page says waits while charts go ahead of it (app/post.py).

When a script starts, Streamlit tells the browser so, and the browser goes through all elements of the page, some fifty
milliseconds long: on two cores that is taken from what trains a small circuit in a hundred. So a page that will have
charts go ahead says that it :func:`expects` so: when it is started again, all that it says is held until it
:func:`let_go`. It is let go at its end at the latest, and none is held for more than a moment.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from streamlit.runtime.scriptrunner import get_script_run_ctx

#: Most seconds that a page is held.
MOST = 1.5
#: Sessions of which it is known that they expect to be held; those who came first are forgotten first.
_KEPT = 512


@dataclass
class _Hold:
    until: float
    wake: Callable[[], None] | None = None


class Holds:
    """Sessions that are held, by their ids; safe for threads."""

    def __init__(self) -> None:
        self._expected: OrderedDict[str, None] = OrderedDict()
        self._held: dict[str, _Hold] = {}
        self._guard = threading.Lock()

    def expect(self, session: str) -> None:
        """Hold this session when its page is started again."""
        with self._guard:
            self._expected[session] = None
            while len(self._expected) > _KEPT:
                self._expected.popitem(last=False)

    def begin(self, session: str, *, same_page: bool) -> None:
        """The session's script starts: it is held if that was expected, and if it is still on the page that did."""
        with self._guard:
            if session in self._expected:
                del self._expected[session]
                if same_page:
                    self._held[session] = _Hold(time.monotonic() + MOST)

    def keeps(self, session: str, wake: Callable[[], None]) -> bool:
        """Whether the session says nothing now; ``wake`` is called when it is let go."""
        with self._guard:
            hold = self._held.get(session)
            if hold is None or time.monotonic() > hold.until:
                return False
            hold.wake = wake
            return True

    def let_go(self, session: str) -> None:
        """The session says what it has to say."""
        with self._guard:
            hold = self._held.pop(session, None)
        if hold is not None and hold.wake is not None:
            hold.wake()


HOLDS = Holds()


def _session() -> str:
    context = get_script_run_ctx(suppress_warning=True)
    return "" if context is None else context.session_id


def expects() -> None:
    """This page will have charts go ahead of it when it is started again."""
    HOLDS.expect(_session())


def let_go() -> None:
    """What went ahead is there, or nothing does: this page says what it has to say."""
    HOLDS.let_go(_session())
