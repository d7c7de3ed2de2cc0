"""The grammar of OpenQASM 2: registers, gate definitions, and the statements that use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from qhn_core.circuits.qasm.expressions import Expression, parse_expression
from qhn_core.circuits.qasm.library import BUILT_IN, IDENTITIES, LIBRARY
from qhn_core.circuits.qasm.statements import (
    AnyGate,
    BodyCall,
    Definition,
    Opaque,
    Operand,
    Register,
    Statement,
    arithmetic_of,
    depth_of,
    size_of,
)
from qhn_core.circuits.qasm.tokens import Words, unsupported, wrong
from qhn_core.errors import shorten

MAX_QUBITS = 64
MAX_CLBITS = 4 * MAX_QUBITS
MAX_REGISTERS = 2 * MAX_QUBITS
#: Most definitions that use each other one inside the other.
MAX_DEPTH = 64
_RESERVED = {"OPENQASM", "include", "qreg", "creg", "gate", "opaque", "barrier", "measure", "reset", "if", "pi"}


class Parser:
    """Reads a program, statement by statement."""

    def __init__(self, text: str) -> None:
        self.words = Words(text)
        self.registers: dict[str, Register] = {}
        self.gates: dict[str, AnyGate] = {name: LIBRARY[name] for name in BUILT_IN}
        self._own: set[str] = set()

    @property
    def n_qubits(self) -> int:
        """Number of qubits declared so far."""
        return self._bits("qreg")

    def statements(self) -> Iterator[Statement]:
        """What the program does, in order; declarations are taken in on the way."""
        if self.words.skip("OPENQASM"):
            self._version()
        while self.words.next.kind != "end":
            yield from self._statement()

    def _version(self) -> None:
        version = self.words.take()
        if version.text not in ("2.0", "2"):
            wrong(version.line, "OPENQASM 2.0", f"version {shorten(version.text, 20)}")
        self.words.expect(";", "after the version")

    def _statement(self) -> Iterator[Statement]:
        words, first = self.words, self.words.next
        declare = {"include": self._include, "gate": self._gate, "opaque": self._opaque}.get(first.text)
        if declare is not None:
            declare()
        elif first.text in ("qreg", "creg"):
            self._register()
        elif first.text == "if":
            unsupported(first.line, "conditions cannot be used: circuits here are unitary.")
        elif first.text in ("measure", "reset"):
            yield self._measure() if first.text == "measure" else self._reset()
        elif words.skip("barrier"):
            self._operands("a barrier")
        elif not words.skip(";"):
            yield self._use()

    # ------------------------------------------------------------------------------------------- declarations

    def _include(self) -> None:
        self.words.take()
        file = self.words.kind("string", 'the name of a file, as in include "qelib1.inc"')
        self.words.expect(";", "after the file's name")
        if file.text != '"qelib1.inc"':
            wrong(file.line, 'include "qelib1.inc"', file.text, remedy="No other file is read: put its text in.")
        for name, gate in LIBRARY.items():
            self.gates.setdefault(name, gate)

    def _register(self) -> None:
        kind = self.words.take().text
        name = self._new_name("a register")
        self.words.expect("[", "after the register's name")
        size = self.words.kind("integer", "the register's size")
        self.words.expect("]", "after the register's size")
        self.words.expect(";", "after a register")
        limit, what = (MAX_QUBITS, "qubits") if kind == "qreg" else (MAX_CLBITS, "classical bits")
        if len(self.registers) == MAX_REGISTERS:
            wrong(size.line, f"at most {MAX_REGISTERS} registers", "more")
        bits = int(size.text) if len(size.text) < 6 else limit + 1
        if not 0 < bits <= limit:
            wrong(size.line, f"registers of 1 to {limit} {what}", shorten(size.text, 20))
        first = self._bits(kind)
        if first + bits > limit:
            wrong(size.line, f"registers of at most {limit} {what} in all", first + bits)
        self.registers[name] = Register(kind, tuple(range(first, first + bits)))

    def _bits(self, kind: str) -> int:
        return sum(len(register.bits) for register in self.registers.values() if register.kind == kind)

    def _new_name(self, what: str) -> str:
        name = self.words.kind("name", f"the name of {what}")
        taken = name.text in self.registers or name.text in self._own
        if taken or name.text in _RESERVED or name.text in BUILT_IN:
            wrong(name.line, f"a new name for {what}", f"'{shorten(name.text)}', which is taken")
        return name.text

    def _header(self) -> tuple[str, dict[str, int], dict[str, int]]:
        """The name of a gate that is declared, and the places of its angles and qubits by their names."""
        self.words.take()
        name = self._new_name("a gate")
        angles: dict[str, int] = {}
        if self.words.skip("(") and not self.words.skip(")"):
            angles = self._names("an angle", angles)
            self.words.expect(")", "after the angles")
        return name, angles, self._names("a qubit", angles)

    def _names(self, what: str, others: Mapping[str, int]) -> dict[str, int]:
        found: dict[str, int] = {}
        while True:
            name = self.words.kind("name", f"the name of {what}")
            if name.text in found or name.text in others or name.text in _RESERVED:
                wrong(name.line, f"a new name for {what}", f"'{shorten(name.text)}', which is taken")
            found[name.text] = len(found)
            if not self.words.skip(","):
                return found

    def _opaque(self) -> None:
        name, angles, qubits = self._header()
        self.words.expect(";", "after an opaque gate")
        self._own.add(name)
        known = LIBRARY.get(name) if name in IDENTITIES else None
        self.gates[name] = known if known is not None else Opaque(name, len(angles), len(qubits))

    def _gate(self) -> None:
        line = self.words.next.line
        name, angles, qubits = self._header()
        self.words.expect("{", "before what the gate does")
        self._own.add(name)
        self.gates.pop(name, None)
        body: list[BodyCall] = []
        while not self.words.skip("}"):
            if self.words.skip("barrier"):
                self._places(qubits)
            elif not self.words.skip(";"):
                body.append(self._body_call(name, angles, qubits))
        depth = 1 + max((depth_of(call.gate) for call in body), default=0)
        if depth > MAX_DEPTH:
            wrong(line, f"gates defined at most {MAX_DEPTH} deep", f"'{shorten(name)}', {depth} deep")
        size = max(1, sum(size_of(call.gate) for call in body))
        arithmetic = sum(arithmetic_of(call.gate) + sum(map(len, call.angles)) for call in body)
        self.gates[name] = Definition(name, len(angles), len(qubits), tuple(body), size, arithmetic, depth)

    def _body_call(self, name: str, angles: Mapping[str, int], qubits: Mapping[str, int]) -> BodyCall:
        line = self.words.next.line
        if self.words.at(name):
            wrong(line, "gates that are defined before", f"'{shorten(name)}' inside itself")
        if self.words.at("measure", "reset", "if"):
            wrong(line, "gates only, inside a gate", self.words.next.text)
        gate, values = self._gate_and_angles(angles)
        places = self._places(qubits)
        _check_qubits(gate, len(places), line)
        return BodyCall(gate, values, places, line)

    def _places(self, qubits: Mapping[str, int]) -> tuple[int, ...]:
        """The gate's own qubits that are named up to the semicolon, as their places."""
        found: dict[int, None] = {}
        while True:
            name = self.words.kind("name", "one of the gate's qubits")
            place = qubits.get(name.text)
            if place is None or place in found:
                wrong(name.line, f"distinct qubits of {shorten(', '.join(qubits))}", f"'{shorten(name.text)}'")
            found[place] = None
            if not self.words.skip(","):
                break
        self.words.expect(";", "after the qubits")
        return tuple(found)

    # --------------------------------------------------------------------------------------------- statements

    def _gate_and_angles(self, names: Mapping[str, int]) -> tuple[AnyGate, tuple[Expression, ...]]:
        name = self.words.kind("name", "a statement")
        values: list[Expression] = []
        if self.words.skip("(") and not self.words.skip(")"):
            values.append(parse_expression(self.words, names))
            while self.words.skip(","):
                values.append(parse_expression(self.words, names))
            self.words.expect(")", "after the angles")
        gate = self.gates.get(name.text)
        if gate is None:
            known = name.text in LIBRARY and name.text not in self._own
            remedy = 'Put include "qelib1.inc"; before it.' if known else "Define it before it is used."
            wrong(name.line, "a gate that is defined", f"'{shorten(name.text)}', which is not", remedy=remedy)
        if isinstance(gate, Opaque):
            unsupported(name.line, f"'{shorten(name.text)}' is opaque: the program does not say what it does.")
        if len(values) != gate.n_angles:
            wrong(name.line, f"{_count(gate.n_angles, 'angle')} for {shorten(name.text)}", len(values))
        return gate, tuple(values)

    def _use(self) -> Statement:
        line = self.words.next.line
        gate, expressions = self._gate_and_angles({})
        found = self._operands(f"'{shorten(gate.name)}'")
        _check_qubits(gate, len(found), line)
        return Statement(gate, tuple(float(value[0]) for value in expressions), _rows(found, gate.name, line), line)

    def _reset(self) -> Statement:
        line = self.words.take().line
        qubits = self._operand("qreg").bits
        self.words.expect(";", "after a reset")
        return Statement("reset", (), (qubits,), line)

    def _measure(self) -> Statement:
        line = self.words.take().line
        qubits = self._operand("qreg").bits
        self.words.expect("->", "after what is measured")
        bits = self._operand("creg").bits
        self.words.expect(";", "after a measurement")
        if len(qubits) != len(bits):
            wrong(line, f"{_count(len(qubits), 'classical bit')} to measure into", len(bits))
        return Statement("measure", (), (qubits,), line)

    def _operands(self, what: str) -> list[Operand]:
        """Qubits and whole registers up to the semicolon."""
        found = [self._operand("qreg")]
        while self.words.skip(","):
            found.append(self._operand("qreg"))
        self.words.expect(";", f"after {what}")
        return found

    def _operand(self, kind: str) -> Operand:
        """A bit, or all bits of a register."""
        name = self.words.kind("name", "a register")
        register = self.registers.get(name.text)
        if register is None or register.kind != kind:
            what = "quantum" if kind == "qreg" else "classical"
            wrong(name.line, f"a {what} register that is declared", f"'{shorten(name.text)}'")
        if not self.words.skip("["):
            return Operand(register.bits, whole=True)
        index = self.words.kind("integer", "an index")
        self.words.expect("]", "after an index")
        if len(index.text) > 5 or int(index.text) >= len(register.bits):
            wrong(
                index.line,
                f"an index below {len(register.bits)}",
                f"{shorten(name.text, 20)}[{shorten(index.text, 20)}]",
            )
        return Operand((register.bits[int(index.text)],), whole=False)


def _rows(operands: Sequence[Operand], name: str, line: int) -> tuple[tuple[int, ...], ...]:
    """The wires of one gate a row: with whole registers one for each of their qubits."""
    sizes = [len(operand.bits) for operand in operands if operand.whole]
    if len(set(sizes)) > 1:
        wrong(line, "registers of one size", " and ".join(map(str, sizes)))
    count = max(sizes, default=1)
    rows = tuple(tuple(bits[row % len(bits)] for bits, _ in operands) for row in range(count))
    if any(len(set(row)) != len(row) for row in rows):
        wrong(line, f"distinct qubits for {shorten(name)}", "one of them twice")
    return rows


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _check_qubits(gate: AnyGate, found: int, line: int) -> None:
    if found != gate.n_qubits:
        wrong(line, f"{_count(gate.n_qubits, 'qubit')} for {shorten(gate.name)}", found)
