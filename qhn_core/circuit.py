"""The one description of a circuit: a list of gates with parameter slots.

A parametrised gate's angle is ``scale * theta[param] + offset`` (radians); with ``param=None`` it is ``offset`` alone.
Wire 0 is the most significant bit of a basis-state index. Gate names are PennyLane's operation names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from qhn_core._circuit_draw import draw_gates
from qhn_core._circuit_pennylane import apply_gates
from qhn_core.checks import check_int
from qhn_core.errors import InvalidArgument
from qhn_core.gates import FIXED, ROTATIONS, Gate

__all__ = ["FIXED", "ROTATIONS", "Circuit", "Gate"]


@dataclass(frozen=True)
class Circuit:
    """A circuit on ``n_qubits`` wires, started in |0…0⟩.

    Args:
        n_qubits: number N of wires, at least 1.
        gates: gates in the order in which they are applied.
        n_params: length P of theta; by default one more than the largest slot used.
        name: what to call it in titles.
    """

    n_qubits: int
    gates: tuple[Gate, ...] = field(default=())
    n_params: int = -1
    name: str = "custom"

    def __post_init__(self) -> None:
        check_int("n_qubits", self.n_qubits, low=1)
        object.__setattr__(self, "gates", tuple(self.gates))
        for gate in self.gates:
            if not isinstance(gate, Gate):
                raise InvalidArgument("gates", expected="qhn_core.Gate objects", got=gate)
            if max(gate.wires) >= self.n_qubits:
                raise InvalidArgument("wires", expected=f"wires below n_qubits={self.n_qubits}", got=gate.wires)
        used = 1 + max((g.param for g in self.gates if g.param is not None), default=-1)
        if self.n_params == -1:
            object.__setattr__(self, "n_params", used)
        elif self.n_params < used:
            raise InvalidArgument("n_params", expected=f"at least {used}, the slots used", got=self.n_params)

    @cached_property
    def occurrences(self) -> tuple[tuple[int, ...], ...]:
        """For each parameter, the positions in ``gates`` where it occurs (more than one if it is shared)."""
        found: list[list[int]] = [[] for _ in range(self.n_params)]
        for position, gate in enumerate(self.gates):
            if gate.param is not None:
                found[gate.param].append(position)
        return tuple(tuple(p) for p in found)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the gate list: equal circuits have equal hashes, whatever their name."""
        rows: list[object] = [self.n_qubits, self.n_params]
        rows += [[g.name, g.wires, g.param, g.scale, g.offset] for g in self.gates]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()

    def draw(self, *, width: int = 100) -> str:
        """The circuit as text, one line per wire, at most about ``width`` characters wide; longer ones wrap."""
        return draw_gates(self.n_qubits, self.gates, width=check_int("width", width, low=20))

    def apply(self, theta: Any, *, wires: Sequence[Any] | None = None) -> None:
        """Queue the gates inside a PennyLane QNode.

        Args:
            theta: angles in radians, (P,), or (B, P) for a batch by parameter broadcasting; numpy, torch or autograd.
            wires: labels to use instead of 0…N−1, one per wire.

        Raises:
            InvalidArgument: theta's last axis is not P long, or ``wires`` has another length than N.
        """
        labels = tuple(range(self.n_qubits) if wires is None else wires)
        if len(labels) != self.n_qubits:
            raise InvalidArgument("wires", expected=f"{self.n_qubits} labels", got=labels)
        apply_gates(self.gates, theta, n_params=self.n_params, wires=labels)
