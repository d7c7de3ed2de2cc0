"""RY and RZ on every wire, then CZ on every pair."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import ClassVar, Literal

from qhn_core.ansatze.base import ANSATZE, AnsatzConfig
from qhn_core.circuits.circuit import Gate


@ANSATZE.register
class AllToAll(AnsatzConfig):
    """Rotations on every wire, then CZ between every two wires.

    Per layer RY(i), RZ(i) wire by wire, then CZ(i, j) for every pair i < j. P = 2NL.
    """

    label: ClassVar[str] = "All to all (CZ)"
    name: Literal["all_to_all"] = "all_to_all"

    def gates(self, n_qubits: int, slot: Iterator[int]) -> Iterator[Gate]:
        """Layers of RY, RZ and CZ on every pair."""
        for _ in range(self.layers):
            for wire in range(n_qubits):
                yield Gate("RY", (wire,), next(slot))
                yield Gate("RZ", (wire,), next(slot))
            for pair in combinations(range(n_qubits), 2):
                yield Gate("CZ", pair)
