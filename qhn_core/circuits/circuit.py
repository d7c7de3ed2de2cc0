"""The one description of a circuit: a list of gates with parameter slots.

A parametrised gate's angle is ``scale * theta[param] + offset`` (radians); with ``param=None`` it is ``offset`` alone.
Wire 0 is the most significant bit of a basis-state index. Gate names are PennyLane's operation names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from qhn_core.checks import check_angles, check_int
from qhn_core.circuits.draw import draw_gates
from qhn_core.circuits.gates import FIXED, ROTATIONS, Gate
from qhn_core.circuits.pennylane import apply_gates, gates_from_pennylane
from qhn_core.circuits.qasm import read_qasm, write_qasm
from qhn_core.errors import InvalidArgument

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
        object.__setattr__(self, "n_qubits", check_int("n_qubits", self.n_qubits, low=1))
        object.__setattr__(self, "gates", _checked_gates(self.gates, self.n_qubits))
        given = check_int("n_params", self.n_params, low=-1, remedy="-1 stands for as many as are used.")
        used = 1 + max((g.param for g in self.gates if g.param is not None), default=-1)
        if -1 < given < used:
            raise InvalidArgument("n_params", expected=f"at least {used}, the slots used", got=given)
        object.__setattr__(self, "n_params", used if given == -1 else given)

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
        labels = _sequence("wires", range(self.n_qubits) if wires is None else wires, f"{self.n_qubits} labels")
        if len(labels) != self.n_qubits:
            raise InvalidArgument("wires", expected=f"{self.n_qubits} labels", got=labels)
        apply_gates(self.gates, theta, n_params=self.n_params, wires=labels)

    @classmethod
    def from_pennylane(cls, function: Callable[[Any], Any], n_params: int, *, n_qubits: int | None = None) -> Circuit:
        """The circuit that a PennyLane quantum function (or QNode) applies, whatever operations it uses.

        The function is run at several theta; its operations are decomposed by PennyLane to the gates of this package
        (up to a global phase, which under a control turns the control's phase), controls, inverses and integer powers
        by rules that keep the parameter, and what has no decomposition by its matrix, on at most 4 wires: exp(iθG)
        keeps θ, other matrices are numbers. Each angle is recognised as scale·theta[k] + offset, verified to 1e-9 at
        points that the fit did not use.

        A QNode, or a ``functools.partial`` of one, comes with its transforms, and with its device's wires, in their
        order, idle ones included; where it returns the distribution (or density matrix) of all of them in another
        order, that one counts. Else what it measures is ignored.

        Args:
            function: takes theta, a float64 array of shape (n_params,).
            n_params: length P of theta.
            n_qubits: number of wires; by default as many as are used. A function's wires labelled by whole numbers keep
                them (2.0 is 2), others are numbered as they first occur.

        Raises:
            Unsupported: an angle that mixes parameters or is not linear in one (gate and parameters are named); gates
                that depend on theta; an operation of which no decomposition is known that keeps its parameter; anything
                that is not unitary; a QNode's noise, measurements inside, transforms that depend on shots, make several
                circuits or work on results, and distributions over some wires only.
            InvalidArgument: the function, or PennyLane's decomposition of what it applies, fails; it is no quantum
                function, but runs a QNode, say; or more wires are used than ``n_qubits``.
        """
        size, gates = gates_from_pennylane(function, n_params, n_qubits=n_qubits)
        return cls(size, gates, n_params=n_params)

    def to_qasm(self, theta: Any = (), *, measure: bool = False) -> str:
        """The circuit at ``theta`` (radians, (P,)) as an OpenQASM 2 program; q[i] is wire i.

        ``measure`` adds a measurement of every wire. IsingZZ is written as CX RZ CX. Angles keep every digit.
        (Qiskit prints q[0] as the rightmost bit of a string; here wire 0 is the leftmost.)
        """
        angles = check_angles(theta, self.n_params)
        if angles.ndim != 1:
            raise InvalidArgument("theta", expected=f"shape ({self.n_params},)", got=f"shape {angles.shape}")
        return write_qasm(self.n_qubits, self.gates, angles, measure=measure)

    @classmethod
    def from_qasm(cls, text: str, *, free_angles: bool | Collection[int] = False) -> Circuit:
        """The circuit of an OpenQASM 2 program, up to a global phase; registers are joined in their order.

        A gate that the program defines goes before the library's of the same name. Measurements may stand at the end;
        where their results go is ignored, as wire i is qubit i. ``reset`` of a qubit that no gate has touched,
        ``delay`` and barriers change nothing.

        Args:
            text: at most a million characters, 64 qubits in all, and 100,000 gates, one on a whole register being one
                for each of its qubits; nothing but ``qelib1.inc`` can be included, and no file is read.
            free_angles: which angles of rx, ry, rz, rzz, p, u1, u2, u3, u and U, written in the program or in its own
                gate definitions, become parameters: all, none, or those at these places in their order, from 0. The
                angle is then theta[k] + the written value: theta = 0 is the program as it stands.

        Raises:
            InvalidArgument: the text is no OpenQASM 2 program, with the line, or exceeds the bounds; an angle is no
                finite number.
            Unsupported: conditions, opaque gates, reset of a qubit in use, gates after measurements, or more gates
                than the bound; with the line.
        """
        program = read_qasm(text, free_angles=free_angles)
        return cls(program.n_qubits, program.gates, n_params=len(program.free))


def _sequence(argument: str, values: Any, expected: str) -> tuple[Any, ...]:
    try:
        found = iter(values)
    except TypeError:
        raise InvalidArgument(argument, expected=expected, got=values) from None
    return tuple(found)


def _checked_gates(gates: Any, n_qubits: int) -> tuple[Gate, ...]:
    found = _sequence("gates", gates, "qhn_core.Gate objects")
    for gate in found:
        if not isinstance(gate, Gate):
            raise InvalidArgument("gates", expected="qhn_core.Gate objects", got=gate)
        if max(gate.wires) >= n_qubits:
            raise InvalidArgument("wires", expected=f"wires below n_qubits={n_qubits}", got=gate.wires)
    return found
