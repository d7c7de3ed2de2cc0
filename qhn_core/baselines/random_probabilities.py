"""Fixed random probabilities: the circuit taken away, and a vector that nobody trained in its place.

Probabilities of a random deep circuit follow the Porter–Thomas law, which is a flat Dirichlet distribution; a smaller
concentration puts the mass on fewer strings. As many vectors are drawn as the budget allows, once and for all data,
and for each replica the one with the lowest expected loss on its training examples is kept.
Source: Boixo et al., Characterizing quantum supremacy in near-term devices, arXiv:1608.00263 (2016), for the law.
"""

from __future__ import annotations

import time
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qhn_core.baselines.base import BASELINES, BaselineConfig, Rival
from qhn_core.problems.problem import Problem
from qhn_core.problems.stack import ProblemStack

Array = NDArray[np.float64]


@BASELINES.register
class RandomProbabilities(BaselineConfig):
    """The best of ``draws`` random distributions q ~ Dirichlet(a, …, a) over all strings, by Σ_w q(w) ℓ(w)."""

    label: ClassVar[str] = "Fixed random probabilities"
    name: Literal["random_probabilities"] = "random_probabilities"
    takes_stack: ClassVar[bool] = True
    trailless: ClassVar[str] = "chooses among vectors that were drawn beforehand"
    draws: int = Field(250, ge=1, le=100_000, description="Random vectors to choose from")
    concentration: float = Field(
        1.0, ge=1e-4, le=100.0, description="Concentration a of the Dirichlet distribution; small: few strings"
    )

    def fit(self, problem: Problem | ProblemStack, *, replicas: int = 1, seed: int = 0) -> Rival:
        """The vectors depend on the seed alone; replicas differ in what they choose."""
        start = time.perf_counter()
        rng = np.random.Generator(np.random.Philox(key=[seed, 0]))
        nll = np.broadcast_to(problem.nll, (replicas, 2**problem.n_bits))
        best, kept = np.full(replicas, np.inf), np.zeros(nll.shape)
        for _ in range(self.draws):
            q = dirichlet(self.concentration, nll.shape[1], rng)
            loss = nll @ q
            better = loss < best
            best[better], kept[better] = loss[better], q
        return Rival(
            self.name,
            kept,
            self.draws * 2**problem.n_bits,
            time.perf_counter() - start,
            notes=f"The best of {self.draws} vectors that nothing trained.",
        )


def dirichlet(concentration: float, size: int, rng: np.random.Generator) -> Array:
    """One draw of the symmetric Dirichlet distribution, (size,); right where the concentration is tiny, too.

    A gamma variate of shape a is one of shape a + 1 times u^{1/a}; logarithms keep it from underflowing.
    """
    log_gamma = np.log(rng.standard_gamma(concentration + 1.0, size)) + np.log(rng.random(size)) / concentration
    weights = np.exp(log_gamma - log_gamma.max())
    return weights / weights.sum()
