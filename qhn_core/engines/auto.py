"""The exact engine that a circuit calls for: state vectors where tables fit, bonds beyond."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from qhn_core.bitstrings import MAX_TABULATED
from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.base import ENGINES, Array, Bits, Descent, DescentTask, Engine, EngineConfig, Evaluation, takes
from qhn_core.engines.mps import MPSConfig
from qhn_core.engines.statevector import StatevectorConfig

#: Names of the engines that simulate exactly, on this machine, with this program's own kernels: they agree.
OWN = frozenset({"auto", "statevector", "mps"})


class AutoEngine(Engine):
    """Hands each circuit to ``statevector`` (N ≤ 20, or bonds too many) or to ``mps``, whose results agree."""

    title = "The exact engine"

    def __init__(self, *, threads: int | None = None) -> None:
        self._threads = threads
        self._built: dict[str, Any] = {}
        # The circuit asked of last with its engine, for draws and for what needs all strings: a run asks of the same
        # one at every step, and a small step takes less time than the choice.
        self._drawing: tuple[Circuit | None, Any] = (None, None)
        self._tabulating: tuple[Circuit | None, Any] = (None, None)

    def probs(self, circuit: Circuit, theta: ArrayLike) -> Array:
        """q(w) of all strings: theta (P,) or (B, P) -> (2**N,) or (B, 2**N)."""
        return self._whole(circuit).probs(circuit, theta)

    def gradient(self, circuit: Circuit, theta: ArrayLike, diagonal: ArrayLike) -> Array:
        """∂_θ Σ_w q(w) g(w) for a frozen diagonal g: shape of theta."""
        return self._whole(circuit).gradient(circuit, theta, diagonal)

    def evaluate(self, circuit: Circuit, theta: Array, diagonal: Callable[[Array], tuple[Array, Any]]) -> Evaluation:
        """Probabilities, then ``diagonal(q) -> (g, aux)``, then the gradient; theta (B, P)."""
        return self._whole(circuit).evaluate(circuit, theta, diagonal)

    def descend(self, circuit: Circuit, theta: Array, task: DescentTask) -> Descent | None:
        """All steps at once, where the circuit is simulated by an engine that makes them."""
        found: Descent | None = self._whole(circuit).descend(circuit, theta, task)
        return found

    def sample(self, circuit: Circuit, theta: ArrayLike, shots: int, rng: np.random.Generator) -> Bits:
        """Bitstrings: (shots, N) or (B, shots, N)."""
        return self._for(circuit).sample(circuit, theta, shots, rng)

    def draw(self, circuit: Circuit, theta: ArrayLike, shots: int, rng: np.random.Generator) -> tuple[Bits, Array]:
        """Bitstrings and log q of each, nats."""
        return self._for(circuit).draw(circuit, theta, shots, rng)

    def log_prob(self, circuit: Circuit, theta: ArrayLike, bits: ArrayLike) -> Array:
        """log q of given strings, nats."""
        return self._for(circuit).log_prob(circuit, theta, bits)

    def score(self, circuit: Circuit, theta: ArrayLike, bits: ArrayLike, weights: ArrayLike) -> Array:
        """Σ_s weights_s ∂_θ log q(bits_s): shape of theta."""
        return self._for(circuit).score(circuit, theta, bits, weights)

    def _for(self, circuit: Circuit) -> Any:
        last, engine = self._drawing
        if last is not circuit:
            engine = self._engine(chosen(circuit, threads=self._threads))
            self._drawing = (circuit, engine)
        return engine

    def _whole(self, circuit: Circuit) -> Any:
        """The engine for what all 2^N strings are asked of: state vectors hold more of them than tables do."""
        last, engine = self._tabulating
        if last is not circuit:
            vector = StatevectorConfig(threads=self._threads)
            engine = self._engine(vector) if takes(vector, circuit) else self._for(circuit)
            self._tabulating = (circuit, engine)
        return engine

    def _engine(self, config: StatevectorConfig | MPSConfig) -> Any:
        found = self._built.get(config.name)
        if found is None:
            found = self._built[config.name] = config.build()
        return found


def chosen(circuit: Circuit, *, threads: int | None = None) -> StatevectorConfig | MPSConfig:
    """``statevector`` up to N = 20, and up to 24 where bonds are too many; else ``mps``."""
    bonds, vector = MPSConfig(threads=threads), StatevectorConfig(threads=threads)
    if circuit.n_qubits <= MAX_TABULATED or (not takes(bonds, circuit) and takes(vector, circuit)):
        return vector
    return bonds


@ENGINES.register
class AutoConfig(EngineConfig):
    """State vectors up to 20 qubits, bonds beyond: the exact engine that the circuit calls for."""

    label: ClassVar[str] = "Exact, chosen by size"
    name: Literal["auto"] = "auto"

    threads: int | None = Field(None, ge=1, le=256, description="Processor cores to use; all of them if not set")

    @property
    def implementation(self) -> type[AutoEngine]:
        """The engine's class."""
        return AutoEngine

    def build(self) -> AutoEngine:
        """The engine."""
        return AutoEngine(threads=self.threads)

    def check(self, circuit: Circuit, *, replicas: int = 1, shots: int = 0) -> int:
        """Peak memory of one step on the chosen engine, bytes."""
        return chosen(circuit, threads=self.threads).check(circuit, replicas=replicas, shots=shots)
