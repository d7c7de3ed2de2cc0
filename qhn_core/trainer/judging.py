"""From which strings a logged step's metrics come where q is not known exactly, and the error that this leaves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from qhn_core.bitstrings import MAX_TABULATED
from qhn_core.config import RunConfig
from qhn_core.engines.base import LOG_Q, PROBABILITIES
from qhn_core.engines.cores import shared, usable
from qhn_core.engines.statevector import MAX_QUBITS
from qhn_core.estimators.base import Estimate
from qhn_core.estimators.score_function import FEW_BEYOND, FEW_DRAWS, MANY_DRAWS
from qhn_core.optimisers.base import Array
from qhn_core.problems.stack import ProblemStack
from qhn_core.trainer.setup import Setup
from qhn_core.trainer.state import TrainState
from qhn_core.trainer.streams import generator

#: Strings drawn for the metrics of a logged step where the estimator drew none at θ itself.
METRIC_SHOTS = 1024
#: Networks of the ensemble from which a logged step's metrics are estimated where it draws fewer, and beyond tables.
ENSEMBLE = 256


def rows(setup: Setup, found: Sequence[Estimate]) -> dict[str, Array]:
    """The metrics of several steps' exact estimates: each (T, B), and bit for bit what each step would log.

    Many at once where all starts train on the same data, and on all cores that this work may use: for small circuits
    that is several times faster.
    """
    size = 1 if isinstance(setup.problem, ProblemStack) else -(-len(found) // shared(usable()))
    parts = [found[first : first + size] for first in range(0, len(found), size)]
    with ThreadPoolExecutor(shared(usable())) as pool:
        each = list(pool.map(lambda part: _rows(setup, part), parts))
    return {name: np.concatenate([part[name] for part in each]) for name in each[0]}


def _rows(setup: Setup, found: Sequence[Estimate]) -> dict[str, Array]:
    def joined(arrays: Iterable[Array | None]) -> Array:
        return np.concatenate([array for array in arrays if array is not None])

    row = setup.metrics.row(
        value=joined(one.value for one in found) / setup.n_train,
        terms={name: joined(one.terms[name] for one in found) for name in found[0].terms},
        gradient=joined(one.gradient for one in found) / setup.n_train,
        probs=joined(one.probs for one in found),
    )
    return {name: values.reshape(len(found), -1) for name, values in row.items()}


def with_table(setup: Setup, state: TrainState, found: Estimate) -> Estimate:
    """An estimate from drawn strings in a simulation that knows all of q, with q beside it: metrics are exact then."""
    known = found.log_q is not None and setup.plan.tabulated and PROBABILITIES in setup.config.engine.provides
    return found._replace(probs=setup.engine.probs(setup.circuit, state.theta)) if known else found


def judged(setup: Setup, state: TrainState, found: Estimate) -> Estimate:
    """The estimate that a logged step reports: its own, or that of an ensemble where it drew few strings or examples.

    The ensemble comes from the same random numbers at each logged step, so that curves move as the angles do.
    """
    if found.probs is not None or not takes_ensemble(setup.config):
        return found
    bits, log_q = ensemble(setup, state.theta)
    sampled = setup.config.objective.sampled(bits, setup.problem, state.step, log_q=log_q)
    return found._replace(value=sampled.value, terms=sampled.terms, bits=bits, log_q=log_q)


def metric_bits(setup: Setup, state: TrainState, found: Estimate) -> NDArray[np.uint8] | None:
    """The estimate's strings (B, S, N), or new ones where it drew none; None where q is known exactly."""
    if found.probs is not None or found.bits is not None:
        return found.bits
    shots = metric_shots(setup.config)
    return setup.engine.sample(setup.circuit, state.theta, shots, generator(setup.config.seed, state.step, 1))


def loss_error(setup: Setup, bits: NDArray[np.uint8], at_step: int, *, log_q: Array | None = None) -> Array:
    """Standard error of the loss ÷ n as estimated from bits (B, S, N), to first order in 1/√S: (B,); NaN for S = 1.

    The loss is a mean over the draws, or over pairs of them, whose variance is Var g / S up to O(1/S²) with g the
    frozen diagonal (Hoeffding, 1948). At q = π the MMD's part of g vanishes, and what is left is O(1/S).
    """
    draws = bits.shape[1]
    if draws < 2:
        return np.full(len(bits), np.nan)
    g = setup.config.objective.diagonal_at(bits, setup.problem, at_step, inner=bits, log_q=log_q)
    return np.asarray(g.std(axis=1, ddof=1) / np.sqrt(draws) / setup.n_train)


def takes_ensemble(config: RunConfig) -> bool:
    """Whether a logged step is judged by an ensemble, as it draws fewer strings, or looks at a part of the examples."""
    n_bits = 0 if config.network is None else config.network.n_bits
    if n_bits <= MAX_TABULATED or LOG_Q not in config.engine.provides:
        return False
    own = getattr(config.estimator, "shots", None) or (MANY_DRAWS if n_bits <= FEW_BEYOND else FEW_DRAWS)
    return config.batch is not None or own < ENSEMBLE


def ensemble(setup: Setup, theta: Array) -> tuple[NDArray[np.uint8], Array]:
    """The ensemble at theta (B, P), the same random numbers at each step: bits (B, 256, N) and log q (B, 256)."""
    return setup.engine.draw(setup.circuit, theta, ENSEMBLE, generator(setup.config.seed, 0, 1))


def ensemble_of(setup: Setup, theta: Array, replica: int) -> NDArray[np.uint8]:
    """The strings of one replica in :func:`ensemble`, (256, N), at little more than the cost of that one."""
    n_bits = setup.circuit.n_qubits
    if n_bits <= MAX_QUBITS:
        return ensemble(setup, theta)[0][replica]
    rng = generator(setup.config.seed, 0, 1)
    rng.random(replica * ENSEMBLE * n_bits)  # what the replicas before it take
    return np.asarray(setup.engine.draw(setup.circuit, theta[replica], ENSEMBLE, rng)[0])


def metric_shots(config: RunConfig) -> int:
    """Strings S from which a logged step's metrics are estimated where q is not known exactly."""
    if takes_ensemble(config):
        return ENSEMBLE
    return int(getattr(config.estimator, "shots", None) or METRIC_SHOTS)
