"""Runs a compiled circuit: chooses between the sweeps, and hands them their arrays."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.circuit import Circuit
from qhn_core.engines._cache import kernel_cache
from qhn_core.engines._plan import WHOLE_BITS, Program, compile_circuit

with kernel_cache():
    from qhn_core.engines import _sweeps as sweeps
    from qhn_core.engines import _team as team
    from qhn_core.engines import _workspace as workspace

Array = NDArray[np.float64]
Diagonal = Callable[[Array], tuple[Array, Any]]

#: Amplitudes · stages below which a batch is not worth waking a second thread for.
_SERIAL_WORK = 4096
#: Largest batch of forward states kept at once when only probabilities are asked for, bytes.
_BATCH_BYTES = 64 * 2**20
_FLAT = np.tile(np.array([1.0, 1.0, 1.0, -1.0]), 32)


class Runner:
    """One circuit, compiled; safe to be used by several threads at once."""

    def __init__(self, circuit: Circuit) -> None:
        self.program: Program = compile_circuit(circuit)
        p = self.program
        matrix = np.concatenate([p.pointers, p.slots])
        self._plan = (p.stages, p.pairs, p.maps, matrix, np.concatenate([p.constants, p.coefficients]))
        self._layouts: dict[tuple[int, bool], tuple[NDArray[np.int64], int, int]] = {}
        self.wide = p.bits > WHOLE_BITS

    def layout(self, replicas: int, reverse: bool) -> tuple[NDArray[np.int64], int, int]:
        """Cached :func:`workspace.layout`."""
        key = (replicas, reverse)
        found = self._layouts.get(key)
        if found is None:
            found = self._layouts[key] = workspace.layout(self.program, replicas, reverse=reverse)
        return found

    def threads(self, replicas: int, limit: int) -> int:
        """How many threads are worth it."""
        small = replicas * len(self.program.stages) << self.program.bits
        return 1 if small < _SERIAL_WORK else limit if self.wide else min(replicas, limit)

    def probabilities(self, theta: Array, dtype: Any, threads: int) -> Array:
        """q (B, 2**N), without keeping states."""
        q = np.empty((len(theta), 1 << self.program.n_qubits))
        step = max(1, _BATCH_BYTES // (2 * np.dtype(dtype).itemsize << self.program.bits))
        for start in range(0, len(theta), step):
            part = theta[start : start + step]
            with workspace.scratch() as scratch:
                sweep = _Sweep(self, part, dtype, threads, scratch, reverse=False)
                sweep.forward(q[start : start + step])
        return q

    def evaluate(self, theta: Array, diagonal: Diagonal, dtype: Any, threads: int) -> tuple[Array, Any, Array]:
        """q, what ``diagonal(q)`` returned beside g, and ∂_θ Σ q g."""
        q = np.empty((len(theta), 1 << self.program.n_qubits))
        with workspace.scratch() as scratch:
            sweep = _Sweep(self, theta, dtype, threads, scratch, reverse=True)
            sweep.forward(q)
            g, aux = diagonal(q)
            return q, aux, sweep.backward(behaved(g))


class _Sweep:
    """Arrays of one evaluation."""

    def __init__(
        self, runner: Runner, theta: Array, dtype: Any, threads: int, scratch: workspace.Scratch, *, reverse: bool
    ) -> None:
        self.runner, self.theta, self.scratch = runner, theta, scratch
        program, replicas = runner.program, len(theta)
        self.threads = runner.threads(replicas, threads)
        self.workers = 1 if runner.wide else self.threads
        self.dims, mem, work = runner.layout(replicas, reverse)
        count = program.n_angles
        self.mem = scratch.array("mem", dtype, (replicas * 2 << program.bits) + self.workers * mem)
        self.work = scratch.array("work", dtype, self.workers * work)
        self.angles = scratch.array("angles", np.float64, replicas * count).reshape(replicas, count)
        self.cosines = scratch.array("cosines", dtype, replicas * count).reshape(replicas, count)
        self.sines = scratch.array("sines", dtype, replicas * count).reshape(replicas, count)
        flat = int(self.dims[sweeps.FLAT])
        for w in range(self.workers):
            self.work[w * work + flat : w * work + flat + 4 * program.bits] = _FLAT[: 4 * program.bits]

    def claims(self) -> NDArray[np.int64]:
        """Unclaimed pieces for a team; empty for one thread."""
        if self.threads == 1:
            return team.ALONE
        phases = sweeps.PHASES_A_STAGE * (1 + len(self.runner.program.stages)) if self.runner.wide else 1
        return np.zeros(len(self.theta) * phases * team.PHASE_WORDS, np.int64)

    def forward(self, q: Array) -> None:
        """Fill q (B, 2**N)."""
        plan = (self.claims(), self.runner.wide, self.dims, *self.runner._plan)
        arrays = (self.theta, self.angles, self.cosines, self.sines, self.mem, self.work, q)
        team.run(sweeps.forward, self.threads, *plan, *arrays)

    def backward(self, g: Array) -> Array:
        """∂_θ Σ q g, (B, P), for g (B, 2**N) or (1, 2**N)."""
        program, replicas = self.runner.program, len(self.theta)
        rows = self.scratch.array("rows", np.float64, self.workers * int(self.dims[sweeps.ROW_STEP]))
        derivatives = self.scratch.array("derivatives", np.float64, replicas * program.n_angles)
        gradient = np.empty((replicas, program.n_params))
        plan = (self.claims(), self.runner.wide, self.dims, *self.runner._plan)
        arrays = (self.angles, self.cosines, self.sines, self.mem, self.work, rows, g)
        last = (derivatives.reshape(replicas, program.n_angles), gradient)
        team.run(sweeps.backward, self.threads, *plan, *arrays, *last)
        return gradient


def cores() -> int:
    """Processors that this process may use."""
    return team.cores()


def behaved(array: Array) -> Array:
    """The array in the one memory layout and type that kernels are compiled for."""
    if array.flags.carray and array.dtype == np.float64:
        return array
    return np.array(array, dtype=np.float64, order="C")


_RUNNERS: OrderedDict[str, Runner] = OrderedDict()
_LOCK = threading.Lock()
_KEPT = 64


def runner(circuit: Circuit) -> Runner:
    """The compiled circuit, from a small cache keyed by content."""
    key = circuit.content_hash
    found = _RUNNERS.get(key)
    if found is None:
        found = Runner(circuit)
        with _LOCK:
            _RUNNERS[key] = found
            while len(_RUNNERS) > _KEPT:
                _RUNNERS.popitem(last=False)
    return found


def draw(q: Array, uniform: Array, n_qubits: int, threads: int) -> NDArray[np.uint8]:
    """Strings (B, S, N) by inverting the distribution function of each row of q at ``uniform`` (B, S)."""
    bits = np.empty((*uniform.shape, n_qubits), np.uint8)
    threads = 1 if uniform.size < _SERIAL_WORK else min(threads, len(q))
    claims = np.zeros(len(q) * team.PHASE_WORDS, np.int64) if threads > 1 else team.ALONE
    team.run(sweeps.draw, threads, claims, q, uniform, n_qubits, bits)
    return bits
