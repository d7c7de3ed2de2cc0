"""Shallow circuits at any width, exactly: a chain of matrices whose bonds are the circuit's own crossings."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from qhn_core.engines.base import ENGINES, EngineConfig

if TYPE_CHECKING:
    from qhn_core.engines.mps.engine import MPSEngine

#: Most binary weights of a run.
MAX_QUBITS = 2000


@ENGINES.register
class MPSConfig(EngineConfig):
    """Exact simulation of shallow circuits by their bonds: thousands of wires, nothing truncated."""

    label: ClassVar[str] = "Exact matrix product state"
    name: Literal["mps"] = "mps"

    threads: int | None = Field(None, ge=1, le=256, description="Processor cores to use; all of them if not set")

    def build(self) -> MPSEngine:
        """The engine."""
        from qhn_core.engines.mps.engine import MPSEngine

        return MPSEngine(threads=self.threads)

    def memory_bytes(self, n_qubits: int, replicas: int) -> int:
        """Memory that does not depend on the circuit: strings, angles and their gradients of a step of 1024 draws."""
        return replicas * n_qubits * 1024 * 9

    @property
    def max_qubits(self) -> int:
        """Largest number of qubits of a run."""
        return MAX_QUBITS
