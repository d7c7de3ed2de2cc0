"""Instantaneous quantum polynomial circuits: diagonal gates between Hadamards."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from qhn_core.ansatze.base import ANSATZE, AnsatzConfig
from qhn_core.circuits.circuit import Gate
from qhn_core.errors import InvalidArgument


@ANSATZE.register
class IQP(AnsatzConfig):
    """Commuting phases on every wire and pair, between Hadamards.

    H on all; then per layer RZ(i) for every wire, IsingZZ(i, j) for every pair i < j, and H on all. P = L·N(N+1)/2.
    At θ = 0 and one layer the Hadamards cancel and q sits on 0…0. One layer is an IQP circuit in the strict sense
    (Bremner et al., arXiv:1005.1407).
    """

    label: ClassVar[str] = "IQP (diagonal gates between Hadamards)"
    name: Literal["iqp"] = "iqp"
    hadamard: Literal[False] = Field(False, description="Not available: the circuit starts with Hadamards by itself")

    @field_validator("hadamard", mode="before")
    @classmethod
    def _no_hadamard(cls, hadamard: object) -> object:
        if hadamard:
            raise InvalidArgument(
                "hadamard",
                expected="false, as the circuit's own first Hadamards would be cancelled and its first layer be idle",
                got=hadamard,
                remedy="Leave it out.",
            )
        return hadamard

    def gates(self, n_qubits: int, slot: Iterator[int]) -> Iterator[Gate]:
        """H, then layers of RZ, IsingZZ and H."""
        for wire in range(n_qubits):
            yield Gate("Hadamard", (wire,))
        for _ in range(self.layers):
            for wire in range(n_qubits):
                yield Gate("RZ", (wire,), next(slot))
            for pair in combinations(range(n_qubits), 2):
                yield Gate("IsingZZ", pair, next(slot))
            for wire in range(n_qubits):
                yield Gate("Hadamard", (wire,))
