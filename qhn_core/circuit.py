"""The one description of a circuit: a list of gates with parameter slots.

A parametrised gate's angle is ``scale * theta[param] + offset`` (radians); with ``param=None`` it is ``offset`` alone.
Wire 0 is the most significant bit of a basis-state index. Gate names are PennyLane's operation names.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from qhn_core.checks import check_choice, check_int
from qhn_core.errors import InvalidArgument

#: Gates whose angle may be a parameter, with their number of wires. All have the two-term shift rule (eigenvalues ±½).
ROTATIONS: dict[str, int] = {"RX": 1, "RY": 1, "RZ": 1, "IsingZZ": 2}
#: Gates without an angle.
FIXED: dict[str, int] = {"Hadamard": 1, "CNOT": 2, "CZ": 2}
_ALIASES = {"H": "Hadamard", "CX": "CNOT"}


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate.

    Args:
        name: RX, RY, RZ, IsingZZ, Hadamard (or H), CNOT, CZ.
        wires: the wires it acts on, control first; an integer is accepted for one wire.
        param: index into theta, or None for a gate with a fixed angle or none.
        scale: factor of the parameter (dimensionless).
        offset: constant part of the angle, radians.
    """

    name: str
    wires: tuple[int, ...]
    param: int | None = None
    scale: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        name = _ALIASES.get(self.name, self.name)
        check_choice("gate", name, ROTATIONS | FIXED)
        object.__setattr__(self, "name", name)
        wires = (self.wires,) if isinstance(self.wires, int) else tuple(self.wires)
        object.__setattr__(self, "wires", tuple(check_int("wires", w, low=0) for w in wires))
        expected = (ROTATIONS | FIXED)[name]
        if len(self.wires) != expected or len(set(self.wires)) != expected:
            raise InvalidArgument("wires", expected=f"{expected} distinct wires for {name}", got=self.wires)
        if self.param is not None:
            if name in FIXED:
                raise InvalidArgument("param", expected=f"None, as {name} has no angle", got=self.param)
            object.__setattr__(self, "param", check_int("param", self.param, low=0))
        if not (math.isfinite(self.scale) and math.isfinite(self.offset)):
            raise InvalidArgument("scale, offset", expected="finite numbers", got=(self.scale, self.offset))
        object.__setattr__(self, "scale", float(self.scale))
        object.__setattr__(self, "offset", float(self.offset))

    @property
    def is_rotation(self) -> bool:
        """Whether the gate has an angle."""
        return self.name in ROTATIONS

    def angle(self, theta: Any) -> Any:
        """The angle in radians for parameters ``theta`` (indexable on its last axis)."""
        return self.offset if self.param is None else self.scale * theta[..., self.param] + self.offset


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
