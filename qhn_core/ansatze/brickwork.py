"""CNOT bricks on alternating pairs, then RY and RZ on every wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from qhn_core.ansatze.base import ANSATZE, AnsatzConfig
from qhn_core.circuits.circuit import Gate


@ANSATZE.register
class Brickwork(AnsatzConfig):
    """Alternating pairs of neighbours joined by CNOT, then rotations on every wire.

    Per layer l: CNOT(i, i+1) for i = (l+1) mod 2, step 2; then all RY; then all RZ. P = 2NL. The circuit of
    Carrasquilla et al., arXiv:2301.08292.
    """

    label: ClassVar[str] = "Brickwork (CNOT)"
    name: Literal["brickwork"] = "brickwork"

    def gates(self, n_qubits: int, slot: Iterator[int]) -> Iterator[Gate]:
        """Layers of CNOT bricks, RY and RZ."""
        for layer in range(self.layers):
            for wire in range((layer + 1) % 2, n_qubits - 1, 2):
                yield Gate("CNOT", (wire, wire + 1))
            for rotation in ("RY", "RZ"):
                for wire in range(n_qubits):
                    yield Gate(rotation, (wire,), next(slot))
