"""PennyLane's StronglyEntanglingLayers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from qhn_core.ansatze.base import ANSATZE, AnsatzConfig
from qhn_core.circuits.circuit import Gate


@ANSATZE.register
class StronglyEntangling(AnsatzConfig):
    """Full rotations on every wire, then CNOTs whose reach grows from layer to layer.

    Per layer l: RZ(i), RY(i), RZ(i) wire by wire, then CNOT(i, i+r mod N) with reach r = 1 + (l mod (N−1)). P = 3NL.
    PennyLane's StronglyEntanglingLayers with default ranges, after Schuld et al., arXiv:1804.00633.
    """

    label: ClassVar[str] = "Strongly entangling layers"
    name: Literal["strongly_entangling"] = "strongly_entangling"

    def gates(self, n_qubits: int, slot: Iterator[int]) -> Iterator[Gate]:
        """Layers of RZ RY RZ and CNOT(i, i+r mod N)."""
        for layer in range(self.layers):
            for wire in range(n_qubits):
                for rotation in ("RZ", "RY", "RZ"):
                    yield Gate(rotation, (wire,), next(slot))
            if n_qubits > 1:
                reach = 1 + layer % (n_qubits - 1)
                for wire in range(n_qubits):
                    yield Gate("CNOT", (wire, (wire + reach) % n_qubits))
