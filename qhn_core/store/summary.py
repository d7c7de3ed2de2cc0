"""Final and best values of a run's metrics, kept beside the run so that a table of runs reads no history."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping

import numpy as np

from qhn_core.metrics import direction
from qhn_core.store.chunks import Block

Summary = dict[str, dict[str, float]]


def extend(summary: Mapping[str, Mapping[str, float]], block: Block) -> Summary:
    """``summary`` after the rows of ``block``, which follow those that it knows.

    Values are means over replicas, NaN left out; a metric without any finite value has no entry.
    """
    updated: Summary = {name: dict(entry) for name, entry in summary.items()}
    if not len(block.steps):
        return updated
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # mean of an all-NaN slice is NaN, as wanted
        means = np.nanmean(block.values, axis=2)  # (T, M)
    for i, name in enumerate(block.names):
        column = means[:, i]
        if not np.isfinite(column).any():
            updated.pop(name, None) if not np.isnan(column).all() else None
            continue
        entry = updated.setdefault(name, {})
        if math.isfinite(column[-1]):
            entry["final"] = float(column[-1])
        _improve(entry, column, block, direction(name))
    return updated


def _improve(entry: dict[str, float], column: np.ndarray, block: Block, sign: int) -> None:
    if sign == 0:
        return
    scores = np.where(np.isfinite(column), sign * column, -np.inf)
    at = int(np.argmax(scores))
    if "best" not in entry or scores[at] > sign * entry["best"]:
        entry["best"], entry["best_step"] = float(column[at]), int(block.steps[at])
