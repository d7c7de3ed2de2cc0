"""One RY on every wire: exactly the mean-field family, q(w) = Π_i q_i(w_i)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from qhn_core.ansatze.base import ANSATZE, AnsatzConfig
from qhn_core.circuits.circuit import Gate
from qhn_core.errors import InvalidArgument


@ANSATZE.register
class Product(AnsatzConfig):
    """Independent bits, one RY each: the classical mean-field family, without entanglement.

    Without Hadamards P(bit_i = 1) = sin²(θ_i/2); with them (1 + sin θ_i)/2. P = N.
    """

    label: ClassVar[str] = "Product (mean field)"
    name: Literal["product"] = "product"
    layers: Literal[1] = Field(1, description="Always one: further RY on the same wire would only add their angles")

    @field_validator("layers", mode="before")
    @classmethod
    def _one(cls, layers: object) -> object:
        if layers != 1:
            raise InvalidArgument(
                "layers",
                expected="1, as further RY on the same wire only add their angles",
                got=layers,
                remedy="Take the ansatz 'linear' or 'ring' for a deeper circuit.",
            )
        return layers

    def gates(self, n_qubits: int, slot: Iterator[int]) -> Iterator[Gate]:
        """RY(i) for every wire."""
        for wire in range(n_qubits):
            yield Gate("RY", (wire,), next(slot))
