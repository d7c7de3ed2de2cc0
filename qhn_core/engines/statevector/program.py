"""From a gate list to a short program of fused layers.

Up to global phases every gate is made of three kinds of operation:

* *real*: a one-wire RY(φ)·H^p, a real 2×2 matrix (RY and Hadamard). It acts alike on real and imaginary parts.
* *diagonal*: exp(−i/2 (Σ_a α_a z_a + Σ_ab α_ab z_a z_b)), z = ±1 (RZ, IsingZZ; CZ is such a phase with fixed angles).
* *linear*: a relabelling w → A w of basis states over GF(2) (CNOT).

RX(θ) is RZ(−π/2) RY(θ) RZ(π/2). Operations of one kind are merged wherever they commute to the same place, so that
a layer of any registered circuit becomes one operation of each kind. All angles are affine in θ: α = coefficients·θ +
constants, and a gradient in α goes back through the transpose. What stands before the first real operation acts on
|0…0⟩ trivially, and phases after the last one do not change q: both are dropped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qhn_core.circuits.circuit import Circuit, Gate

#: Fewest qubits that kernels handle: one vector of 16 amplitudes. Smaller circuits get idle wires on top.
MIN_BITS = 4
#: Up to this many qubits a state is one block, worked on by one core.
WHOLE_BITS = 14
#: Beyond, a block has this many bits, from a number of qubits on (measured); the others are worked on in strips.
BLOCK_BITS = {15: 12, 18: 14}
#: Reductions run over this many fixed pieces, whatever the number of threads.
PIECES = 16

#: Columns of ``Program.stages``.
MAP, REAL, REFLECT, ACTIVE, REAL_SLOTS, PHASE, PAIRS, CROSS, PHASE_SLOTS, COLUMNS = range(10)


@dataclass
class Angle:
    """constant + Σ_p coefficients[p]·θ_p, radians."""

    constant: float = 0.0
    coefficients: dict[int, float] = field(default_factory=dict)

    def add(self, gate: Gate) -> None:
        """Add the gate's angle."""
        self.constant += gate.offset
        if gate.param is not None:
            self.coefficients[gate.param] = self.coefficients.get(gate.param, 0.0) + gate.scale

    def negate(self) -> None:
        """Change the sign."""
        self.constant = -self.constant
        self.coefficients = {p: -c for p, c in self.coefficients.items()}


@dataclass
class Real:
    """RY(angle)·H^reflect on each of some bits."""

    angles: dict[int, Angle] = field(default_factory=dict)
    reflect: dict[int, bool] = field(default_factory=dict)

    @property
    def bits(self) -> set[int]:
        """Bits it acts on."""
        return set(self.angles)


@dataclass
class Phase:
    """Phases of single bits, keys (a,), and pairs, keys (a, b) with a > b."""

    angles: dict[tuple[int, ...], Angle] = field(default_factory=dict)

    @property
    def bits(self) -> set[int]:
        """Bits it acts on."""
        return {bit for key in self.angles for bit in key}

    def angle(self, *bits: int) -> Angle:
        """The angle of these bits' parity, to be added to."""
        return self.angles.setdefault(tuple(sorted(bits, reverse=True)), Angle())


@dataclass
class Linear:
    """Relabelling of basis states; ``source[b]`` is the image of bit b under the inverse map."""

    source: list[int]
    bits: set[int] = field(default_factory=set)

    def cnot(self, control: int, target: int) -> None:
        """Follow by a CNOT."""
        self.source[control] ^= self.source[target]
        self.bits |= {control, target}


Operation = Real | Phase | Linear


@dataclass(frozen=True)
class Program:
    """What the kernels run; see the column names above for ``stages``."""

    n_qubits: int
    bits: int  #: qubits simulated, at least MIN_BITS
    block: int  #: bits of a block
    n_params: int
    stages: NDArray[np.int64]  #: (stages, COLUMNS)
    pairs: NDArray[np.int32]  #: for each phase with pairs a (bits, bits) table of angle numbers, or −1
    maps: NDArray[np.int32]  #: for each relabelling 2**block low entries, then 2**(bits − block) high ones
    last_map: int  #: offset in maps of the relabelling at the end, or −1
    pointers: NDArray[np.int32]  #: rows of the sparse matrix from θ to angles
    slots: NDArray[np.int32]
    coefficients: NDArray[np.float64]
    constants: NDArray[np.float64]
    swaps: int  #: number of relabellings, each of which moves the state to the other buffer

    @property
    def n_angles(self) -> int:
        """Number of angles."""
        return len(self.constants)


def compile_circuit(circuit: Circuit) -> Program:
    """The program of ``circuit``."""
    bits = max(circuit.n_qubits, MIN_BITS)
    block = max(size for least, size in ((0, bits if bits <= WHOLE_BITS else 0), *BLOCK_BITS.items()) if bits >= least)
    operations, last = _trim(_schedule(circuit, bits), bits)
    return _Assembler(circuit, bits, block).assemble(operations, last)


def _schedule(circuit: Circuit, bits: int) -> list[Operation]:
    """Merge each gate into the earliest operation that it commutes back to."""
    operations: list[Operation] = []
    top = circuit.n_qubits - 1
    for gate in circuit.gates:
        at = [top - wire for wire in gate.wires]
        if gate.name in ("RY", "Hadamard"):
            _real(operations, at[0], gate)
        elif gate.name == "RX":
            _phase(operations, at).angle(at[0]).constant += math.pi / 2
            _real(operations, at[0], gate)
            _phase(operations, at).angle(at[0]).constant -= math.pi / 2
        elif gate.name in ("RZ", "IsingZZ"):
            _phase(operations, at).angle(*at).add(gate)
        elif gate.name == "CZ":
            phase = _phase(operations, at)
            for key, value in ((at, -math.pi / 2), (at[:1], math.pi / 2), (at[1:], math.pi / 2)):
                phase.angle(*key).constant += value
        else:
            _linear(operations, at, bits).cnot(*at)
    return operations


def _earliest(operations: list[Operation], kind: type, bits: Iterable[int]) -> Operation | None:
    """The earliest operation of ``kind`` that a new one on ``bits`` commutes back to."""
    found, mine = None, set(bits)
    for operation in reversed(operations):
        if isinstance(operation, kind):
            found = operation
        commutes = (kind is Phase and isinstance(operation, Phase)) or not (operation.bits & mine)
        if not commutes:
            break
    return found


def _real(operations: list[Operation], bit: int, gate: Gate) -> None:
    operation = _earliest(operations, Real, [bit])
    if operation is None:
        operation = Real()
        operations.append(operation)
    assert isinstance(operation, Real)  # noqa: S101 - narrows the type
    angle = operation.angles.setdefault(bit, Angle())
    if gate.name == "Hadamard":  # H RY(φ) = RY(−φ) H
        angle.negate()
        operation.reflect[bit] = not operation.reflect.get(bit, False)
    else:
        angle.add(gate)


def _phase(operations: list[Operation], bits: list[int]) -> Phase:
    operation = _earliest(operations, Phase, bits)
    if operation is None:
        operation = Phase()
        operations.append(operation)
    assert isinstance(operation, Phase)  # noqa: S101 - narrows the type
    return operation


def _linear(operations: list[Operation], at: list[int], bits: int) -> Linear:
    operation = _earliest(operations, Linear, at)
    if operation is None:
        operation = Linear([1 << b for b in range(bits)])
        operations.append(operation)
    assert isinstance(operation, Linear)  # noqa: S101 - narrows the type
    return operation


def _trim(operations: list[Operation], bits: int) -> tuple[list[Operation], list[int] | None]:
    """Without what does nothing at either end; and the inverse relabelling to be applied to q at the end."""
    kept, source = list(operations), [1 << b for b in range(bits)]
    while kept and not isinstance(kept[-1], Real):
        operation = kept.pop()
        if isinstance(operation, Linear):
            source = [_image(operation.source, column) for column in source]
    while kept and not isinstance(kept[0], Real):
        kept.pop(0)
    trivial = source == [1 << b for b in range(bits)]
    return kept or [Real()], None if trivial else source


def _image(columns: list[int], word: int) -> int:
    """The linear map with these columns, applied to ``word``."""
    out = 0
    for bit, column in enumerate(columns):
        if word >> bit & 1:
            out ^= column
    return out


def _span(columns: list[int]) -> NDArray[np.int32]:
    """Images of 0 … 2**k − 1 under the linear map with these k columns."""
    table = np.zeros(1, np.int32)
    for column in columns:
        table = np.concatenate([table, table ^ np.int32(column)])
    return table


class _Assembler:
    """Collects the arrays of a :class:`Program`."""

    def __init__(self, circuit: Circuit, bits: int, block: int) -> None:
        self.circuit, self.bits, self.block = circuit, bits, block
        self.angles: list[Angle] = []
        self.pairs: list[NDArray[np.int32]] = []
        self.maps: list[NDArray[np.int32]] = []
        self.offsets: dict[tuple[int, ...], int] = {}

    def assemble(self, operations: list[Operation], last: list[int] | None) -> Program:
        """The program of these operations, cut into stages (relabel, real, phase)."""
        rows: list[list[int]] = []
        rank = {Linear: 0, Real: 1, Phase: 2}
        previous = 3
        for operation in operations:
            if rank[type(operation)] <= previous or not rows:
                rows.append([-1, -1, 0, 0, 0, -1, -1, 0, 0])
            previous = rank[type(operation)]
            self._add(rows[-1], operation)
        end = -1 if last is None else self._map(last)
        pointers = np.cumsum([0, *(len(a.coefficients) for a in self.angles)]).astype(np.int32)
        return Program(
            n_qubits=self.circuit.n_qubits,
            bits=self.bits,
            block=self.block,
            n_params=self.circuit.n_params,
            stages=np.array(rows, np.int64).reshape(-1, COLUMNS),
            pairs=np.concatenate([np.zeros(1, np.int32), *self.pairs]),
            maps=np.concatenate([*self.maps, np.zeros(1, np.int32)]),
            last_map=end,
            pointers=pointers,
            slots=np.array([p for a in self.angles for p in a.coefficients], np.int32),
            coefficients=np.array([c for a in self.angles for c in a.coefficients.values()], np.float64),
            constants=np.array([a.constant for a in self.angles], np.float64),
            swaps=sum(row[MAP] >= 0 for row in rows),
        )

    def _add(self, row: list[int], operation: Operation) -> None:
        if isinstance(operation, Linear):
            row[MAP] = self._map(operation.source)
        elif isinstance(operation, Real):
            row[REAL] = len(self.angles)
            self.angles += [operation.angles.get(b, Angle()) for b in range(self.bits)]
            row[REFLECT] = sum(1 << b for b, on in operation.reflect.items() if on)
            row[ACTIVE] = sum(1 << b for b in operation.bits)
            row[REAL_SLOTS] = int(any(a.coefficients for a in operation.angles.values()))
        else:
            self._add_phase(row, operation)

    def _add_phase(self, row: list[int], operation: Phase) -> None:
        row[PHASE] = len(self.angles)
        self.angles += [operation.angles.get((b,), Angle()) for b in range(self.bits)]
        table = np.full((self.bits, self.bits), -1, np.int32)
        for key, angle in operation.angles.items():
            if len(key) == 2:
                table[key] = len(self.angles)
                row[CROSS] |= int(key[0] >= self.block > key[1])
                self.angles.append(angle)
        if (table >= 0).any():
            row[PAIRS] = 1 + sum(map(len, self.pairs))
            self.pairs.append(table.ravel())
        row[PHASE_SLOTS] = int(any(a.coefficients for a in operation.angles.values()))

    def _map(self, source: list[int]) -> int:
        key = tuple(source)
        if key not in self.offsets:
            self.offsets[key] = sum(map(len, self.maps))
            self.maps += [_span(source[: self.block]), _span(source[self.block :])]
        return self.offsets[key]
