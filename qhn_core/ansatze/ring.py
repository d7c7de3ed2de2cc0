"""RY and RZ on every wire, then a closed ring of CZ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from qhn_core.ansatze.base import ANSATZE, AnsatzConfig
from qhn_core.circuits.circuit import Gate


@ANSATZE.register
class Ring(AnsatzConfig):
    """Rotations on every wire, then CZ between neighbours on a closed ring.

    Per layer RY(i), RZ(i) wire by wire, then CZ(i, i+1 mod N) for i = 0…N−1. P = 2NL. One wire has no neighbour; on
    two wires the ring's two CZ join the same pair and cancel, so that it entangles from three wires on.
    """

    label: ClassVar[str] = "Ring (CZ)"
    name: Literal["ring"] = "ring"

    def gates(self, n_qubits: int, slot: Iterator[int]) -> Iterator[Gate]:
        """Layers of RY, RZ and CZ(i, i+1 mod N)."""
        for _ in range(self.layers):
            for wire in range(n_qubits):
                yield Gate("RY", (wire,), next(slot))
                yield Gate("RZ", (wire,), next(slot))
            if n_qubits > 1:
                for wire in range(n_qubits):
                    yield Gate("CZ", (wire, (wire + 1) % n_qubits))
