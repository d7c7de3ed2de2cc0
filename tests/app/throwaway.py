"""A loss in one file, as somebody would add it: everything that pages say of it stands here."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qhn_core.bitstrings import every_string
from qhn_core.objectives.base import Array, Exact, ObjectiveConfig, Sampled
from qhn_core.objectives.tables import probability_rows, table_of
from qhn_core.problems.problem import Problem
from qhn_core.schedules import Scheduled, value_at


class Frugal(ObjectiveConfig):
    """Expected NLL plus τ for each weight that is plus: Σ q (ℓ + τ |w|)."""

    label: ClassVar[str] = "Frugal likelihood (FRU)"
    name: Literal["frugal"] = "frugal"
    short: ClassVar[str] = "FRU"
    colour: ClassVar[str] = "#AA3377"
    terms: ClassVar[dict[str, str]] = {"nll": "fit", "plus": "plus weights"}
    unit: ClassVar[str] = "frugals per example"
    weight: ClassVar[str] = "tau"
    polynomial: ClassVar[bool] = True

    tau: Scheduled = Field(0.5, title="τ", description="Price of a weight that is plus")

    def exact(self, q: Array, problem: Problem, step: int = 0) -> Exact:
        rows, nll = probability_rows(q, problem), table_of(problem).rows
        price = value_at(self.tau, step) * every_string(problem.n_bits).sum(axis=-1)
        fit, plus = (rows * nll).sum(axis=1), rows @ price.astype(np.float64)
        return Exact(fit + plus, {"nll": fit, "plus": plus}, np.broadcast_to(nll + price, rows.shape).copy())

    def of_counts(self, counts: Array, shots: int, problem: Problem, step: int, mmd2: Array) -> Array:
        return self.exact(counts / shots, problem, step).value

    def diagonal_at(
        self,
        bits: NDArray[np.uint8],
        problem: Problem,
        step: int = 0,
        *,
        inner: NDArray[np.uint8] | None = None,
        log_q: Array | None = None,
    ) -> Array:
        return problem.nll_at(bits) + value_at(self.tau, step) * bits.sum(axis=-1)

    def sampled(
        self, bits: NDArray[np.uint8], problem: Problem, step: int = 0, *, log_q: Array | None = None
    ) -> Sampled:
        fit, plus = problem.nll_at(bits).mean(axis=-1), value_at(self.tau, step) * bits.sum(axis=-1).mean(axis=-1)
        return Sampled(fit + plus, {"nll": fit, "plus": plus})
