"""The shots dial: what any number of shots shows at fixed angles, from tables made once.

Counts of S shots are multinomial, so that histograms and estimates of loss and MMD² at any S come from one table of
probabilities. The noise of the parameter-shift gradient needs no repetition at all: to first order in 1/S its
variance is V_k / S, with V_k known from the shifted circuits (:func:`gradient_noise`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.analysis.metrics import DEFAULT_GAMMA
from qhn_core.checks import check_angles, check_int
from qhn_core.circuits.circuit import Circuit
from qhn_core.compiled import compiled
from qhn_core.engines.tabulated import draw_index
from qhn_core.errors import Cancelled, InvalidArgument
from qhn_core.estimators.draws import chunks, unroll
from qhn_core.kernels import HammingKernel, kernel_of
from qhn_core.objectives.base import ObjectiveConfig
from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]
#: Entries of the table of counts held at once (8 MB: more would leave the cache).
_ENTRIES = 1 << 20


class Probabilities(Protocol):
    """As much of an engine as the exact gradient needs."""

    def probs(self, circuit: Circuit, theta: ArrayLike) -> Array:
        """q (2**N,) or (B, 2**N) at theta (P,) or (B, P)."""


class DialEstimates(NamedTuple):
    """Repeated estimates from S shots each."""

    counts: Array  #: of the first repetition, (2**N,)
    loss: Array  #: nats per example, (repeats,); see :func:`estimates`
    mmd2: Array  #: unbiased estimates of MMD²(q, π), (repeats,)


class ExactValues(NamedTuple):
    """What infinitely many shots would show, exactly or as estimated from draws (:func:`drawn_values`)."""

    loss: float  #: nats per example
    mmd2: float  #: MMD²(q, π)


class GradientNoise(NamedTuple):
    """Exact gradient, and how much a parameter-shift estimate of it scatters."""

    exact: Array  #: ∂ loss / ∂θ, nats per example, (P,)
    unit: Array  #: √V: the standard deviation at S shots of each circuit is unit / √S, (P,)
    circuits: int  #: circuits of one estimate


def _kernel(objective: ObjectiveConfig, problem: Problem) -> HammingKernel:
    """The objective's kernel, or the one that metrics use where it has none."""
    return kernel_of(getattr(objective, "gamma", DEFAULT_GAMMA), problem.n_bits)


def exact_values(q: Array, problem: Problem, objective: ObjectiveConfig, *, step: int = 0) -> ExactValues:
    """Loss per example and MMD² at q (2**N,)."""
    value = objective.exact(q[None], problem, step).value[0]
    return ExactValues(
        float(value) / problem.n_train, float(_kernel(objective, problem).mmd2(q, np.exp(problem.log_prior)))
    )


def drawn_values(
    seen: ArrayLike, shots: int, problem: Problem, objective: ObjectiveConfig, *, step: int = 0
) -> ExactValues:
    """Loss per example and MMD² of whatever ``shots`` strings with relative frequencies ``seen`` (2**N,) came from.

    MMD² and polynomial losses are estimated without bias, any other loss by plug-in.
    """
    counts = np.rint(shots * np.asarray(seen, dtype=np.float64))[None]
    loss, mmd2 = _from_counts(counts, shots, problem, objective, step, _tables(problem, objective))
    return ExactValues(float(loss[0]), float(mmd2[0]))


def estimates(
    q: ArrayLike,
    problem: Problem,
    objective: ObjectiveConfig,
    *,
    shots: int,
    repeats: int = 200,
    seed: int = 0,
    step: int = 0,
    pool: int | None = None,
) -> DialEstimates:
    """Draw ``shots`` strings from q (2**N,), ``repeats`` times, and estimate loss and MMD² from each draw.

    MMD² and the losses that are polynomial in q are unbiased. Any other (the ELBO, say) is evaluated at the
    relative frequencies: a plug-in estimate, which is biased by O(1/S).

    Args:
        q: what is drawn from: the ideal circuit's distribution, or a device's.
        shots: S ≥ 2.
        step: where the objective's schedules are taken.
        pool: how many draws ``q`` holds the relative frequencies of, None where it is exact. Drawing from draws again
            gives quadratic forms about their plug-in values; estimates are moved to be about the unbiased ones.
    """
    check_int("shots", shots, low=2, high=1_000_000)
    check_int("repeats", repeats, low=1, high=10_000)
    table = np.ascontiguousarray(q, dtype=np.float64)
    if table.shape != (1 << problem.n_bits,):
        raise InvalidArgument("q", expected=f"shape (2**{problem.n_bits},)", got=f"shape {table.shape}")
    table = np.maximum(table, 0.0)
    table /= table.sum()
    rng = np.random.Generator(np.random.Philox(key=[seed, shots]))
    size = max(1, _ENTRIES >> problem.n_bits)
    tables = _tables(problem, objective)
    first, loss, mmd2 = np.zeros(0), [], []
    for start in range(0, repeats, size):
        counts = _counts(table, shots, min(size, repeats - start), rng)
        first = counts[0].copy() if start == 0 else first
        found = _from_counts(counts, shots, problem, objective, step, tables)
        loss.append(found[0])
        mmd2.append(found[1])
    moved = np.zeros(2)
    if pool is not None:
        plug_in = exact_values(table, problem, objective, step=step)
        moved = np.subtract(drawn_values(table, pool, problem, objective, step=step), plug_in)
    return DialEstimates(first, np.concatenate(loss) + moved[0], np.concatenate(mmd2) + moved[1])


def _counts(q: Array, shots: int, rows: int, rng: np.random.Generator) -> Array:
    """Multinomial counts (rows, 2**N), the cheaper way."""
    if q.size <= shots:
        return rng.multinomial(shots, q, size=rows).astype(np.float64)
    index = draw_index(q[None], rows * shots, rng).reshape(rows, shots)
    flat = (index + q.size * np.arange(rows)[:, None]).ravel()
    return np.asarray(np.bincount(flat, np.ones(flat.size), rows * q.size), dtype=np.float64).reshape(rows, q.size)


def _tables(problem: Problem, objective: ObjectiveConfig) -> tuple[Array, float]:
    """(Kπ of every string (2**N,), πᵀKπ): what estimates of MMD² from counts need."""
    prior = np.exp(problem.log_prior)
    embedded = _kernel(objective, problem).apply(prior)
    return embedded, float(prior @ embedded)


def _from_counts(
    counts: Array, shots: int, problem: Problem, objective: ObjectiveConfig, step: int, tables: tuple[Array, float]
) -> tuple[Array, Array]:
    """(loss per example, MMD²) of each row of counts (rows, 2**N)."""
    spectrum = counts.copy()
    compiled().transform_rows(spectrum)
    quadratic = np.square(spectrum, out=spectrum) @ _kernel(objective, problem).normalised_eigenvalues(problem.n_bits)
    # Each draw's kernel with itself, k(w, w) = 1, is left out: S of the S² pairs.
    mmd2 = (quadratic / shots - 1.0) / (shots - 1.0) - 2.0 * (counts @ tables[0]) / shots + tables[1]
    value = objective.of_counts(counts, shots, problem, step, mmd2)
    return np.asarray(value, dtype=np.float64) / problem.n_train, mmd2


def gradient_noise(
    circuit: Circuit,
    theta: ArrayLike,
    problem: Problem,
    objective: ObjectiveConfig,
    *,
    engine: Probabilities,
    step: int = 0,
    at_once: int | None = None,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> GradientNoise:
    """Exact gradient at theta (P,) and the scatter of its parameter-shift estimate.

    With g the frozen diagonal and q± the shifted distributions of occurrence o (scale s_o) of parameter k, each
    circuit measured S times and the inner batch drawn from q,

        S·Var[ĝ_k] → Σ_o s_o² ¼ (Var_{q+} g + Var_{q−} g) + Var_q[½ G Σ_o s_o (q+ − q−)],

    where g = G q + a term without q; G is 2 λ n K for SELBO and 2 k_p for KSD, and nothing for MLE.

    Args:
        engine: what gives probabilities: exact without noise, or exact with it.
        at_once: shifted circuits between two calls of ``progress`` and ``cancelled``, an even number; by default as
            many as memory allows.

    Raises:
        Unsupported: the objective needs log q.
    """
    from qhn_core.estimators.parameter_shift import ParameterShift, _shifted

    ParameterShift().requires(objective)
    row = np.atleast_2d(check_angles(theta, circuit.n_params))[:1]
    q = engine.probs(circuit, row)
    found = objective.exact(q, problem, step)
    diagonal = found.diagonal[0]
    unrolled = unroll(circuit)
    shifted = _shifted(unrolled.angles(row))
    means, variances = np.empty((2, len(shifted)))
    differences = np.zeros((circuit.n_params, q.shape[1])) if objective.needs_inner else None
    for rows in _pairs(len(shifted), circuit.n_qubits, at_once):
        if cancelled is not None and cancelled():
            raise Cancelled("The dial was stopped.")
        probs = engine.probs(unrolled.circuit, shifted[rows])
        means[rows] = probs @ diagonal
        variances[rows] = np.maximum(probs @ diagonal**2 - means[rows] ** 2, 0.0)
        if differences is not None:
            for pair in range(rows.start // 2, rows.stop // 2):
                at = 2 * pair - rows.start
                differences[unrolled.params[pair]] += unrolled.scales[pair] * (probs[at] - probs[at + 1])
        if progress is not None:
            progress(rows.stop / len(shifted))
    pairs, spread = means.reshape(-1, 2), variances.reshape(-1, 2)
    gradient = unrolled.pull_back(0.5 * (pairs[:, 0] - pairs[:, 1])[None], circuit.n_params)[0]
    variance = np.zeros(circuit.n_params)
    np.add.at(variance, unrolled.params, 0.25 * spread.sum(axis=1) * unrolled.scales**2)
    if differences is not None:
        variance += _inner_variance(differences, q[0], problem, objective, step)
    n = problem.n_train
    return GradientNoise(gradient / n, np.sqrt(variance) / n, len(shifted) + 1)


def _pairs(rows: int, n_qubits: int, at_once: int | None) -> Iterator[slice]:
    """Slices of an even number of rows each: both shifts of an occurrence stand in the same one."""
    most = max((part.stop - part.start for part in chunks(rows, n_qubits)), default=2)
    size = max(2, min(most, at_once or most) // 2 * 2)
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))


def _inner_variance(differences: Array, q: Array, problem: Problem, objective: ObjectiveConfig, step: int) -> Array:
    """Var_q[½ G Δ_k] of each parameter, where the diagonal is G q + a term without q."""
    rest = objective.exact(np.zeros((1, q.size)), problem, step).diagonal
    variance = np.empty(len(differences))
    for k, difference in enumerate(differences):
        smooth = 0.5 * (objective.exact(difference[None], problem, step).diagonal - rest)[0]
        variance[k] = smooth**2 @ q - (smooth @ q) ** 2
    return np.maximum(variance, 0.0)
