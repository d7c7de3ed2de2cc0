"""The exact engine: state vectors on this machine's cores."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from qhn_core.circuits.circuit import Circuit, Gate
from qhn_core.engines.base import ENGINES, EngineConfig

if TYPE_CHECKING:
    from qhn_core.engines.statevector.engine import StatevectorEngine


@ENGINES.register
class StatevectorConfig(EngineConfig):
    """Exact simulation on this machine's cores."""

    label: ClassVar[str] = "Exact state vector"
    name: Literal["statevector"] = "statevector"
    dtype: Literal["float64", "float32"] = Field(
        "float64", description="Precision of the amplitudes; float32 is faster, with errors of about 1e-5"
    )

    threads: int | None = Field(None, ge=1, le=256, description="Processor cores to use; all of them if not set")

    def build(self) -> StatevectorEngine:
        """The engine."""
        from qhn_core.engines.statevector.engine import StatevectorEngine

        return StatevectorEngine(dtype=self.dtype, threads=self.threads)

    def memory_bytes(self, n_qubits: int, replicas: int) -> int:
        """Peak memory of one exact gradient step: 8 state vectors a replica at most."""
        return 8 * replicas * 2**n_qubits * 2 * np.dtype(self.dtype).itemsize

    @property
    def max_qubits(self) -> int:
        """Largest number of qubits it takes."""
        return 24


def warm_up(dtypes: tuple[str, ...] = ("float64",)) -> float:
    """Compile every kernel, or load it from the cache; returns the seconds it took.

    Compiling takes about half a minute for each dtype, once on a machine; from the cache it is a fraction of a second.
    """
    from qhn_core.engines.statevector.engine import StatevectorEngine

    start = perf_counter()
    gates = (Gate("RY", (0,), 0), Gate("RZ", (1,), 1), Gate("CNOT", (0, 1)), Gate("RY", (1,), 2))
    circuit = Circuit(2, gates)
    for dtype in dtypes:
        engine = StatevectorEngine(dtype=dtype, threads=1)
        engine.evaluate(circuit, np.zeros((1, 3)), lambda q: (q, None))
    StatevectorEngine(threads=1).sample(circuit, np.zeros(3), 1, np.random.default_rng(0))
    return perf_counter() - start
