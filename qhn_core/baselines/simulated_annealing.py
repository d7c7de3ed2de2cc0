"""Simulated annealing over bitstrings: single flips, Metropolis, geometric cooling.

A flip w → w' is taken with probability min(1, exp(−(ℓ(w') − ℓ(w)) / T)), T falling from ``hot`` to ``cold`` (nats).
Source: Kirkpatrick, Gelatt, Vecchi, Science 220, 671 (1983).
"""

from __future__ import annotations

import time
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qhn_core.baselines.base import BASELINES, BaselineConfig, Rival, of_products, random_strings, replica_rng
from qhn_core.baselines.trail import Trail, checkpoints
from qhn_core.bitstrings import Bits, from_index
from qhn_core.problems.problem import Problem

#: Each string that was the best so far: evaluations spent when it was found (K,), the strings (K, N).
Walk = tuple[NDArray[np.int64], Bits]


@BASELINES.register
class SimulatedAnnealing(BaselineConfig):
    """Keeps the best string it saw."""

    label: ClassVar[str] = "Simulated annealing"
    name: Literal["simulated_annealing"] = "simulated_annealing"
    evaluations: int = Field(1000, ge=1, le=1_000_000, description="Likelihood evaluations a start may spend")
    hot: float = Field(5.0, gt=0.0, le=1e6, description="First temperature, nats")
    cold: float = Field(0.05, gt=0.0, le=1e6, description="Last temperature, nats")

    def fit(self, problem: Problem, *, replicas: int = 1, seed: int = 0) -> Rival:
        """Every proposal costs one likelihood evaluation, read off the table where there is one."""
        start = time.perf_counter()
        walk = self._walk_strings if problem.table is None else self._walk
        walks = [walk(problem, replica_rng(seed, r)) for r in range(replicas)]
        trail = _trail(walks, self.evaluations)
        return of_products(
            self.name,
            trail.rates[-1],
            self.evaluations,
            time.perf_counter() - start,
            notes="The best string seen is kept.",
            trail=trail,
        )

    def within(self, evaluations: int, *, n_train: int, batch: int | None = None) -> Self:
        """As many proposals, each judged on all examples."""
        return self.model_copy(update={"evaluations": max(1, evaluations)})

    def _walk(self, problem: Problem, rng: np.random.Generator) -> Walk:
        nll = problem.nll
        w = best = int(rng.integers(nll.size))
        found = [(1, best)]
        places, allowed = self._proposals(problem.n_bits, rng)
        flips = (1 << places).tolist()
        for spent, (flip, rise) in enumerate(zip(flips, allowed.tolist(), strict=True), start=2):
            proposal = w ^ flip
            if nll[proposal] - nll[w] <= rise:
                w = proposal
                if nll[w] < nll[best]:
                    best = w
                    found.append((spent, best))
        spent_at, index = np.array(found).T
        return spent_at, from_index(index, problem.n_bits)

    def _walk_strings(self, problem: Problem, rng: np.random.Generator) -> Walk:
        """As :meth:`_walk`, from the same random numbers, where strings have no table."""
        w = random_strings(rng, 1, problem.n_bits)
        value = lowest = float(problem.nll_at(w)[0])
        spent_at, found = [1], [w[0].copy()]
        places, allowed = self._proposals(problem.n_bits, rng)
        for spent, (place, rise) in enumerate(zip(places.tolist(), allowed.tolist(), strict=True), start=2):
            w[0, -1 - place] ^= 1
            new = float(problem.nll_at(w)[0])
            if new - value > rise:
                w[0, -1 - place] ^= 1
                continue
            value = new
            if value < lowest:
                lowest = value
                spent_at.append(spent)
                found.append(w[0].copy())
        return np.array(spent_at), np.stack(found)

    def _proposals(self, n_bits: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Of each proposal the bit that it flips, counted from the last one, and the largest rise that is taken."""
        count = self.evaluations - 1
        places = rng.integers(n_bits, size=count)
        thresholds = np.log(rng.random(count))
        temperature = np.geomspace(self.hot, self.cold, count) if count else np.empty(0)
        return places, -thresholds * temperature


def _trail(walks: list[Walk], evaluations: int) -> Trail:
    counts = np.array(checkpoints(evaluations))
    held = [strings[np.searchsorted(spent, counts, side="right") - 1] for spent, strings in walks]
    return Trail(counts, "evaluations", np.stack(held, axis=1).astype(np.float64))
