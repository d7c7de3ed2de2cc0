"""A trained circuit on a device: the networks it draws there, beside those of the ideal circuit."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.analysis.drawn_scores import DrawnScores, drawn_scores
from qhn_core.analysis.predictive import Predictive
from qhn_core.analysis.scores import accuracy_with_ties
from qhn_core.bitstrings import MAX_TABULATED, Bits, from_index, index_of, unique
from qhn_core.checks import check_angles, check_int
from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.base import Engine
from qhn_core.engines.statevector import MAX_QUBITS
from qhn_core.engines.tabulated import draw_index
from qhn_core.errors import Cancelled, TooLarge
from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]
#: Simulated ideal devices that say how large a distance shots alone produce.
_SIMULATIONS = 200


class Wide(NamedTuple):
    """What tells two samplers apart where hardly any string is drawn twice: log q and the marginals."""

    log_q: Array  #: of the strings from the device under the ideal circuit, nats, (S,); −∞ where it never draws them
    ideal_log_q: Array  #: of as many strings drawn from the ideal q, nats, (S,)
    marginals: Array  #: P(bit_i = 1) on the device and under the ideal q, (2, N); the latter exact where bonds tell it


class Deployment(NamedTuple):
    """Draws from a device, for one set of angles."""

    bits: Bits  #: the drawn strings, (S, N)
    ideal: Array  #: exact q of the noiseless circuit, (2**N,), or of the strings ``listed``
    seen: Array  #: relative frequencies on the device, likewise
    total_variation: float  #: ½ Σ |seen − ideal|; NaN beyond 24 qubits, where hardly any string is drawn twice
    shot_variation: tuple[float, float]  #: mean and 95 % quantile of the same distance, from shots alone
    accuracy: float  #: of the average over the drawn networks, on the test split; NaN without labels
    ideal_accuracy: float  #: of the average under the ideal q; NaN beyond 20 qubits
    network_accuracy: Array  #: of each distinct drawn network by itself, most frequent first, (U,)
    network_count: NDArray[np.int64]  #: how often each of them was drawn, (U,)
    network_bits: Bits  #: their strings, (U, N)
    scores: DrawnScores | None = None  #: of the strings drawn on the device; None without a network or labels
    ideal_scores: DrawnScores | None = None  #: of as many strings drawn from the ideal q
    listed: Bits | None = None  #: beyond 20 qubits, the strings drawn on the device and from the ideal q, (K, N)
    wide: Wide | None = None  #: beyond 20 qubits


def deploy(
    circuit: Circuit,
    theta: ArrayLike,
    problem: Problem,
    *,
    engine: Engine,
    exact_engine: Engine,
    shots: int = 1024,
    seed: int = 0,
    parts: int = 1,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Deployment:
    """Draw weights at theta (P,) on ``engine`` and compare with the ideal circuit of ``exact_engine``.

    Args:
        parts: jobs that the shots are divided into; between them ``progress`` is told the finished fraction, and
            ``cancelled`` is asked (True raises :class:`Cancelled`). Use 1 where every job waits in a queue.

    Raises:
        DeviceError: the device failed; TooLarge, Unsupported: it cannot run this circuit.
    """
    check_int("shots", shots, low=1, high=1_000_000)
    row = np.atleast_2d(check_angles(theta, circuit.n_params))[:1]
    rng = np.random.Generator(np.random.Philox(key=[seed, 0]))
    bits = _draw(circuit, row, engine, shots, rng, min(parts, shots), progress, cancelled)
    compare = _everywhere if circuit.n_qubits <= MAX_TABULATED else _where_drawn
    compared = compare(circuit, row, exact_engine, bits, rng)
    strings, _, _, counts = unique(bits)
    order = np.argsort(-counts, kind="stable")
    accuracy, ideal_accuracy, each = _accuracies(problem, bits, compared.ideal, strings[order])
    return Deployment(
        bits=bits,
        ideal=compared.ideal,
        seen=compared.seen,
        total_variation=compared.distance,
        shot_variation=(float(compared.by_shots.mean()), float(np.quantile(compared.by_shots, 0.95))),
        accuracy=accuracy,
        ideal_accuracy=ideal_accuracy,
        network_accuracy=each,
        network_count=counts[order],
        network_bits=strings[order],
        scores=drawn_scores(problem, bits, seed=seed),
        ideal_scores=drawn_scores(problem, compared.as_many, seed=seed),
        listed=compared.listed,
        wide=compared.wide,
    )


class _Compared(NamedTuple):
    ideal: Array
    seen: Array
    distance: float  #: total variation
    by_shots: Array  #: the same of simulated ideal devices, (_SIMULATIONS,)
    as_many: Bits  #: as many strings drawn from the ideal q, (S, N)
    listed: Bits | None = None
    wide: Wide | None = None


def _everywhere(circuit: Circuit, row: Array, exact: Engine, bits: Bits, rng: np.random.Generator) -> _Compared:
    """The drawn strings (S, N) against the exact q, string by string."""
    ideal, shots = exact.probs(circuit, row)[0], len(bits)
    seen = np.bincount(index_of(bits), minlength=ideal.size) / shots
    by_shots = rng.multinomial(shots, ideal / ideal.sum(), size=_SIMULATIONS) / shots
    as_many = from_index(draw_index(ideal[None] / ideal.sum(), shots, rng)[0], circuit.n_qubits)
    distance = float(0.5 * np.abs(seen - ideal).sum())
    return _Compared(ideal, seen, distance, 0.5 * np.abs(by_shots - ideal).sum(axis=1), as_many)


def _where_drawn(circuit: Circuit, row: Array, exact: Engine, bits: Bits, rng: np.random.Generator) -> _Compared:
    """The same where all strings are too many: from log q of those that were drawn.

    ½ Σ |f − q| = ½ [Σ_drawn |f − q| + 1 − Σ_drawn q] needs the drawn strings alone. Of hundreds of bits nearly every
    string is drawn once, and this is 1 for the ideal circuit, too: then log q and the marginals tell what differs.
    """
    shots, often = len(bits), circuit.n_qubits <= MAX_QUBITS
    as_many, ideal_log_q = exact.draw(circuit, row[0], shots, rng)
    log_q = exact.log_prob(circuit, row[0], bits)
    strings, first, _, _ = unique(np.concatenate([bits, as_many]))
    ideal = np.exp(np.concatenate([log_q, ideal_log_q])[first])
    places = unique(np.concatenate([strings, bits])).inverse
    seen = np.bincount(places[len(strings) :], minlength=len(strings)) / shots
    by_shots = np.full(1, np.nan)
    if often:
        drawn, values = exact.draw(circuit, row[0], _SIMULATIONS * shots, rng)
        parts = zip(np.split(drawn, _SIMULATIONS), np.split(np.exp(values), _SIMULATIONS), strict=True)
        by_shots = np.array([_distance(*part) for part in parts])
    distance = _distance(bits, np.exp(log_q)) if often else float("nan")
    wide = Wide(log_q, ideal_log_q, np.stack([bits.mean(axis=0), _marginals(circuit, row[0], as_many)]))
    return _Compared(ideal, seen, distance, by_shots, as_many, strings, wide)


def _marginals(circuit: Circuit, theta: Array, drawn: Bits) -> Array:
    """P(bit_i = 1) under the ideal q, (N,): exact where bonds tell it, else of the strings drawn from it."""
    from qhn_core.engines.mps.profile import marginals

    try:
        return marginals(circuit, theta)
    except TooLarge:
        return np.asarray(drawn.mean(axis=0))


def _distance(bits: Bits, q: Array) -> float:
    """Total variation distance of drawn strings (S, N) from the distribution under which they have ``q`` (S,)."""
    _, first, _, counts = unique(bits)
    return float(0.5 * (np.abs(counts / len(bits) - q[first]).sum() + 1.0 - q[first].sum()))


def _draw(
    circuit: Circuit,
    row: Array,
    engine: Engine,
    shots: int,
    rng: np.random.Generator,
    parts: int,
    progress: Callable[[float], None] | None,
    cancelled: Callable[[], bool] | None,
) -> Bits:
    """Strings (shots, N), drawn in ``parts`` jobs of nearly equal size."""
    found = []
    for done in range(parts):
        if cancelled is not None and cancelled():
            raise Cancelled("Drawing was stopped.")
        size = shots // parts + (done < shots % parts)
        found.append(engine.sample(circuit, row, size, rng)[0])
        if progress is not None:
            progress((done + 1) / parts)
    return np.concatenate(found)


def _accuracies(problem: Problem, bits: Bits, ideal: Array, strings: Bits) -> tuple[float, float, Array]:
    """(of the drawn average, of the ideal average, of each string); NaN without a network or labels."""
    nothing = float("nan"), float("nan"), np.full(len(strings), np.nan)
    if problem.network is None or problem.dataset is None:
        return nothing
    predictive = Predictive(problem, "test")
    if predictive.y is None or not predictive.n_examples:
        return nothing
    drawn = accuracy_with_ties(predictive.drawn(bits[None]).proba, predictive.y)[0]
    size = max(1, (64 << 20) // (8 * predictive.n_examples * predictive.n_classes))
    each = [
        accuracy_with_ties(problem.network.predict_proba(strings[k : k + size], predictive.x), predictive.y)
        for k in range(0, len(strings), size)
    ]
    exact = float(predictive.scores(ideal[None]).accuracy[0]) if problem.table is not None else float("nan")
    return float(drawn), exact, np.concatenate(each)
