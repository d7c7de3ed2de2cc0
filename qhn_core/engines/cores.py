"""How many processor cores one piece of work may use: all there are, divided among what computes at this moment.

What is computed does not depend on it: pieces of a sweep are fixed, and each is done by whichever thread claims it.
"""

from __future__ import annotations

#: Runs and races that compute at this moment.
_busy = 1


def divide(busy: int) -> None:
    """Say how many runs and races compute now: each gets an equal part, at least one core."""
    global _busy
    _busy = max(1, busy)


def part() -> int:
    """Cores for one of them."""
    from qhn_core.engines.statevector.team import cores

    return max(1, cores() // _busy)
