"""The exact engine: state vectors on this machine's cores."""

from __future__ import annotations

from time import perf_counter
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from qhn_core.checks import readable
from qhn_core.circuits.circuit import Circuit, Gate
from qhn_core.engines.base import ENGINES, EngineConfig
from qhn_core.engines.statevector.engine import MAX_QUBITS, StatevectorEngine
from qhn_core.errors import TooLarge


@ENGINES.register
class StatevectorConfig(EngineConfig):
    """Exact simulation on this machine's cores."""

    label: ClassVar[str] = "Exact state vector"
    name: Literal["statevector"] = "statevector"
    dtype: Literal["float64", "float32"] = Field(
        "float64", description="Precision of the amplitudes; float32 is faster, with errors of about 1e-5"
    )

    threads: int | None = Field(None, ge=1, le=256, description="Processor cores to use; all of them if not set")

    @property
    def implementation(self) -> type[StatevectorEngine]:
        """The engine's class."""
        return StatevectorEngine

    def build(self) -> StatevectorEngine:
        """The engine."""
        return StatevectorEngine(dtype=self.dtype, threads=self.threads)

    def check(self, circuit: Circuit, *, replicas: int = 1, shots: int = 0) -> int:
        """Peak memory of one step, bytes: 8 state vectors a replica at most; refused beyond 24 qubits."""
        n_qubits = circuit.n_qubits
        memory = 8 * replicas * 2 ** min(n_qubits, 400) * 2 * np.dtype(self.dtype).itemsize
        if n_qubits > MAX_QUBITS:
            raise TooLarge(
                f"{n_qubits} qubits: one step on engine 'statevector' would take {readable(memory)} "
                f"(memory for {replicas} replicas), and the engine takes at most {MAX_QUBITS} qubits. "
                "Use engine auto, which takes shallow circuits of neighbours at any width, or a smaller network."
            )
        return memory


def warm_up(dtypes: tuple[str, ...] = ("float64",)) -> float:
    """Compile every kernel, or load it from the cache; returns the seconds it took.

    Compiling takes about half a minute for each dtype, once on a machine; from the cache it is a fraction of a second.
    """
    start = perf_counter()
    gates = (Gate("RY", (0,), 0), Gate("RZ", (1,), 1), Gate("CNOT", (0, 1)), Gate("RY", (1,), 2))
    circuit = Circuit(2, gates)
    for dtype in dtypes:
        StatevectorEngine(dtype=dtype, threads=1).warm_up(circuit)
    StatevectorEngine(threads=1).sample(circuit, np.zeros(3), 1, np.random.default_rng(0))
    return perf_counter() - start
