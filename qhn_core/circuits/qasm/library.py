"""The gates of ``qelib1.inc`` as Qiskit ships it, and the language's own U and CX, as gates of this package.

Global phases are left out: OpenQASM 2 has no controls on gates. Where a gate of the library is itself controlled, its
base has the phase that ``qelib1.inc`` gives it: u3 is e^{i(φ+λ)/2}·RZ(φ)·RY(θ)·RZ(λ).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from qhn_core.circuits.phased import PHASE, Lowered, controlled, controlled_x

_HALF = math.pi / 2
#: Angles of which no sum or difference is a multiple of any other.
_GENERIC = [math.sqrt(prime) for prime in (2, 3, 5, 7)]
Build = Callable[[Sequence[float]], list[Lowered]]


@dataclass(frozen=True)
class LibraryGate:
    """A gate of the library.

    Args:
        name: its name.
        n_angles: how many angles it takes.
        n_qubits: how many qubits it acts on.
        build: its gates on the wires 0…n_qubits−1 for given angles.
        free: places in ``build``'s gates whose angle is one of its own, for those gates that are rotations.
    """

    name: str
    n_angles: int
    n_qubits: int
    build: Build
    free: tuple[int, ...] = ()
    depth = 0
    arithmetic = 0

    @cached_property
    def size(self) -> int:
        """Most gates of ours, whatever the angles: special ones cancel some, which those here do not."""
        return sum(gate.name != PHASE for gate in self.build(_GENERIC[: self.n_angles]))


def _gate(name: str, *wires: int, angle: float = 0.0) -> Lowered:
    return Lowered(name, wires, angle, "", numeric=False)


def _phased(angle: float) -> Lowered:
    return _gate(PHASE, angle=angle)


def _u3(theta: float, phi: float, lam: float) -> list[Lowered]:
    turns = [_gate("RZ", 0, angle=lam), _gate("RY", 0, angle=theta), _gate("RZ", 0, angle=phi)]
    return [*turns, _phased((phi + lam) / 2)]


def _phase(angle: float) -> list[Lowered]:
    return [_gate("RZ", 0, angle=angle), _phased(angle / 2)]


def _sx() -> list[Lowered]:
    return [_gate("RX", 0, angle=_HALF), _phased(math.pi / 4)]


def _swap(first: int, second: int) -> list[Lowered]:
    return [_gate("CNOT", first, second), _gate("CNOT", second, first), _gate("CNOT", first, second)]


def _under(count: int, base: Sequence[Lowered]) -> list[Lowered]:
    """``base`` on the wires from ``count`` on, under controls on those before."""
    shifted = [gate._replace(wires=tuple(wire + count for wire in gate.wires)) for gate in base]
    return list(controlled(shifted, range(count)))


def _flip(count: int) -> list[Lowered]:
    return list(controlled_x(_gate(""), range(count), count))


def _turn(name: str) -> Build:
    return lambda angles: [_gate(name, 0, angle=angles[0])]


def _controlled_turn(name: str) -> Build:
    return lambda angles: _under(1, [_gate(name, 0, angle=angles[0])])


def _fixed(*gates: Lowered) -> Build:
    return lambda _: list(gates)


def _rxx(angle: float) -> list[Lowered]:
    around = [_gate("Hadamard", 0), _gate("Hadamard", 1)]
    return [*around, _gate("IsingZZ", 0, 1, angle=angle), *around]


def _relative(target: int, *steps: int | None) -> list[Lowered]:
    """CNOTs onto ``target`` with T and T† between them in turn; None is a Hadamard."""
    found, sign = [], 1.0
    for step in steps:
        if step is None:
            found.append(_gate("Hadamard", target))
        elif step == target:
            found.append(_gate("RZ", target, angle=sign * math.pi / 4))
            sign = -sign
        else:
            found.append(_gate("CNOT", step, target))
    return found


def _table() -> list[LibraryGate]:
    """One qubit, rotations first; then two; then more."""
    add = LibraryGate
    return [
        *(add(name, 1, 1, _turn(gate), (0,)) for name, gate in (("rx", "RX"), ("ry", "RY"))),
        *(add(name, 1, 1, _turn("RZ"), (0,)) for name in ("rz", "p", "u1")),
        *(add(name, 3, 1, lambda a: _u3(*a)[:3], (0, 1, 2)) for name in ("u3", "u", "U")),
        add("u2", 2, 1, lambda a: _u3(_HALF, *a)[:3], (0, 2)),
        *(add(name, count, 1, _fixed()) for name, count in (("id", 0), ("u0", 1), ("delay", 1))),
        add("h", 0, 1, _fixed(_gate("Hadamard", 0))),
        *(
            add(name, 0, 1, _fixed(_gate(gate, 0, angle=angle)))
            for name, gate, angle in (
                ("x", "RX", math.pi), ("y", "RY", math.pi), ("z", "RZ", math.pi), ("s", "RZ", _HALF),
                ("sdg", "RZ", -_HALF), ("t", "RZ", _HALF / 2), ("tdg", "RZ", -_HALF / 2), ("sx", "RX", _HALF),
                ("sxdg", "RX", -_HALF),
            )
        ),
        *(add(name, 0, 2, _fixed(_gate("CNOT", 0, 1))) for name in ("cx", "CX")),
        add("cz", 0, 2, _fixed(_gate("CZ", 0, 1))),
        add("cy", 0, 2, _fixed(_gate("RZ", 1, angle=-_HALF), _gate("CNOT", 0, 1), _gate("RZ", 1, angle=_HALF))),
        add("swap", 0, 2, _fixed(*_swap(0, 1))),
        add("ch", 0, 2, lambda _: _under(1, [_gate("Hadamard", 0)])),
        add("csx", 0, 2, lambda _: _under(1, _sx())),
        *(
            add(name, 1, 2, _controlled_turn(gate))
            for name, gate in (("crx", "RX"), ("cry", "RY"), ("crz", "RZ"))
        ),
        *(add(name, 1, 2, lambda a: _under(1, _phase(a[0]))) for name in ("cp", "cu1")),
        add("cu3", 3, 2, lambda a: _under(1, _u3(*a))),
        add("cu", 4, 2, lambda a: _under(1, [*_u3(*a[:3]), _phased(a[3])])),
        add("rxx", 1, 2, lambda a: _rxx(a[0])),
        add("rzz", 1, 2, lambda a: [_gate("IsingZZ", 0, 1, angle=a[0])], (0,)),
        add("ccx", 0, 3, lambda _: _flip(2)),
        add("cswap", 0, 3, lambda _: _under(1, _swap(0, 1))),
        add("rccx", 0, 3, lambda _: _relative(2, None, 2, 1, 2, 0, 2, 1, 2, None)),
        add(
            "rc3x", 0, 4, lambda _: _relative(3, None, 3, 2, 3, None, 0, 3, 1, 3, 0, 3, 1, 3, None, 3, 2, 3, None)
        ),
        add("c3x", 0, 4, lambda _: _flip(3)),
        add("c3sqrtx", 0, 4, lambda _: _under(3, _sx())),
        add("c4x", 0, 5, lambda _: _flip(4)),
    ]  # fmt: skip


#: By name; without ``include "qelib1.inc"`` only U and CX are known.
LIBRARY: dict[str, LibraryGate] = {gate.name: gate for gate in _table()}
#: The language's own gates, which no definition can replace.
BUILT_IN = ("U", "CX")
#: Gates that change nothing, known by name even where a program declares them opaque.
IDENTITIES = ("id", "u0", "delay")
