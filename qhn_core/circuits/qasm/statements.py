"""What a program consists of: gates that it defines, and what is done with them; how much each comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from qhn_core.circuits.gates import MAX_GATES
from qhn_core.circuits.qasm.expressions import Expression
from qhn_core.circuits.qasm.library import LibraryGate

#: Most steps of arithmetic in the angles of all gates.
MAX_ARITHMETIC = 1_000_000


class BodyCall(NamedTuple):
    """A gate used in a definition: its angles as expressions, its qubits as places among the definition's own."""

    gate: AnyGate
    angles: tuple[Expression, ...]
    places: tuple[int, ...]
    line: int


@dataclass(frozen=True)
class Definition:
    """A gate that the program defines; ``size``, ``arithmetic`` and ``depth`` are of all that it comes to."""

    name: str
    n_angles: int
    n_qubits: int
    body: tuple[BodyCall, ...]
    size: int
    arithmetic: int
    depth: int


@dataclass(frozen=True)
class Opaque:
    """A gate that the program declares without saying what it does."""

    name: str
    n_angles: int
    n_qubits: int


AnyGate = LibraryGate | Definition | Opaque


class Statement(NamedTuple):
    """What is done: a gate on the wires of each row of ``wires``, or ``measure`` or ``reset`` of its only row."""

    what: AnyGate | str
    angles: tuple[float, ...]
    wires: tuple[tuple[int, ...], ...]
    line: int


class Register(NamedTuple):
    """A register: ``qreg`` or ``creg``, and its bits among all of that kind."""

    kind: str
    bits: tuple[int, ...]


class Operand(NamedTuple):
    """What a statement names: one bit, or all bits of a ``whole`` register."""

    bits: tuple[int, ...]
    whole: bool


def size_of(gate: AnyGate) -> int:
    """Number of gates of ours that a gate comes to, without writing them out; one that does nothing counts once."""
    return 1 if isinstance(gate, Opaque) else min(max(1, gate.size), MAX_GATES + 1)


def arithmetic_of(gate: AnyGate) -> int:
    """Number of steps of arithmetic that the angles inside take."""
    return 0 if isinstance(gate, Opaque) else min(gate.arithmetic, MAX_ARITHMETIC + 1)


def depth_of(gate: AnyGate) -> int:
    """How many definitions stand one inside the other."""
    return 0 if isinstance(gate, Opaque) else gate.depth
