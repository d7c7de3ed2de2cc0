"""From a circuit to what happens at each wire: bonds instead of two-qubit gates.

Every two-qubit gate here is a sum of two products, so that its wires share one bit, the gate's *bond*:
CNOT = Σ_l |l⟩⟨l| ⊗ X^l, CZ = Σ_l |l⟩⟨l| ⊗ Z^l, IsingZZ(θ) = Σ_l |l⟩⟨l| ⊗ e^{−iθ(−1)^l Z/2}. Between wires i and i+1
stands a vector of χ_i = 2^(gates that cross the cut) numbers. Nothing is truncated.

Gates that no measurement of the bits can see are left out where only q is asked for: walking back from the end of the
circuit, RZ, CZ and IsingZZ on wires that are not rotated any more only turn phases, and a CNOT there only renames the
strings: it becomes a step of a linear map on bits. Gates at the beginning that meet |0⟩ are simplified likewise.
"""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from qhn_core.circuits.circuit import Circuit, Gate

#: Kinds of operations at one wire, as the kernels know them; a label is the value l of a bond.
RX, RY, RZ, HADAMARD, PROJECT, FLIP, SIGN, PHASE = range(8)
_ROTATIONS = {"RX": RX, "RY": RY, "RZ": RZ, "IsingZZ": PHASE}
_PARTNERS = {"CNOT": FLIP, "CZ": SIGN, "IsingZZ": PHASE}
_DIAGONAL = ("RZ", "CZ", "IsingZZ")

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Program:
    """What the kernels read of a circuit.

    Args:
        n_wires: N.
        cuts: log₂ χ of the cut left of each wire, and 0 at the end: (N + 1,).
        wire_ops: first operation of each wire, (N + 1,).
        ops: (kind, angle or −1, 0 if the label is in the left bond and 1 if in the right, its bit), one row each.
        wire_passes, passes: bonds that go past a wire: their bits in the left and in the right bond, likewise.
        transfer_at: where a wire's transfer matrices (2, χ_left, χ_right) stand among all, (N + 1,).
        bond_at: where a cut's matrix (χ, χ) stands among all, (N + 2,).
        params, scales, offsets: of each angle, radians; param −1 where it is fixed.
        renames: (control, target) of the CNOTs left out at the end, in the order of time.
    """

    n_wires: int
    cuts: Ints
    wire_ops: Ints
    ops: Ints
    wire_passes: Ints
    passes: Ints
    transfer_at: Ints
    bond_at: Ints
    params: Ints
    scales: NDArray[np.float64]
    offsets: NDArray[np.float64]
    renames: Ints

    @property
    def bond(self) -> int:
        """log₂ χ at the worst cut."""
        return int(self.cuts.max())

    def angles(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Every angle at theta (B, P), radians: (B, A)."""
        fixed = self.params < 0
        chosen = theta[:, np.where(fixed, 0, self.params)] if theta.shape[1] else np.zeros((len(theta), len(fixed)))
        return np.where(fixed, 0.0, chosen) * self.scales + self.offsets

    def pull_back(self, by_angle: NDArray[np.float64], n_params: int) -> NDArray[np.float64]:
        """Derivatives by angle (B, A) -> by parameter (B, P): summed over occurrences, times their scales."""
        free = self.params >= 0
        out = np.zeros((len(by_angle), n_params))
        for row, values in zip(out, by_angle, strict=True):
            row += np.bincount(self.params[free], values[free] * self.scales[free], minlength=n_params)
        return out


R = TypeVar("R")
#: Circuits whose programs are kept.
_KEPT = 16


def by_content(function: Callable[..., R]) -> Callable[..., R]:
    """Results of the last circuits, found by their content's hash: hashing every gate would cost more than a step."""
    found: OrderedDict[tuple[str, bool], R] = OrderedDict()
    lock = threading.Lock()

    @wraps(function)
    def kept(circuit: Circuit, *, measured: bool = True) -> R:
        key = (circuit.content_hash, measured)
        with lock:
            if key in found:
                found.move_to_end(key)
                return found[key]
        made = function(circuit, measured=measured)
        with lock:
            found[key] = made
            while len(found) > _KEPT:
                found.popitem(last=False)
        return made

    return kept


@by_content
def crossings(circuit: Circuit, *, measured: bool = True) -> tuple[int, ...]:
    """log₂ χ of every cut between wires i and i+1, (N − 1,); cheap, whatever the circuit."""
    gates, _ = essential(circuit) if measured else (circuit.gates, ())
    change = np.zeros(circuit.n_qubits + 1, np.int64)
    for gate in gates:
        if len(gate.wires) == 2:
            change[min(gate.wires)] += 1
            change[max(gate.wires)] -= 1
    return tuple(int(k) for k in np.cumsum(change)[: circuit.n_qubits - 1])


def essential(circuit: Circuit) -> tuple[tuple[Gate, ...], tuple[tuple[int, int], ...]]:
    """(gates on which q depends, CNOTs at the end that only rename strings, in the order of time)."""
    still = [True] * circuit.n_qubits  # no later gate on the wire does more than phases and renaming
    kept: list[Gate] = []
    renames: list[tuple[int, int]] = []
    for gate in reversed(circuit.gates):
        if all(still[w] for w in gate.wires) and gate.name in (*_DIAGONAL, "CNOT"):
            if gate.name == "CNOT":
                renames.append((gate.wires[0], gate.wires[1]))
            continue
        for wire in gate.wires:
            still[wire] = False
        kept.append(gate)
    return tuple(_started(circuit.n_qubits, reversed(kept))), tuple(reversed(renames))


def _started(n_wires: int, gates: Iterator[Gate]) -> Iterator[Gate]:
    """The gates, without those that only turn a phase because a wire of theirs is still in |0⟩."""
    zero = [True] * n_wires
    for gate in gates:
        idle = [zero[w] for w in gate.wires]
        if gate.name == "IsingZZ" and any(idle):
            if not all(idle):
                yield Gate("RZ", (gate.wires[idle.index(False)],), gate.param, gate.scale, gate.offset)
            continue
        if (gate.name in ("CNOT", "RZ") and idle[0]) or (gate.name == "CZ" and any(idle)):
            continue
        for wire in gate.wires:
            zero[wire] = False
        yield gate


@by_content
def compile_circuit(circuit: Circuit, *, measured: bool = True) -> Program:
    """The program of a circuit: of its strings' probabilities, or (``measured`` false) of its whole state."""
    gates, renames = essential(circuit) if measured else (circuit.gates, ())
    n = circuit.n_qubits
    at_wire: list[list[tuple[int, int, int]]] = [[] for _ in range(n)]  # kind, angle, bond or −1
    spans: list[tuple[int, int]] = []  # first and last wire of each bond
    angles: list[Gate] = []
    for gate in gates:
        angle = -1
        if gate.is_rotation:
            angle = len(angles)
            angles.append(gate)
        if len(gate.wires) == 1:
            at_wire[gate.wires[0]].append((_ROTATIONS.get(gate.name, HADAMARD), angle, -1))
            continue
        first, second = gate.wires
        at_wire[first].append((PROJECT, -1, len(spans)))
        at_wire[second].append((_PARTNERS[gate.name], angle, len(spans)))
        spans.append((min(gate.wires), max(gate.wires)))
    places = _places(n, spans)
    rows = [_operations(at_wire[i], spans, places, i) for i in range(n)]
    passing = [[(places[i][b], places[i + 1][b]) for b in places[i] if b in places[i + 1]] for i in range(n)]
    cuts = np.array([len(cut) for cut in places], np.int64)
    return Program(
        n_wires=n,
        cuts=cuts,
        wire_ops=_starts(len(r) for r in rows),
        ops=_table([op for row in rows for op in row], 4),
        wire_passes=_starts(len(p) for p in passing),
        passes=_table([p for row in passing for p in row], 2),
        transfer_at=_starts(2 << int(a + b) for a, b in itertools.pairwise(cuts)),
        bond_at=_starts(1 << int(2 * a) for a in cuts),
        params=np.array([-1 if g.param is None else g.param for g in angles], np.int64),
        scales=np.array([g.scale for g in angles], np.float64),
        offsets=np.array([g.offset for g in angles], np.float64),
        renames=_table(list(renames), 2),
    )


def _places(n: int, spans: list[tuple[int, int]]) -> list[dict[int, int]]:
    """For the cut left of each wire (and one after the last): bond -> its bit in the label."""
    found: list[dict[int, int]] = [{} for _ in range(n + 1)]
    for bond, (low, high) in enumerate(spans):
        for wire in range(low + 1, high + 1):
            found[wire][bond] = len(found[wire])
    return found


def _operations(
    ops: list[tuple[int, int, int]], spans: list[tuple[int, int]], places: list[dict[int, int]], wire: int
) -> list[tuple[int, int, int, int]]:
    found = []
    for kind, angle, bond in ops:
        right = bond >= 0 and spans[bond][0] == wire
        bit = -1 if bond < 0 else places[wire + 1][bond] if right else places[wire][bond]
        found.append((kind, angle, int(right), bit))
    return found


def _starts(sizes: Iterator[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(list(sizes), dtype=np.int64)]).astype(np.int64)


def _table(rows: list[tuple[int, ...]], columns: int) -> Ints:
    return np.array(rows, np.int64).reshape(len(rows), columns)
