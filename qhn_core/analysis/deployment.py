"""A trained circuit on a device: the networks it draws there, beside those of the ideal circuit."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.analysis.drawn_scores import DrawnScores, drawn_scores
from qhn_core.analysis.predictive import Predictive
from qhn_core.analysis.scores import accuracy_with_ties
from qhn_core.bitstrings import MAX_TABULATED, from_index, index_of, unique
from qhn_core.checks import check_angles, check_int
from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.base import Engine
from qhn_core.engines.tabulated import draw_index
from qhn_core.errors import Cancelled
from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]
#: Simulated ideal devices that say how large a distance shots alone produce.
_SIMULATIONS = 200
#: Likeliest strings of the ideal q that are listed beside the drawn ones where there are too many for all.
_LISTED = 32


class Deployment(NamedTuple):
    """Draws from a device, for one set of angles."""

    bits: NDArray[np.uint8]  #: the drawn strings, (S, N)
    ideal: Array  #: exact q of the noiseless circuit, (2**N,), or of the strings ``listed``
    seen: Array  #: relative frequencies on the device, likewise
    total_variation: float  #: ½ Σ |seen − ideal|
    shot_variation: tuple[float, float]  #: mean and 95 % quantile of the same distance, from shots alone
    accuracy: float  #: of the average over the drawn networks, on the test split; NaN without labels
    ideal_accuracy: float  #: of the average under the ideal q; NaN beyond 20 qubits
    network_accuracy: Array  #: of each distinct drawn network by itself, most frequent first, (U,)
    network_count: NDArray[np.int64]  #: how often each of them was drawn, (U,)
    network_bits: NDArray[np.uint8]  #: their strings, (U, N)
    scores: DrawnScores | None = None  #: of the strings drawn on the device; None without a network or labels
    ideal_scores: DrawnScores | None = None  #: of as many strings drawn from the ideal q
    listed: NDArray[np.int64] | None = None  #: beyond 20 qubits, the drawn and the likeliest strings, (K,)


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
    ideal = exact_engine.probs(circuit, row)[0]
    compare = _everywhere if circuit.n_qubits <= MAX_TABULATED else _where_drawn
    compared = compare(ideal, index_of(bits), rng)
    strings, _, _, counts = unique(bits)
    order = np.argsort(-counts, kind="stable")
    accuracy, ideal_accuracy, each = _accuracies(problem, bits, ideal, strings[order])
    as_many = from_index(draw_index(ideal[None] / ideal.sum(), shots, rng)[0], circuit.n_qubits)
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
        ideal_scores=drawn_scores(problem, as_many, seed=seed),
        listed=compared.listed,
    )


class _Compared(NamedTuple):
    ideal: Array
    seen: Array
    listed: NDArray[np.int64] | None
    distance: float  #: total variation
    by_shots: Array  #: the same of simulated ideal devices, (_SIMULATIONS,)


def _everywhere(ideal: Array, index: NDArray[np.int64], rng: np.random.Generator) -> _Compared:
    """Indices of strings (S,) against the exact q, string by string."""
    seen = np.bincount(index, minlength=ideal.size) / len(index)
    by_shots = rng.multinomial(len(index), ideal / ideal.sum(), size=_SIMULATIONS) / len(index)
    distance = float(0.5 * np.abs(seen - ideal).sum())
    return _Compared(ideal, seen, None, distance, 0.5 * np.abs(by_shots - ideal).sum(axis=1))


def _where_drawn(ideal: Array, index: NDArray[np.int64], rng: np.random.Generator) -> _Compared:
    """The same where 2^N numbers for each simulated device are too many.

    ½ Σ |f − q| = ½ [Σ_drawn |f − q| + 1 − Σ_drawn q] needs the drawn strings alone.
    """
    shots = len(index)
    simulated = draw_index(ideal[None] / ideal.sum(), shots * _SIMULATIONS, rng).reshape(_SIMULATIONS, shots)
    by_shots = np.array([_distance(ideal, row) for row in simulated])
    likeliest = np.argpartition(ideal, -_LISTED)[-_LISTED:]
    listed, counts = np.unique(np.concatenate([likeliest, index]), return_counts=True)
    seen = (counts - np.isin(listed, likeliest)) / shots
    return _Compared(ideal[listed], seen, listed, _distance(ideal, index), by_shots)


def _distance(ideal: Array, index: NDArray[np.int64]) -> float:
    strings, counts = np.unique(index, return_counts=True)
    q = ideal[strings]
    return float(0.5 * (np.abs(counts / len(index) - q).sum() + 1.0 - q.sum()))


def _draw(
    circuit: Circuit,
    row: Array,
    engine: Engine,
    shots: int,
    rng: np.random.Generator,
    parts: int,
    progress: Callable[[float], None] | None,
    cancelled: Callable[[], bool] | None,
) -> NDArray[np.uint8]:
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


def _accuracies(
    problem: Problem, bits: NDArray[np.uint8], ideal: Array, strings: NDArray[np.uint8]
) -> tuple[float, float, Array]:
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
