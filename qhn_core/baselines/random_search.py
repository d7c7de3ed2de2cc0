"""Random search: the best of uniformly drawn strings, which is what any search has to beat at the same budget."""

from __future__ import annotations

import time
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from qhn_core.baselines.base import BASELINES, BaselineConfig, Rival, point_masses, replica_rng
from qhn_core.baselines.trail import Trail, checkpoints
from qhn_core.bitstrings import from_index
from qhn_core.problems.problem import Problem


@BASELINES.register
class RandomSearch(BaselineConfig):
    """argmin ℓ over strings drawn uniformly, with replacement."""

    label: ClassVar[str] = "Random search"
    name: Literal["random_search"] = "random_search"
    evaluations: int = Field(1000, ge=1, le=1_000_000, description="Strings that a start may draw")

    def fit(self, problem: Problem, *, replicas: int = 1, seed: int = 0) -> Rival:
        """Every string costs one likelihood evaluation, read off the table."""
        start = time.perf_counter()
        generators = [replica_rng(seed, r) for r in range(replicas)]
        drawn = np.stack([g.integers(2**problem.n_bits, size=self.evaluations) for g in generators])
        counts = np.array(checkpoints(self.evaluations))
        best = np.stack([_best_so_far(problem.nll[row])[counts - 1] for row in drawn])
        held = np.take_along_axis(drawn, best, axis=1)
        return Rival(
            self.name,
            point_masses(held[:, -1], problem.n_bits),
            self.evaluations,
            time.perf_counter() - start,
            notes="The best string drawn is kept.",
            trail=Trail(counts, "evaluations", from_index(held.T, problem.n_bits).astype(np.float64)),
        )


def _best_so_far(values: np.ndarray) -> np.ndarray:
    """Index of the smallest of the first k + 1 values, the first of equals, for each k."""
    lowest = np.minimum.accumulate(values)
    fresh = np.concatenate([[True], lowest[1:] < lowest[:-1]])
    return np.maximum.accumulate(np.where(fresh, np.arange(len(values)), 0))
