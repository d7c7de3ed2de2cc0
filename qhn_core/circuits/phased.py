"""Gates of this package together with their global phase, and their inverse, powers and controls.

A global phase is an entry without wires: the angle φ of the factor e^{iφ}. On its own it changes no probability; under
a control it turns the control's phase, so no step from an operation to gates may drop it.

Controls follow Barenco et al., Elementary gates for quantum computation, arXiv:quant-ph/9503016 (lemmas 5.1, 7.3, 7.5).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple

from qhn_core.circuits.gates import ROTATIONS

PHASE = "global phase"
_CLOSE = 1e-12


class Lowered(NamedTuple):
    """One gate of ours, or a global phase."""

    name: str
    wires: tuple[Any, ...]
    angle: float
    source: str  #: the operation it came from, for messages
    numeric: bool  #: whether it came from a matrix of numbers, in which no parameter can be followed

    @property
    def turns(self) -> bool:
        """Whether it has an angle."""
        return self.name in ROTATIONS or self.name == PHASE

    def turned(self, factor: float) -> Lowered:
        """The same gate with ``factor`` times the angle."""
        return self._replace(angle=factor * self.angle) if self.turns else self

    def like(self, name: str, *wires: Any, angle: float = 0.0) -> Lowered:
        """Another gate of the same origin."""
        return self._replace(name=name, wires=wires, angle=angle)


def inverse(gates: Sequence[Lowered]) -> list[Lowered]:
    """The inverse of a sequence of gates; those without an angle are their own."""
    return [gate.turned(-1.0) for gate in reversed(gates)]


def power(gates: Sequence[Lowered], exponent: int) -> Iterator[Lowered]:
    """The sequence ``exponent`` times, its inverse where that is negative; a single rotation turns further instead."""
    if sum(gate.name != PHASE for gate in gates) <= 1 and all(gate.turns for gate in gates):
        yield from (gate.turned(exponent) for gate in gates if exponent)
        return
    once = gates if exponent >= 0 else inverse(gates)
    for again in repeat(once, abs(exponent)):
        yield from again


def controlled(gates: Sequence[Lowered], controls: Sequence[Any]) -> Iterator[Lowered]:
    """The sequence where all ``controls`` are 1. Of A·B·A⁻¹ only B needs them."""
    phases: list[Lowered] = []
    for phase in (gate for gate in gates if gate.name == PHASE):
        opposite = [k for k, other in enumerate(phases) if abs(other.angle + phase.angle) < _CLOSE]
        if opposite:
            del phases[opposite[0]]
        else:
            phases.append(phase)
    gates = [gate for gate in gates if gate.name != PHASE]
    edge = 0
    while edge < len(gates) // 2 and _undoes(gates[edge], gates[-1 - edge]):
        edge += 1
    yield from gates[:edge]
    for gate in gates[edge : len(gates) - edge]:
        yield from _controlled_gate(gate, controls)
    yield from gates[len(gates) - edge :]
    for phase in phases:
        yield from phase_on(phase, controls, phase.angle)


def controlled_x(origin: Lowered, controls: Sequence[Any], wire: Any, spare: Any = None) -> Iterator[Lowered]:
    """X on ``wire`` where all ``controls`` are 1; a ``spare`` wire in any state, given back as it was, saves gates."""
    if len(controls) == 1:
        yield origin.like("CNOT", controls[0], wire)
    elif spare is not None and len(controls) > 3:
        half = (len(controls) + 1) // 2
        first, second = controls[:half], (*controls[half:], spare)
        for _ in range(2):
            yield from controlled_x(origin, first, spare, wire)
            yield from controlled_x(origin, second, wire, first[0])
    else:
        yield origin.like("Hadamard", wire)
        yield from controlled_z(origin, (*controls, wire))
        yield origin.like("Hadamard", wire)


def controlled_z(origin: Lowered, wires: Sequence[Any]) -> Iterator[Lowered]:
    """−1 where all of the two or more ``wires`` are 1."""
    if len(wires) == 2:
        yield origin.like("CZ", *wires)
    else:
        yield from phase_on(origin, wires, math.pi)


def phase_on(origin: Lowered, wires: Sequence[Any], angle: float) -> Iterator[Lowered]:
    """e^{iφ} where all ``wires`` are 1: diag(1, …, 1, e^{iφ}), φ the ``angle``.

    On one wire RZ(φ)·e^{iφ/2}; on two RZ(φ/2), RZ(φ/2), IsingZZ(−φ/2)·e^{iφ/4}. On more, with the last two wires b, t
    and the others A: φ(a·b·t) = φ/2·(b·t − (a ⊕ b)·t + a·t), where a is 1 if all of A are.
    """
    if not wires:
        yield origin.like(PHASE, angle=angle)
    elif len(wires) == 1:
        yield origin.like("RZ", wires[0], angle=angle)
        yield origin.like(PHASE, angle=angle / 2)
    elif len(wires) == 2:
        yield origin.like("RZ", wires[0], angle=angle / 2)
        yield origin.like("RZ", wires[1], angle=angle / 2)
        yield origin.like("IsingZZ", *wires, angle=-angle / 2)
        yield origin.like(PHASE, angle=angle / 4)
    else:
        others, b, t = wires[:-2], wires[-2], wires[-1]
        yield from phase_on(origin, (b, t), angle / 2)
        yield from controlled_x(origin, others, b, t)
        yield from phase_on(origin, (b, t), -angle / 2)
        yield from controlled_x(origin, others, b, t)
        yield from phase_on(origin, (*others, t), angle / 2)


def _undoes(first: Lowered, last: Lowered) -> bool:
    same = (first.name, first.wires) == (last.name, last.wires)
    return same and abs(first.turned(-1.0).angle - last.angle) < _CLOSE


def _controlled_gate(gate: Lowered, controls: Sequence[Any]) -> Iterator[Lowered]:
    if gate.name in ("RX", "RY", "RZ"):
        yield from _controlled_rotation(gate, controls)
    elif gate.name == "IsingZZ":
        yield gate.like("CNOT", *gate.wires)
        yield from _controlled_rotation(gate.like("RZ", gate.wires[1], angle=gate.angle), controls)
        yield gate.like("CNOT", *gate.wires)
    elif gate.name == "Hadamard":  # RY(π/4)·Z·RY(−π/4)
        yield gate.like("RY", *gate.wires, angle=-math.pi / 4)
        yield from controlled_z(gate, (*controls, *gate.wires))
        yield gate.like("RY", *gate.wires, angle=math.pi / 4)
    elif gate.name == "CNOT":
        yield from controlled_x(gate, (*controls, gate.wires[0]), gate.wires[1])
    else:
        yield from controlled_z(gate, (*controls, *gate.wires))


def _controlled_rotation(gate: Lowered, controls: Sequence[Any]) -> Iterator[Lowered]:
    """C…C R(θ) = C…CX · R(−θ/2) · C…CX · R(θ/2) for RY and RZ, which X inverts; RX is RZ between Hadamards."""
    (wire,) = gate.wires
    around = [gate.like("Hadamard", wire)] if gate.name == "RX" else []
    turn = gate.like("RY" if gate.name == "RY" else "RZ", wire, angle=gate.angle / 2)
    yield from (*around, turn)
    yield from controlled_x(gate, controls, wire)
    yield turn.turned(-1.0)
    yield from controlled_x(gate, controls, wire)
    yield from around
