"""Circuits to and from OpenQASM 2 (Cross et al., arXiv:1707.03429).

Reading uses Qiskit's strict parser. Text from strangers is bounded before it gets there: its length, its registers all
together, its nesting, and the gates that its statements expand to (a gate on a whole register is one for each of its
qubits); afterwards the number of gates that definitions within definitions may expand to. Only the built-in
``qelib1.inc`` can be included.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.circuits.gates import Gate
from qhn_core.errors import InvalidArgument, Unsupported, shorten

MAX_CHARACTERS = 1_000_000
MAX_QUBITS = 64
MAX_CLBITS = 4 * MAX_QUBITS
MAX_GATES = 100_000
_MAX_DEFINITIONS = 200
_MAX_NESTING = 64
_MAX_STATEMENT = 4000
_WRITTEN = {"RX": "rx", "RY": "ry", "RZ": "rz", "Hadamard": "h", "CNOT": "cx", "CZ": "cz"}
_READ = {"rx": "RX", "ry": "RY", "rz": "RZ", "p": "RZ", "u1": "RZ", "rzz": "IsingZZ"}
_FIXED = {"h": "Hadamard", "cx": "CNOT", "CX": "CNOT", "cz": "CZ"}
_DECLARES = re.compile(r"\s*(?:$|(?:OPENQASM|include|[qc]reg|gate|opaque)\b)")
_HALF = math.pi / 2
_TOO_MANY = f"The program has more than {MAX_GATES} gates; a gate on a whole register is one for each of its qubits."


def write_qasm(n_qubits: int, gates: Sequence[Gate], theta: NDArray[np.float64], *, measure: bool) -> str:
    """The program's text with numbers for angles; IsingZZ, which the standard library lacks, as CX RZ CX."""
    lines = ["OPENQASM 2.0;", 'include "qelib1.inc";', f"qreg q[{n_qubits}];"]
    if measure:
        lines.append(f"creg c[{n_qubits}];")
    for gate in gates:
        wires = ",".join(f"q[{w}]" for w in gate.wires)
        if gate.name == "IsingZZ":
            turn = f"rz({float(gate.angle(theta))!r}) q[{gate.wires[1]}];"
            lines += [f"cx {wires};", turn, f"cx {wires};"]
        elif gate.is_rotation:
            lines.append(f"{_WRITTEN[gate.name]}({float(gate.angle(theta))!r}) {wires};")
        else:
            lines.append(f"{_WRITTEN[gate.name]} {wires};")
    if measure:
        lines.append("measure q -> c;")
    return "\n".join(lines) + "\n"


def read_qasm(text: str, *, free_angles: bool) -> tuple[int, tuple[Gate, ...]]:
    """(N, gates) of a program; see ``Circuit.from_qasm``."""
    _check_bounds(text)
    from qiskit import qasm2

    try:
        program = qasm2.loads(text, include_path=(), custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS)
    except qasm2.QASM2Error as error:
        raise InvalidArgument(
            "text", expected="an OpenQASM 2 program", got=shorten(str(error.message), 200), remedy="Line, column first."
        ) from None
    if not program.num_qubits:
        raise InvalidArgument("text", expected="at least one qubit", got="no quantum register")
    place = {qubit: wire for wire, qubit in enumerate(program.qubits)}
    reader = _Reader(free_angles=free_angles)
    measured: set[int] = set()
    for instruction in program.data:
        wires = tuple(place[qubit] for qubit in instruction.qubits)
        name = instruction.operation.name
        if name == "barrier":
            continue
        if name == "measure":
            measured.update(wires)
            continue
        if measured.intersection(wires):
            raise Unsupported(f"'{name}' follows a measurement of its qubit; measurements may stand at the end only.")
        reader.add(instruction.operation, wires)
    return program.num_qubits, tuple(reader.gates)


def _check_bounds(text: str) -> None:
    """Refuse what would cost memory or stack before a parser could refuse it."""
    if not isinstance(text, str):
        raise InvalidArgument("text", expected="a string", got=type(text).__name__)
    if len(text) > MAX_CHARACTERS:
        raise InvalidArgument("text", expected=f"at most {MAX_CHARACTERS} characters", got=f"{len(text)}")
    bare = re.sub(r"//[^\n]*", " ", text)
    if len(re.findall(r"\b[qc]reg\b", bare)) > 2 * MAX_QUBITS:
        raise InvalidArgument("text", expected=f"at most {2 * MAX_QUBITS} registers", got="more")
    if len(re.findall(r"\bgate\b", bare)) > _MAX_DEFINITIONS:
        raise InvalidArgument("text", expected=f"at most {_MAX_DEFINITIONS} gate definitions", got="more")
    for statement in re.split(r"[;{}]", bare):
        _check_statement(statement)
    registers = _registers(bare)
    for kind, what, limit in (("qreg", "qubits", MAX_QUBITS), ("creg", "classical bits", MAX_CLBITS)):
        total = sum(size for found, _, size in registers if found == kind)
        if total > limit:
            raise InvalidArgument("text", expected=f"registers of at most {limit} {what} in all", got=total)
    if _expanded(bare, {name: size for kind, name, size in registers if kind == "qreg"}) > MAX_GATES:
        raise Unsupported(_TOO_MANY)


def _registers(bare: str) -> list[tuple[str, str, int]]:
    """(qreg or creg, name, size) of every register; sizes have been checked to be small."""
    found = re.findall(r"\b([qc]reg)\s+(\w+)\s*\[\s*(\d+)", bare)
    return [(kind, name, int(size)) for kind, name, size in found]


def _expanded(bare: str, registers: dict[str, int]) -> int:
    """At most how many instructions the parser will make: a statement on a whole register is one for each qubit.

    Inside a gate's definition names are its own arguments, and there are no registers.
    """
    total = inside = 0
    whole = re.compile(r"\b(?:" + "|".join(registers or ("$^",)) + r")\b(?!\s*\[)")
    for piece in re.findall(r"[{}]|[^;{}]+", bare):
        if piece in "{}":
            inside += 1 if piece == "{" else -1
        elif inside > 0 or re.match(r"\s*barrier\b", piece):
            total += 1
        elif not _DECLARES.match(piece):
            total += max((registers[name] for name in whole.findall(piece)), default=1)
    return total


def _check_statement(statement: str) -> None:
    depth = deepest = 0
    for sign in re.findall(r"[()]", statement):
        depth += 1 if sign == "(" else -1
        deepest = max(deepest, depth)
    if len(statement) > _MAX_STATEMENT or deepest > _MAX_NESTING:
        raise InvalidArgument(
            "text",
            expected=f"statements of at most {_MAX_STATEMENT} characters, {_MAX_NESTING} brackets deep",
            got=statement,
        )
    for size in re.findall(r"\b[qc]reg\b[^\[]*\[\s*(\d+)", statement):
        if len(size) > 4 or int(size) > MAX_QUBITS:
            raise InvalidArgument("text", expected=f"registers of at most {MAX_QUBITS} bits", got=size)


class _Reader:
    """Turns Qiskit instructions into gates of ours."""

    def __init__(self, *, free_angles: bool) -> None:
        self.free_angles = free_angles
        self.gates: list[Gate] = []
        self._slot = 0
        self._sizes: dict[tuple[str, int], int] = {}

    def add(self, operation: Any, wires: tuple[int, ...], *, free: bool = True) -> None:
        """Append ``operation``; its angles become parameters if they stand in the text as rotations."""
        if self._size(operation, 0) + len(self.gates) > MAX_GATES:
            raise Unsupported(_TOO_MANY)
        self._add(operation, wires, free=free)

    def _add(self, operation: Any, wires: tuple[int, ...], *, free: bool) -> None:
        name, angles = operation.name, [float(value) for value in operation.params if _is_number(value)]
        standard = not _from_text(operation)
        if standard and name in _FIXED:
            self.gates.append(Gate(_FIXED[name], wires))
        elif standard and name in _READ:
            self._rotate(_READ[name], wires, angles[0], free=free)
        elif standard and name in ("u", "u3", "u2", "U"):
            theta, phi, lam = angles if len(angles) == 3 else (_HALF, *angles)
            self._rotate("RZ", wires, lam, free=free)
            self._rotate("RY", wires, theta, free=free and len(angles) == 3)
            self._rotate("RZ", wires, phi, free=free)
        elif standard and name == "id":
            return
        else:
            for part, places in _parts(operation):
                self._add(part, tuple(wires[k] for k in places), free=free and not standard)

    def _rotate(self, name: str, wires: tuple[int, ...], angle: float, *, free: bool) -> None:
        if self.free_angles and free:
            self.gates.append(Gate(name, wires, self._slot, 1.0, angle))
            self._slot += 1
        else:
            self.gates.append(Gate(name, wires, None, 1.0, angle))

    def _size(self, operation: Any, depth: int) -> int:
        """Number of gates that ``operation`` becomes, without writing them out."""
        if not _from_text(operation):
            return 1 if operation.name in _READ or operation.name in _FIXED else 64
        key = (operation.name, operation.num_qubits)
        if key not in self._sizes:
            self._sizes[key] = sum(self._size(part, depth + 1) for part, _ in _parts(operation))
        return self._sizes[key]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number))


def _from_text(operation: Any) -> bool:
    """Whether the gate is defined in the program itself, not in the standard library."""
    return type(operation).__name__ == "_DefinedGate"


def _parts(operation: Any) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """The instructions a gate is defined by, with places among its own wires."""
    definition = getattr(operation, "definition", None)
    if definition is None or definition.num_clbits or operation.name in ("reset", "if_else"):
        raise Unsupported(
            f"'{operation.name}' cannot be used: circuits here are unitary, without reset, conditions or opaque gates."
        )
    for instruction in definition.data:
        if instruction.operation.name == "barrier":
            continue
        yield instruction.operation, tuple(definition.find_bit(qubit).index for qubit in instruction.qubits)
