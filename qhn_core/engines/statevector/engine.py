"""The exact engine itself; Numba is imported when one is made."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qhn_core.bitstrings import Bits, from_index
from qhn_core.checks import check_angles, check_finite, check_int
from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.base import Array, Descent, DescentTask, Engine, Evaluation
from qhn_core.engines.cores import shared, usable
from qhn_core.engines.tabulated import ScoresFromTable, draw_index
from qhn_core.errors import Cancelled, InvalidArgument, TooLarge

#: Largest circuit: its state has 16 million amplitudes, 256 MB.
MAX_QUBITS = 24
#: Most memory for the probabilities that a draw keeps, bytes.
KEPT_BYTES = 64 << 20


class StatevectorEngine(ScoresFromTable, Engine):
    """Exact probabilities, gradients of diagonal observables, and samples of exact probabilities.

    A circuit is compiled once into fused layers (:mod:`.program`); gradients come from one reversible adjoint sweep
    (:mod:`.sweeps`), at a memory of less than 8 state vectors a replica whatever the depth. Results do not depend on
    the number of threads, and a batch gives bit for bit what its replicas give one by one.

    Args:
        dtype: "float64", or "float32" for amplitudes of half the size. Then q is right to 2e-5 of its largest value
            and sums to 1 within 2e-5, and a gradient is right to 2e-6 √(E_q g²), for the registered circuits at up to
            20 qubits and 4 layers. (The largest errors measured there, over all circuits, several starts and three
            kinds of g: 8e-6 and 7e-7. They grow with the number of gates: `all_to_all` has the largest. Where the
            gradient is small beside g, its relative error is larger: 1.5e-4 was seen.)
        threads: cores to use, None for all.
    """

    title = "The exact engine"

    def __init__(self, *, dtype: str = "float64", threads: int | None = None) -> None:
        from qhn_core.engines.statevector import runner

        self._running = runner
        self._last: tuple[str, Array, Array] | None = None  # circuit, angles and q of the last draw
        self.dtype = np.dtype(dtype).type
        self.threads = usable() if threads is None else check_int("threads", threads, low=1)

    def warm_up(self, circuit: Circuit) -> None:
        """Compile every kernel for this precision, or load it from the cache."""
        self._running.warm_up(circuit, self.dtype)

    def probs(self, circuit: Circuit, theta: ArrayLike) -> Array:
        """q(w) = |⟨w|U(θ)|0⟩|²: theta (P,) or (B, P) -> (2**N,) or (B, 2**N)."""
        angles = check_angles(theta, circuit.n_params)
        _check_size(circuit)
        rows = self._running.behaved(np.atleast_2d(angles))
        q = self._kept(circuit, rows)
        q = self._probabilities(circuit, rows) if q is None else q.copy()
        return q if angles.ndim == 2 else q[0]

    def _known(self, circuit: Circuit, rows: Array) -> Array:
        """q at theta (B, P), kept for the next call at the same angles: a step draws once or twice, and logs."""
        _check_size(circuit)
        q = self._kept(circuit, rows)
        if q is None:
            q = self._probabilities(circuit, rows)
            if q.nbytes <= KEPT_BYTES:
                self._last = (circuit.content_hash, rows.copy(), q)
        return q

    def _kept(self, circuit: Circuit, rows: Array) -> Array | None:
        last = self._last  # one look: another thread may replace it meanwhile
        same = last is not None and last[0] == circuit.content_hash and np.array_equal(last[1], rows)
        return last[2] if last is not None and same else None

    def _probabilities(self, circuit: Circuit, rows: Array) -> Array:
        behaved = self._running.behaved(rows)
        return self._running.runner(circuit).probabilities(behaved, self.dtype, shared(self.threads))

    def gradient(self, circuit: Circuit, theta: ArrayLike, diagonal: ArrayLike) -> Array:
        """∂_θ Σ_w q(w) g(w) for a frozen g, (2**N,) or (B, 2**N): shape of theta."""
        _check_size(circuit)
        angles = check_angles(theta, circuit.n_params)
        g = np.atleast_2d(check_finite("diagonal", diagonal))
        rows, size = np.atleast_2d(angles), 2**circuit.n_qubits
        if g.ndim != 2 or g.shape[1] != size or g.shape[0] not in (1, len(rows)):
            expected = f"shape ({size},) or ({len(rows)}, {size})"
            raise InvalidArgument("diagonal", expected=expected, got=f"shape {np.shape(diagonal)}")
        return self.evaluate(circuit, rows, lambda q: (g, None)).gradient.reshape(angles.shape)

    def evaluate(self, circuit: Circuit, theta: Array, diagonal: Callable[[Array], tuple[Array, Any]]) -> Evaluation:
        """Probabilities, then ``diagonal(q) -> (g, aux)``, then the gradient from the same state; theta (B, P).

        ``g`` may have one row for all replicas.
        """
        _check_size(circuit)
        rows = self._running.behaved(theta)
        threads = shared(self.threads)
        return Evaluation(*self._running.runner(circuit).evaluate(rows, diagonal, self.dtype, threads))

    def descend(self, circuit: Circuit, theta: Array, task: DescentTask) -> Descent | None:
        """All steps at once, each start on one core; None for float32 and circuits that take several cores a start."""
        _check_size(circuit)
        found = self._running.runner(circuit)
        if self.dtype is not np.float64 or found.wide:
            return None
        each = (len(task.kept), len(theta))
        out = Descent(
            theta=np.array(theta, dtype=np.float64, order="C"),
            probs=np.empty((*each, 1 << circuit.n_qubits)),
            fit=np.empty(each),
            penalty=np.empty(each),
            gradient=np.empty((*each, circuit.n_params)),
        )

        def start(r: int) -> bool:
            if task.cancelled():
                raise Cancelled("nobody waits for it")
            return bool(found.descend(r, task, out))

        with ThreadPoolExecutor(shared(self.threads)) as pool:
            return out if all(list(pool.map(start, range(len(theta))))) else None

    def sample(self, circuit: Circuit, theta: ArrayLike, shots: int, rng: np.random.Generator) -> Bits:
        """Bitstrings drawn from q by inverting its distribution function: (shots, N) or (B, shots, N).

        Replica r uses the r-th run of ``shots`` numbers of ``rng``: replicas are independent of one another.
        """
        check_int("shots", shots, low=1)
        q = np.atleast_2d(self.probs(circuit, theta))
        bits = from_index(draw_index(q, shots, rng), circuit.n_qubits)
        return bits if np.ndim(theta) == 2 else bits[0]


def _check_size(circuit: Circuit) -> None:
    if circuit.n_qubits > MAX_QUBITS:
        raise TooLarge(
            f"The exact engine takes at most {MAX_QUBITS} qubits, and this circuit has {circuit.n_qubits}: its state "
            f"alone would hold {2**circuit.n_qubits:.3g} amplitudes. Use a smaller network, or a device."
        )
