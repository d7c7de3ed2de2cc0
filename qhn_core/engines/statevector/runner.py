"""Runs a compiled circuit: chooses between the sweeps, and hands them their arrays."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.base import Descent, DescentTask
from qhn_core.engines.statevector.kernel_cache import kernel_cache
from qhn_core.engines.statevector.program import WHOLE_BITS, Program, compile_circuit

with kernel_cache():
    from qhn_core.engines.statevector import descent, leading, sweeps, team, workspace

Array = NDArray[np.float64]
Diagonal = Callable[[Array], tuple[Array, Any]]

#: Amplitudes · stages below which a batch is not worth waking a second thread for.
_SERIAL_WORK = 4096
#: Amplitudes · stages, and sweeps, with which a helper helps before it may be asked by somebody else: some 30 ms.
_AT_ONCE, _MOST_ROUNDS = 2**22, 64
#: Largest batch of forward states kept at once when only probabilities are asked for, bytes.
_BATCH_BYTES = 64 * 2**20
_FLAT = np.tile(np.array([1.0, 1.0, 1.0, -1.0]), 32)


class Runner:
    """One circuit, compiled; safe to be used by several threads at once."""

    def __init__(self, circuit: Circuit) -> None:
        self.program: Program = compile_circuit(circuit)
        p = self.program
        matrix = np.concatenate([p.pointers, p.slots])
        self.plan = (p.stages, p.pairs, p.maps, matrix, np.concatenate([p.constants, p.coefficients]))
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
            with workspace.Borrowed() as scratch:
                self.sweep(scratch, len(part), dtype, threads, reverse=False).forward(part, q[start : start + step])
        return q

    def evaluate(self, theta: Array, diagonal: Diagonal, dtype: Any, threads: int) -> tuple[Array, Any, Array]:
        """q, what ``diagonal(q)`` returned beside g, and ∂_θ Σ q g."""
        q = np.empty((len(theta), 1 << self.program.n_qubits))
        with workspace.Borrowed() as scratch:
            sweep = self.sweep(scratch, len(theta), dtype, threads, reverse=True)
            sweep.forward(theta, q)
            g, aux = diagonal(q)
            return q, aux, sweep.backward(behaved(g))

    def descend(self, replica: int, task: DescentTask, out: Descent) -> bool:
        """All steps of one start, whose angles stand in ``out`` before and after; False: a number was not finite."""
        loss, steps = task.loss, len(task.update.rates) + 1
        rows = np.full(steps, -1)
        rows[task.kept] = np.arange(len(task.kept))
        theta = out.theta[replica : replica + 1]
        own = (out.probs, out.fit, out.penalty, out.gradient)
        mine = [np.empty((len(part), *part.shape[2:])) for part in own]
        of_data = replica % len(loss.table)
        with workspace.Borrowed() as scratch:
            descend: Any = descent.descend
            done = descend(
                *self.sweep(scratch, 1, np.float64, 1, reverse=True).arrays,
                loss.kernel,
                loss.table[of_data : of_data + 1],
                loss.held_to,
                loss.eigenvalues,
                np.array([loss.weight(step) for step in range(steps)]),
                float(task.n_train),
                *task.update,
                rows,
                theta,
                *mine,
            )
        for part, values in zip(own, mine, strict=True):
            part[:, replica] = values
        return bool(done == steps)

    def sweep(self, scratch: workspace.Scratch, replicas: int, dtype: Any, threads: int, *, reverse: bool) -> _Sweep:
        """The last sweep on this scratch if it was of the same kind, which spares small circuits a fifth of a step."""
        kind = (self, replicas, dtype, threads, reverse)
        if scratch.kind != kind:
            scratch.kind, scratch.prepared = None, None
            scratch.prepared = _Sweep(self, replicas, dtype, threads, scratch, reverse=reverse)
            scratch.kind = kind
        prepared: _Sweep = scratch.prepared
        return prepared


class _Sweep:
    """Arrays of one evaluation at a time, laid out once for a circuit and a number of replicas."""

    def __init__(
        self, runner: Runner, replicas: int, dtype: Any, threads: int, scratch: workspace.Scratch, *, reverse: bool
    ) -> None:
        program, count = runner.program, runner.program.n_angles
        self.threads = runner.threads(replicas, threads)
        workers = 1 if runner.wide else self.threads
        dims, mem_step, work_step = runner.layout(replicas, reverse)
        mem = scratch.array("mem", dtype, (replicas * 2 << program.bits) + workers * mem_step)
        work = scratch.array("work", dtype, workers * work_step)
        flat = int(dims[sweeps.FLAT])
        for w in range(workers):
            work[w * work_step + flat : w * work_step + flat + 4 * program.bits] = _FLAT[: 4 * program.bits]

        def table(name: str, kind: Any) -> NDArray[Any]:
            return scratch.array(name, kind, replicas * count).reshape(replicas, count)

        phases = sweeps.PHASES_A_STAGE * (1 + len(program.stages)) if runner.wide else 1
        self._shape = (replicas, program.n_params)
        self._arrays = (
            team.bell(self.threads - 1),
            np.zeros(replicas * phases * team.PHASE_WORDS, np.int64) if self.threads > 1 else team.ALONE,
            runner.wide,
            dims,
            *runner.plan,
            table("angles", np.float64),
            table("cosines", dtype),
            table("sines", dtype),
            mem,
            work,
        )
        rows = workers * int(dims[sweeps.ROW_STEP]) if reverse else 0
        self._reverse = (scratch.array("rows", np.float64, rows), table("derivatives", np.float64))
        rounds = min(max(_AT_ONCE // (replicas * len(program.stages) << program.bits), 1), _MOST_ROUNDS)
        self._helpers = team.Helpers(leading.assist, self.threads - 1, rounds, *self._arrays, *self._reverse)

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What the kernels take for both sweeps, from the claims on."""
        return (*self._arrays[1:], *self._reverse)

    def forward(self, theta: Array, q: Array) -> None:
        """Fill q (B, 2**N)."""
        self._helpers.call()
        leading.lead_forward(*self._arrays, theta, q)

    def backward(self, g: Array) -> Array:
        """∂_θ Σ q g, (B, P), for g (B, 2**N) or (1, 2**N)."""
        gradient = np.empty(self._shape)
        self._helpers.call()
        leading.lead_backward(*self._arrays, *self._reverse, g, gradient)
        return gradient

    def assist(self) -> None:
        """What a helper does, by this thread: compiles it."""
        leading.assist(1, 1, team.bell(1), *self._arrays[1:], *self._reverse)


def warm_up(circuit: Circuit, dtype: Any) -> None:
    """Compile what :class:`Runner` runs, or load it from the cache."""
    made, theta = runner(circuit), np.zeros((1, circuit.n_params))
    made.evaluate(theta, lambda q: (q, None), dtype, 1)
    with workspace.Borrowed() as scratch:
        made.sweep(scratch, 1, dtype, 1, reverse=True).assist()


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
