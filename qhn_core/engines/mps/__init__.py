"""Shallow circuits at any width, exactly: a chain of matrices whose bonds are the circuit's own crossings."""

from __future__ import annotations

from time import perf_counter
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from qhn_core.circuits.circuit import Circuit, Gate
from qhn_core.engines.base import ENGINES, EngineConfig
from qhn_core.engines.mps.engine import MPSEngine
from qhn_core.engines.mps.limits import check_bonds
from qhn_core.errors import TooLarge

#: Most binary weights, and most angles, of a run.
MAX_QUBITS, MAX_ANGLES = 2000, 12_000


@ENGINES.register
class MPSConfig(EngineConfig):
    """Exact simulation of shallow circuits by their bonds: thousands of wires, nothing truncated."""

    label: ClassVar[str] = "Exact matrix product state"
    name: Literal["mps"] = "mps"

    threads: int | None = Field(None, ge=1, le=256, description="Processor cores to use; all of them if not set")

    @property
    def implementation(self) -> type[MPSEngine]:
        """The engine's class."""
        return MPSEngine

    def build(self) -> MPSEngine:
        """The engine."""
        return MPSEngine(threads=self.threads)

    def check(self, circuit: Circuit, *, replicas: int = 1, shots: int = 0) -> int:
        """Memory of one step, bytes; refused beyond 2000 qubits, 12,000 angles, or the limits on bonds."""
        for count, limit, what in ((circuit.n_qubits, MAX_QUBITS, "qubits"), (circuit.n_params, MAX_ANGLES, "angles")):
            if count > limit:
                raise TooLarge(
                    f"{count} {what}: simulation by bonds (engine mps, or auto) takes at most {limit} in a run. "
                    "Use a smaller network, or fewer layers of the circuit."
                )
        return check_bonds(circuit, replicas=replicas, shots=shots)


def warm_up() -> float:
    """Compile every kernel of this engine, or load it from the cache; returns the seconds it took."""
    start = perf_counter()
    circuit = Circuit(2, (Gate("RY", (0,), 0), Gate("RY", (1,), 1), Gate("CZ", (0, 1)), Gate("RY", (0,), 2)))
    engine, theta = MPSEngine(threads=1), np.full(3, 0.5)
    bits, _ = engine.draw(circuit, theta, 2, np.random.default_rng(0))
    engine.log_prob(circuit, theta, bits)
    engine.score(circuit, theta, bits, np.ones(2))
    return perf_counter() - start
