"""RY and RZ on every wire, then CZ along an open chain of neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from qhn_core.ansatze.base import ANSATZE, AnsatzConfig
from qhn_core.circuits.circuit import Gate


@ANSATZE.register
class Chain(AnsatzConfig):
    """Rotations on every wire, then CZ between neighbours on an open chain.

    Per layer RY(i), RZ(i) wire by wire, then CZ(i, i+1) for i = 0…N−2. P = 2NL. Contains the product distributions;
    the bond dimension of what is measured is 2^(L−1), so it can be simulated exactly at any width.
    """

    label: ClassVar[str] = "Chain (CZ)"
    name: Literal["chain"] = "chain"

    def gates(self, n_qubits: int, slot: Iterator[int]) -> Iterator[Gate]:
        """Layers of RY, RZ and CZ(i, i+1)."""
        for _ in range(self.layers):
            for wire in range(n_qubits):
                yield Gate("RY", (wire,), next(slot))
                yield Gate("RZ", (wire,), next(slot))
            for wire in range(n_qubits - 1):
                yield Gate("CZ", (wire, wire + 1))
