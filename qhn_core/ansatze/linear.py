"""RY and RZ on every wire, then a ladder of CNOT along the line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from qhn_core.ansatze.base import ANSATZE, AnsatzConfig
from qhn_core.circuits.circuit import Gate


@ANSATZE.register
class Linear(AnsatzConfig):
    """Rotations on every wire, then CNOTs from each wire to the next.

    Per layer RY(i), RZ(i) wire by wire, then CNOT(i, i+1) for i = 0…N−2. P = 2NL. One layer does not contain the
    product distributions: its CNOTs have no angles that undo them.
    """

    label: ClassVar[str] = "Linear (CNOT ladder)"
    name: Literal["linear"] = "linear"

    def gates(self, n_qubits: int, slot: Iterator[int]) -> Iterator[Gate]:
        """Layers of RY, RZ and CNOT(i, i+1)."""
        for _ in range(self.layers):
            for wire in range(n_qubits):
                yield Gate("RY", (wire,), next(slot))
                yield Gate("RZ", (wire,), next(slot))
            for wire in range(n_qubits - 1):
                yield Gate("CNOT", (wire, wire + 1))
