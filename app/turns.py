"""Whole pages are drawn a few at a time, first come first served.

Threads that share one interpreter keep each other waiting at every message that one of them hands over. Where thirty
people open a page at once, each would be there only when all are; in turn the first is there at once, and the last no
later.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: Pages drawn at once, and seconds after which one is drawn all the same: another may wait for a calculation. Measured
#: with thirty simulated students on two cores: with one place, or two to four seconds, pages come up later.
AT_ONCE, PATIENCE = 3, 8.0
_PLACES = threading.Semaphore(AT_ONCE)


@contextmanager
def turn() -> Iterator[None]:
    """Wait for a place, keep it meanwhile, and give it back however the page ends."""
    taken = _PLACES.acquire(timeout=PATIENCE)
    try:
        yield
    finally:
        if taken:
            _PLACES.release()
