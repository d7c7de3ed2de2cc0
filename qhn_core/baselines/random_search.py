"""Random search: the best of uniformly drawn strings, which is what any search has to beat at the same budget."""

from __future__ import annotations

import time
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qhn_core.baselines.base import BASELINES, BaselineConfig, Rival, of_products, random_strings, replica_rng
from qhn_core.baselines.trail import Trail, checkpoints
from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]
#: Strings judged at once.
_AT_ONCE = 4096


@BASELINES.register
class RandomSearch(BaselineConfig):
    """argmin ℓ over strings drawn uniformly, with replacement."""

    label: ClassVar[str] = "Random search"
    name: Literal["random_search"] = "random_search"
    evaluations: int = Field(1000, ge=1, le=1_000_000, description="Strings that a start may draw")

    def fit(self, problem: Problem, *, replicas: int = 1, seed: int = 0) -> Rival:
        """Every string costs one likelihood evaluation, read off the table where there is one."""
        start = time.perf_counter()
        counts = np.array(checkpoints(self.evaluations))
        visited = np.stack([self._search(problem, counts, replica_rng(seed, r)) for r in range(replicas)], axis=1)
        return of_products(
            self.name,
            visited[-1],
            self.evaluations,
            time.perf_counter() - start,
            notes="The best string drawn is kept.",
            trail=Trail(counts, "evaluations", visited),
        )

    def within(self, evaluations: int, *, n_train: int, batch: int | None = None) -> Self:
        """As many strings."""
        return self.model_copy(update={"evaluations": max(1, evaluations)})

    def _search(self, problem: Problem, counts: NDArray[np.int64], rng: np.random.Generator) -> Array:
        """The best of the first strings, at each count: (T, N)."""
        kept = np.empty((len(counts), problem.n_bits))
        best, held = np.inf, np.zeros(problem.n_bits, dtype=np.uint8)
        for first in range(0, self.evaluations, _AT_ONCE):
            drawn = random_strings(rng, min(_AT_ONCE, self.evaluations - first), problem.n_bits)
            values = np.concatenate([[best], problem.nll_at(drawn)])
            at = _best_so_far(values)[1:]
            here = np.flatnonzero((counts > first) & (counts <= first + len(drawn)))
            strings = np.concatenate([held[None], drawn])
            kept[here] = strings[at[counts[here] - first - 1]]
            best, held = float(values[at[-1]]), strings[at[-1]]
        return kept


def _best_so_far(values: Array) -> NDArray[np.intp]:
    """Index of the smallest of the first k + 1 values, the first of equals, for each k."""
    lowest = np.minimum.accumulate(values)
    fresh = np.concatenate([[True], lowest[1:] < lowest[:-1]])
    return np.maximum.accumulate(np.where(fresh, np.arange(len(values)), 0))
