"""OpenQASM 2 programs as gates of this package, with the angles that stand in them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from qhn_core.checks import check_int
from qhn_core.circuits.gates import MAX_GATES, Gate
from qhn_core.circuits.phased import PHASE, Lowered
from qhn_core.circuits.qasm.expressions import evaluate
from qhn_core.circuits.qasm.library import LibraryGate
from qhn_core.circuits.qasm.program import Parser
from qhn_core.circuits.qasm.statements import MAX_ARITHMETIC, AnyGate, Definition, Statement, arithmetic_of, size_of
from qhn_core.circuits.qasm.tokens import check_text, unsupported
from qhn_core.errors import InvalidArgument


class WrittenAngle(NamedTuple):
    """A rotation's angle as it stands in a program: its line, the gate, its wires, and its value in radians."""

    line: int
    gate: str
    wires: tuple[int, ...]
    value: float


class QasmProgram(NamedTuple):
    """What a program comes to. ``gates`` have the parameter k for the k-th of ``free``, places in ``angles``."""

    n_qubits: int
    gates: tuple[Gate, ...]
    angles: tuple[WrittenAngle, ...]
    free: tuple[int, ...]


def read_qasm(text: str, *, free_angles: bool | Collection[int]) -> QasmProgram:
    """The program's gates; see ``Circuit.from_qasm``."""
    parser = Parser(check_text(text))
    statements = list(_bounded(parser.statements()))
    writer = _Writer()
    for statement in statements:
        writer.add(statement)
    if not parser.n_qubits:
        raise InvalidArgument("text", expected="at least one qubit", got="no quantum register")
    free = _chosen(free_angles, len(writer.angles))
    slots = {place: slot for slot, place in enumerate(free)}
    gates = [Gate(name, wires, slots.get(place), 1.0, angle) for name, wires, angle, place in writer.gates]
    return QasmProgram(parser.n_qubits, tuple(gates), tuple(writer.angles), free)


def _bounded(statements: Iterator[Statement]) -> Iterator[Statement]:
    """The statements, refused before any is written out where they would become too many gates."""
    gates = arithmetic = 0
    for statement in statements:
        if not isinstance(statement.what, str):
            gates += len(statement.wires) * size_of(statement.what)
            arithmetic += len(statement.wires) * arithmetic_of(statement.what)
        if gates > MAX_GATES:
            many = f"the program has more than {MAX_GATES} gates"
            unsupported(statement.line, f"{many}; a gate on a whole register is one for each of its qubits.")
        if arithmetic > MAX_ARITHMETIC:
            unsupported(statement.line, f"the angles take more than {MAX_ARITHMETIC} steps of arithmetic.")
        yield statement


def _chosen(free_angles: bool | Collection[int], count: int) -> tuple[int, ...]:
    if isinstance(free_angles, (bool, np.bool_)):
        return tuple(range(count)) if free_angles else ()
    remedy = f"The program has {count} angles that may be free, counted from 0."
    try:
        places = tuple(free_angles)
    except TypeError:
        expected = "True, False or the places of angles"
        raise InvalidArgument("free_angles", expected=expected, got=free_angles, remedy=remedy) from None
    return tuple(sorted({check_int("free_angles", place, low=0, high=count - 1, remedy=remedy) for place in places}))


class _Written(NamedTuple):
    """A gate of ours; ``place`` is that of its angle among the program's own, or −1."""

    name: str
    wires: tuple[int, ...]
    angle: float
    place: int


class _Writer:
    """Writes statements out as gates of ours."""

    def __init__(self) -> None:
        self.gates: list[_Written] = []
        self.angles: list[WrittenAngle] = []
        self._touched: set[int] = set()
        self._measured: set[int] = set()

    def add(self, statement: Statement) -> None:
        """Append what the statement does."""
        what, line = statement.what, statement.line
        if isinstance(what, str):
            self._bits(what, {wire for row in statement.wires for wire in row}, line)
            return
        for wires in statement.wires:
            for gate in self._expanded(what, statement.angles, wires, line):
                if self._measured.intersection(gate.wires):
                    unsupported(line, f"'{what.name}' follows a measurement; measurements may stand at the end only.")
                self._touched.update(gate.wires)
                self.gates.append(gate)

    def _bits(self, what: str, wires: set[int], line: int) -> None:
        if what == "measure":
            self._measured |= wires
        elif wires & (self._touched | self._measured):
            unsupported(line, "reset of a qubit that has been used: circuits here are unitary.")

    def _expanded(self, gate: AnyGate, angles: Sequence[float], wires: Sequence[int], line: int) -> Iterator[_Written]:
        if isinstance(gate, Definition):
            for call in gate.body:
                values = [evaluate(expression, angles, call.line) for expression in call.angles]
                yield from self._expanded(call.gate, values, [wires[place] for place in call.places], call.line)
        elif isinstance(gate, LibraryGate):
            for k, step in enumerate(gate.build(angles)):
                if step.name != PHASE:
                    places = tuple(wires[wire] for wire in step.wires)
                    yield _Written(step.name, places, step.angle, self._place(gate, step, places, k, line))

    def _place(self, gate: LibraryGate, step: Lowered, wires: tuple[int, ...], k: int, line: int) -> int:
        """The place of a new angle of the program's own, or −1 where it is none."""
        if k not in gate.free:
            return -1
        self.angles.append(WrittenAngle(line, gate.name, wires, step.angle))
        return len(self.angles) - 1
