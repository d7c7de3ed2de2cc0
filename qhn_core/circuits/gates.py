"""The gates circuits are made of: PennyLane's operation names, wires, and where each angle comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qhn_core.checks import check_choice, check_int, check_real
from qhn_core.errors import InvalidArgument

#: Gates whose angle may be a parameter, with their number of wires. All have the two-term shift rule (eigenvalues ±½).
ROTATIONS: dict[str, int] = {"RX": 1, "RY": 1, "RZ": 1, "IsingZZ": 2}
#: Gates without an angle.
FIXED: dict[str, int] = {"Hadamard": 1, "CNOT": 2, "CZ": 2}
#: Most gates that are read from elsewhere into one circuit.
MAX_GATES = 100_000
_ALL = ROTATIONS | FIXED
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
        name = _ALIASES.get(self.name, self.name) if isinstance(self.name, str) else self.name
        object.__setattr__(self, "name", check_choice("gate", name, _ALL))
        object.__setattr__(self, "wires", _checked_wires(self.wires, self.name))
        if self.param is not None:
            if self.name in FIXED:
                raise InvalidArgument("param", expected=f"None, as {self.name} has no angle", got=self.param)
            object.__setattr__(self, "param", check_int("param", self.param, low=0))
        for number in ("scale", "offset"):
            object.__setattr__(self, number, check_real(number, getattr(self, number)))

    @property
    def is_rotation(self) -> bool:
        """Whether the gate has an angle."""
        return self.name in ROTATIONS

    def angle(self, theta: Any) -> Any:
        """The angle in radians for parameters ``theta`` (indexable on its last axis)."""
        return self.offset if self.param is None else self.scale * theta[..., self.param] + self.offset


def _checked_wires(wires: Any, name: str) -> tuple[int, ...]:
    expected = f"{_ALL[name]} distinct wires for {name}"
    try:
        found = (wires,) if isinstance(wires, (int, np.integer)) else tuple(wires)
    except TypeError:
        raise InvalidArgument("wires", expected=expected, got=wires) from None
    checked = tuple(check_int("wires", wire, low=0) for wire in found)
    if len(checked) != _ALL[name] or len(set(checked)) != len(checked):
        raise InvalidArgument("wires", expected=expected, got=checked)
    return checked
