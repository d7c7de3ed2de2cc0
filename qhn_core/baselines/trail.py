"""How a rival got where it ended: what it would have ended with after fewer steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trail:
    """The product distributions that a rival would have ended with, had it been stopped earlier.

    Args:
        counts: what each replica had spent by then, rising, (T,).
        unit: what ``counts`` counts: ``evaluations`` (of the likelihood, or of its gradient) or ``sweeps``.
        rates: P(bit_i = 1) at each count, (T, B, N); zeros and ones for a single string.
    """

    counts: NDArray[np.int64]
    unit: str
    rates: Array

    def thinned(self, most: int) -> Trail:
        """At most ``most`` of its points, about evenly spaced on a logarithmic axis, first and last among them."""
        keep = [k - 1 for k in checkpoints(len(self.counts), most)]
        return Trail(self.counts[keep], self.unit, self.rates[keep])


def checkpoints(last: int, most: int = 64) -> list[int]:
    """At most ``most`` whole numbers from 1 to ``last``, about evenly spaced on a logarithmic axis."""
    if last <= most:
        return list(range(1, last + 1))
    return np.unique(np.geomspace(1, last, most).round().astype(int)).tolist()


def beside(trails: Sequence[Trail | None]) -> Trail | None:
    """Trails of one replica each as one; a replica that was done earlier stays where it ended. None if any is missing.

    Args:
        trails: of the same rival and settings, so that the longest one's counts begin with those of the others.
    """
    known = [trail for trail in trails if trail is not None]
    if not known or len(known) < len(trails):
        return None
    longest = max(known, key=lambda trail: len(trail.counts))
    total = len(longest.counts)
    rates = [np.concatenate([t.rates, np.repeat(t.rates[-1:], total - len(t.rates), axis=0)]) for t in known]
    return Trail(longest.counts, longest.unit, np.concatenate(rates, axis=1))
