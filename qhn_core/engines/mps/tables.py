"""A circuit at given angles: its transfer matrices and environments, kept for the next call with the same angles."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.base import Array
from qhn_core.engines.mps.program import Program, compile_circuit

#: Transfer matrices kept between calls, bytes: a training step draws and then scores at the same angles.
_KEPT_BYTES = 64 << 20
#: Operations · χ² below which a second thread is not worth waking.
_SERIAL_WORK = 20_000


class Tables:
    """Transfer matrices (B, …) and, when first asked for, right environments (B, …); never changed once made."""

    def __init__(self, program: Program, theta: Array, threads: int) -> None:
        from qhn_core.engines.mps.running import kernels

        self.program, self.theta, self.threads = program, theta, threads
        half = 0.5 * program.angles(theta)
        self.cosines, self.sines = np.cos(half), np.sin(half)
        self.transfer = np.empty((len(theta), int(program.transfer_at[-1])), np.complex128)
        self.walk(kernels.transfer_matrices, self.transfer)
        self._environments: NDArray[np.complex128] | None = None

    @property
    def environments(self) -> NDArray[np.complex128]:
        """E_i[a, b] = Σ over the strings of wires i… of amplitude(a) · conj(amplitude(b)), for every cut."""
        if self._environments is None:
            from qhn_core.engines.mps.running import kernels, share

            p = self.program
            found = np.empty((len(self.theta), int(p.bond_at[-1])), np.complex128)
            at = (p.n_wires, p.cuts, p.transfer_at, p.bond_at)
            share(kernels.right_environments, len(found), self.threads, *at, self.transfer, found)
            self._environments = found
        return self._environments

    def walk(self, kernel: Any, *arrays: NDArray[Any]) -> None:
        """Run a kernel that walks through the gates of each wire."""
        from qhn_core.engines.mps.running import share

        p = self.program
        pieces = len(self.theta) * -(-p.n_wires // 32)
        plan = (p.n_wires, p.cuts, p.wire_ops, p.ops, p.wire_passes, p.passes, p.transfer_at)
        small = len(self.theta) * int(p.transfer_at[-1]) < _SERIAL_WORK
        share(kernel, pieces, 1 if small else self.threads, *plan, self.cosines, self.sines, *arrays)


class Recent:
    """The tables of the last angles of a few circuits."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._last: Tables | None = None

    def at(self, circuit: Circuit, theta: Array, *, measured: bool = True) -> Tables:
        """Tables at theta (B, P)."""
        program, last = compile_circuit(circuit, measured=measured), self._last
        if last is not None and last.program is program and np.array_equal(last.theta, theta):
            return last
        found = Tables(program, theta.copy(), self._threads)
        self._last = found if found.transfer.nbytes <= _KEPT_BYTES else None
        return found


def tables_at(circuit: Circuit, theta: Array, *, measured: bool = True, threads: int = 1) -> Tables:
    """Tables at theta (B, P), not kept."""
    return Tables(compile_circuit(circuit, measured=measured), np.ascontiguousarray(theta), threads)
