"""Background work that lets the pages have their turn."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Longest rest, seconds.
_REST = 0.15


def gently(progress: Callable[[float], None]) -> Callable[[float], None]:
    """``progress``, and after each call a rest of half the time worked since the last, in the thread of the work.

    Aer holds Python's interpreter while it works, and all pages of the server wait as long.
    """
    last = time.monotonic()

    def told(fraction: float) -> None:
        nonlocal last
        progress(fraction)
        time.sleep(min(_REST, 0.5 * (time.monotonic() - last)))
        last = time.monotonic()

    return told
