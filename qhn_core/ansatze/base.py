"""What every ansatz has: its options, and how its gates become a :class:`~qhn_core.circuits.circuit.Circuit`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from itertools import chain, count, islice
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from qhn_core.checks import check_int
from qhn_core.circuits.circuit import Circuit, Gate
from qhn_core.errors import TooLarge
from qhn_core.registry import Registry, VariantConfig

#: Most gates that a circuit is built of.
MAX_GATES = 100_000


class AnsatzConfig(VariantConfig):
    """Base of all ansätze. Parameters are numbered in the order in which their gates stand (wire 0 first).

    ``own`` says whether the circuit is a person's own, of one size, rather than one of a family.
    """

    own: ClassVar[bool] = False

    layers: int = Field(
        3,
        ge=1,
        le=64,
        description="How often the pattern of gates repeats: more layers hold more, and train less easily",
    )
    hadamard: bool = Field(
        False, description="A Hadamard on every wire first, so that small angles start near the uniform prior"
    )
    init: Literal["uniform", "normal"] = Field(
        "uniform", description="Where training begins: any angle (uniform on [0, 2π)), or near zero (normal around 0)"
    )
    scale: float = Field(
        0.1,
        gt=0.0,
        le=10.0,
        description="How far from zero the angles begin: the standard deviation of normal ones, in radians",
    )

    @abstractmethod
    def gates(self, n_qubits: int, slot: Iterator[int]) -> Iterator[Gate]:
        """The ansatz's gates on ``n_qubits`` wires; ``next(slot)`` is the next free parameter."""

    def build(self, n_qubits: int, uploads: Path | None = None) -> Circuit:
        """The circuit on ``n_qubits`` ≥ 1 wires, Hadamards first where asked; TooLarge beyond MAX_GATES gates.

        ``uploads`` is the folder of uploaded files, for a circuit that stands in one.
        """
        check_int("n_qubits", n_qubits, low=1)
        first = (Gate("Hadamard", (w,)) for w in range(n_qubits if self.hadamard else 0))
        gates = tuple(islice(chain(first, self.gates(n_qubits, count())), MAX_GATES + 1))
        if len(gates) > MAX_GATES:
            raise TooLarge(
                f"{n_qubits} qubits: circuit '{self.name}' with {self.layers} layers would have more than {MAX_GATES} "
                "gates. Use a smaller network, fewer layers, or a circuit of neighbouring gates."
            )
        return Circuit(n_qubits, gates, name=self.name)


ANSATZE: Registry[AnsatzConfig] = Registry("ansatz", AnsatzConfig)
