"""PennyLane's BasicEntanglerLayers with RY."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from qhn_core.ansatze.base import ANSATZE, AnsatzConfig
from qhn_core.circuits.circuit import Gate


@ANSATZE.register
class BasicEntangler(AnsatzConfig):
    """One RY on every wire, then a closed ring of CNOTs: all amplitudes stay real.

    Per layer RY(i), then CNOT(i, i+1 mod N) for i = 0…N−1; on two wires one CNOT, on one wire none. P = NL.
    PennyLane's BasicEntanglerLayers with rotation RY.
    """

    label: ClassVar[str] = "Basic entangler layers"
    name: Literal["basic_entangler"] = "basic_entangler"

    def gates(self, n_qubits: int, slot: Iterator[int]) -> Iterator[Gate]:
        """Layers of RY and a ring of CNOT."""
        links = n_qubits if n_qubits > 2 else n_qubits - 1
        for _ in range(self.layers):
            for wire in range(n_qubits):
                yield Gate("RY", (wire,), next(slot))
            for wire in range(links):
                yield Gate("CNOT", (wire, (wire + 1) % n_qubits))
