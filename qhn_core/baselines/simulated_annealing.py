"""Simulated annealing over bitstrings: single flips, Metropolis, geometric cooling.

A flip w → w' is taken with probability min(1, exp(−(ℓ(w') − ℓ(w)) / T)), T falling from ``hot`` to ``cold`` (nats).
Source: Kirkpatrick, Gelatt, Vecchi, Science 220, 671 (1983).
"""

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
class SimulatedAnnealing(BaselineConfig):
    """Keeps the best string it saw."""

    label: ClassVar[str] = "Simulated annealing"
    name: Literal["simulated_annealing"] = "simulated_annealing"
    evaluations: int = Field(1000, ge=1, le=1_000_000, description="Likelihood evaluations a start may spend")
    hot: float = Field(5.0, gt=0.0, le=1e6, description="First temperature, nats")
    cold: float = Field(0.05, gt=0.0, le=1e6, description="Last temperature, nats")

    def fit(self, problem: Problem, *, replicas: int = 1, seed: int = 0) -> Rival:
        """Every proposal costs one likelihood evaluation, read off the table."""
        start = time.perf_counter()
        walks = [self._walk(problem, replica_rng(seed, r)) for r in range(replicas)]
        indices = np.array([walk[-1][1] for walk in walks])
        return Rival(
            self.name,
            point_masses(indices, problem.n_bits),
            self.evaluations,
            time.perf_counter() - start,
            notes="The best string seen is kept.",
            trail=_trail(walks, self.evaluations, problem.n_bits),
        )

    def _walk(self, problem: Problem, rng: np.random.Generator) -> list[tuple[int, int]]:
        """Each string that was the best so far: (evaluations spent when it was found, its index)."""
        proposals = self.evaluations - 1
        nll = problem.nll
        w = best = int(rng.integers(nll.size))
        found = [(1, best)]
        flips = (1 << rng.integers(problem.n_bits, size=proposals)).tolist()
        thresholds = np.log(rng.random(proposals))
        temperature = np.geomspace(self.hot, self.cold, proposals) if proposals else np.empty(0)
        allowed = (-thresholds * temperature).tolist()
        for spent, (flip, rise) in enumerate(zip(flips, allowed, strict=True), start=2):
            proposal = w ^ flip
            if nll[proposal] - nll[w] <= rise:
                w = proposal
                if nll[w] < nll[best]:
                    best = w
                    found.append((spent, best))
        return found


def _trail(walks: list[list[tuple[int, int]]], evaluations: int, n_bits: int) -> Trail:
    counts = np.array(checkpoints(evaluations))
    held = np.empty((len(counts), len(walks)), dtype=np.int64)
    for r, walk in enumerate(walks):
        spent, best = np.array(walk).T
        held[:, r] = best[np.searchsorted(spent, counts, side="right") - 1]
    return Trail(counts, "evaluations", from_index(held, n_bits).astype(np.float64))
