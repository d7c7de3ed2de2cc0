"""How many processor cores one piece of work may use: all there are, divided among what computes at this moment.

What is computed does not depend on it: pieces of a sweep are fixed, and each is done by whichever thread claims it.
"""

from __future__ import annotations

import os

#: Runs and races that compute at this moment.
_busy = 1


def usable() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def divide(busy: int) -> None:
    """Say how many runs and races compute now: each gets an equal part, at least one core."""
    global _busy
    _busy = max(1, busy)


def shared(threads: int) -> int:
    """How many of ``threads`` one of them may use."""
    if _busy == 1:  # asked at every step: no system call where nothing is divided
        return threads
    return max(1, min(threads, usable() // _busy))
