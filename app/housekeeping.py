"""After a class: what pages and figures took is given back to the system once the server has had nothing to do.

Caches are bounded, but kept for whoever comes next; and what Python and the C library have let go stays with the
process until they are told otherwise. Both are done when nobody is there to wait for it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import threading
import time
from collections.abc import Callable

#: Seconds between two looks, and those of rest after which the server tidies up.
LOOK, REST = 30.0, 120.0
#: Share of a core below which a server rests.
_IDLE = 0.05
#: Seconds of computing since the last time from which on it is worth it.
_WORTH = 5.0


class Housekeeping:
    """Calls ``tidy`` once in each rest that follows work.

    Args:
        tidy: what is done.
        rest: seconds without work before it.
    """

    def __init__(self, tidy: Callable[[], None], *, rest: float = REST) -> None:
        self._tidy, self._rest = tidy, rest
        self._tidied = self._used = 0.0
        self._seen = self._worked = 0.0

    def look(self, now: float, used: float) -> bool:
        """Tidy up if it is time; returns whether that was done.

        Args:
            now: seconds of a clock.
            used: processor seconds of this process so far.
        """
        if used - self._used > _IDLE * (now - self._seen):
            self._worked = now
        self._seen, self._used = now, used
        if now - self._worked < self._rest or used - self._tidied < _WORTH:
            return False
        self._tidy()
        self._tidied = used
        return True


def start(*lets_go: Callable[[], None]) -> None:
    """Look after the memory of this process in the background.

    Args:
        lets_go: what empties caches.
    """
    housekeeping = Housekeeping(lambda: tidy(*lets_go))

    def run() -> None:
        while True:
            time.sleep(LOOK)
            housekeeping.look(time.monotonic(), time.process_time())

    threading.Thread(target=run, name="qhn-housekeeping", daemon=True).start()


def tidy(*lets_go: Callable[[], None]) -> None:
    """Empty caches, and give free memory back."""
    for let_go in lets_go:
        let_go()
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
