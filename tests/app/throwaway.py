"""A loss, a circuit, an engine and an optimiser, each as somebody would add it: all that pages say of them is here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from qhn_core.ansatze.base import AnsatzConfig
from qhn_core.bitstrings import Bits, every_string
from qhn_core.circuits.circuit import Circuit, Gate
from qhn_core.engines import ENGINES, Engine, EngineConfig, engine
from qhn_core.objectives.base import Array, Exact, ObjectiveConfig, Sampled
from qhn_core.objectives.tables import probability_rows, table_of
from qhn_core.optimisers.base import Closure, OptimiserConfig, OptimiserState
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


class Star(AnsatzConfig):
    """RY on every wire, then CNOTs from wire 0 to all others."""

    label: ClassVar[str] = "Star"
    name: Literal["star"] = "star"

    def gates(self, n_qubits: int, slot: Iterator[int]) -> Iterator[Gate]:
        for _ in range(self.layers):
            for wire in range(n_qubits):
                yield Gate("RY", (wire,), next(slot))
            for wire in range(1, n_qubits):
                yield Gate("CNOT", (0, wire))


class Forgetful(Engine):
    """Draws from the state vector, and reads each bit wrongly with probability ``flip``: samples are all it gives."""

    def __init__(self, flip: float) -> None:
        self.flip, self.exact = flip, engine("statevector")

    def sample(self, circuit: Circuit, theta: ArrayLike, shots: int, rng: np.random.Generator) -> Bits:
        bits = self.exact.sample(circuit, theta, shots, rng)
        return bits ^ (rng.random(bits.shape) < self.flip)


class ForgetfulConfig(EngineConfig):
    """Shots of a state vector whose bits are read wrongly now and then."""

    label: ClassVar[str] = "Forgetful reader"
    name: Literal["forgetful"] = "forgetful"
    flip: float = Field(0.02, ge=0.0, le=0.5, title="Flips", description="Probability that a bit is read wrongly")

    @property
    def implementation(self) -> type[Forgetful]:
        return Forgetful

    def build(self) -> Forgetful:
        return Forgetful(self.flip)

    def check(self, circuit: Circuit, *, replicas: int = 1, shots: int = 0) -> int:
        return ENGINES["statevector"]().check(circuit, replicas=replicas, shots=shots)


class SignDescent(OptimiserConfig):
    """θ ← θ − η sign(g)."""

    label: ClassVar[str] = "Sign descent"
    name: Literal["sign"] = "sign"

    def init(self, theta: Array) -> OptimiserState:
        return {}

    def step(
        self,
        theta: Array,
        gradient: Array,
        state: OptimiserState,
        *,
        step: int,
        closure: Closure,
        value: Array | None = None,
    ) -> tuple[Array, OptimiserState]:
        return theta - value_at(self.lr, step) * np.sign(gradient), state
