"""Enumeration: the string with the largest likelihood of all 2**N, which is where MLE would end if it never failed."""

from __future__ import annotations

import time
from typing import ClassVar, Literal

import numpy as np

from qhn_core.baselines.base import BASELINES, BaselineConfig, Rival, of_products
from qhn_core.bitstrings import from_index
from qhn_core.problems.problem import Problem


@BASELINES.register
class BestString(BaselineConfig):
    """argmin_w ℓ(w) by enumeration; of equal strings the one with the lowest index."""

    label: ClassVar[str] = "Best string (enumerated)"
    name: Literal["best_string"] = "best_string"
    stochastic: ClassVar[bool] = False
    needs_table: ClassVar[bool] = True
    trailless: ClassVar[str] = "compares all strings at once"

    def fit(self, problem: Problem, *, replicas: int = 1, seed: int = 0) -> Rival:
        """All replicas end alike."""
        start = time.perf_counter()
        best = int(np.argmin(problem.nll))
        rates = from_index(np.full(replicas, best), problem.n_bits).astype(np.float64)
        ties = int((problem.nll <= problem.nll[best] + 1e-9).sum())
        return of_products(
            self.name,
            rates,
            2**problem.n_bits,
            time.perf_counter() - start,
            notes=f"{ties} strings share the lowest training loss; the first is taken." if ties > 1 else "",
        )
