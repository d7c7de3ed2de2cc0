"""Training as a pure function: ``state, info = step(setup, state)``. No threads, no files, no clock.

Steps are counted 0 … T, T being ``config.steps``. The step at t < T evaluates loss and gradient at θ_t, logs them, and
updates to θ_{t+1}; the one at t = T only logs. So a run is T + 1 calls, and a state can be saved between any two.
Everything random at step t comes from a generator keyed by (seed, t): there is no generator state to save.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core.analysis.metrics import Metrics
from qhn_core.ansatze import initial_angles
from qhn_core.bitstrings import MAX_TABULATED
from qhn_core.circuits.circuit import Circuit
from qhn_core.config import RunConfig
from qhn_core.datasets import Dataset
from qhn_core.engines.base import LOG_Q, PROBABILITIES, Engine
from qhn_core.errors import Cancelled, InvalidArgument
from qhn_core.estimators.base import Estimate, Work
from qhn_core.estimators.score_function import FEW_BEYOND, FEW_DRAWS, MANY_DRAWS
from qhn_core.optimisers.base import Array, OptimiserState, clipped
from qhn_core.planning import Plan, plan
from qhn_core.problems.minibatch import minibatch
from qhn_core.problems.problem import Problem, problem
from qhn_core.problems.stack import ProblemStack, stack_problems
from qhn_core.sharing import Shared

#: Strings drawn for the metrics of a logged step where the estimator drew none at θ itself.
METRIC_SHOTS = 1024
#: Networks of the ensemble from which a logged step's metrics are estimated where it draws fewer, and beyond tables.
ENSEMBLE = 256
_PREFIX = "optimiser."
#: Metrics in use by what their problems are made from.
_TABLES: Shared[Metrics] = Shared()
#: Handed to estimators that draw nothing: making a generator costs a tenth of a small step.
_UNDRAWN = np.random.Generator(np.random.Philox(0))


@dataclass(frozen=True, eq=False)
class Setup:
    """What a run works with, built once: safe to share between threads, never changed."""

    config: RunConfig
    plan: Plan
    circuit: Circuit
    problem: Problem
    engine: Engine
    metrics: Metrics
    #: Held so that others with the same problem share its tables.
    tables: Metrics | None = None

    @property
    def n_train(self) -> int:
        """Training examples n by which losses are divided (1 for a cost table)."""
        return self.problem.n_train


@dataclass(frozen=True, eq=False)
class TrainState:
    """Where a run stands before step ``step``.

    Args:
        step: updates made so far, t.
        theta: angles θ_t, radians, (B, P).
        optimiser: what the optimiser remembers, named arrays.
        best: smallest loss of each replica so far, (B,).
        stale: steps since any replica's loss improved.
        done: whether the last step has been logged.
    """

    step: int
    theta: Array
    optimiser: OptimiserState = field(repr=False)
    best: Array = field(repr=False)
    stale: int = 0
    done: bool = False

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The whole state as named arrays, for a checkpoint."""
        named: dict[str, NDArray[Any]] = {
            "step": np.array(self.step, dtype=np.int64),
            "theta": self.theta,
            "best": self.best,
            "stale": np.array(self.stale, dtype=np.int64),
            "done": np.array(self.done, dtype=np.int64),
        }
        return named | {_PREFIX + name: array for name, array in self.optimiser.items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> TrainState:
        """Inverse of :meth:`arrays`; raises InvalidArgument where one is missing."""
        missing = {"step", "theta", "best", "stale", "done"} - set(arrays)
        if missing:
            raise InvalidArgument("checkpoint", expected=f"the arrays {sorted(missing)} too", got=sorted(arrays))
        return cls(
            step=int(arrays["step"]),
            theta=np.array(arrays["theta"], dtype=np.float64),
            optimiser={k.removeprefix(_PREFIX): np.array(v) for k, v in arrays.items() if k.startswith(_PREFIX)},
            best=np.array(arrays["best"], dtype=np.float64),
            stale=int(arrays["stale"]),
            done=bool(arrays["done"]),
        )


class Info(NamedTuple):
    """What one step has to tell."""

    step: int  #: t
    row: dict[str, Array] | None  #: metrics at θ_t, each (B,), terms as "term_<name>"; None where t is not logged
    probs: Array | None  #: exact q at θ_t, (B, 2**N), where it is known
    bits: NDArray[np.uint8] | None  #: strings drawn at θ_t, (B, S, N), where there are some
    done: bool  #: whether this was the last step
    reason: str  #: why it was the last; empty otherwise


def prepare(
    config: RunConfig,
    *,
    uploads: Path | None = None,
    circuit: Circuit | None = None,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Setup:
    """Check, then build data, likelihood table, circuit, engine and metrics.

    Problem and metrics' tables are shared with all that are in use of equal data, network and prior: in a class all
    train on the same ones, and so do the contenders of a race.

    Args:
        config: the run.
        uploads: folder of content-addressed uploaded files.
        circuit: the circuit to train instead of the one that ``config.ansatz`` describes.
        progress: called with a fraction from 0 to 1 now and then.
        cancelled: asked now and then; where it says True, :class:`~qhn_core.errors.Cancelled` is raised.
    """
    needs = plan(config, uploads, circuit=circuit)
    tick = _tick(cancelled)
    tables = _TABLES.get(
        _content(config), lambda: Metrics(_problem(config, needs, uploads, progress, cancelled), tick=tick), tick=tick
    )
    metrics = Metrics(tables.problem, gamma=getattr(config.objective, "gamma", None), like=tables)
    return Setup(config, needs, needs.circuit, tables.problem, config.engine.build(), metrics, tables)


def _content(config: RunConfig) -> str:
    """What problem and metrics' tables are made from, as text. Uploaded files are named by their content."""
    replicas = config.replicas if config.data_draws > 1 else None
    return repr((config.dataset.model_dump_json(), config.network, config.prior, config.data_draws, replicas))


def init(setup: Setup) -> TrainState:
    """The state before step 0; replica r's angles depend on (seed, r) alone."""
    config = setup.config
    theta = initial_angles(
        setup.circuit,
        replicas=config.replicas,
        seed=config.seed,
        kind=config.ansatz.init,
        scale=config.ansatz.scale,
    )
    return TrainState(0, theta, config.optimiser.init(theta), np.full(config.replicas, np.inf))


def step(setup: Setup, state: TrainState) -> tuple[TrainState, Info]:
    """One step: :func:`estimate`, then :func:`advance`. A state that is done stays as it is."""
    if state.done:
        return state, Info(state.step, None, None, None, True, "finished")
    return advance(setup, state, estimate(setup, state))


def estimate(setup: Setup, state: TrainState) -> Estimate:
    """Loss and gradient (not ÷ n) of all replicas at θ_t."""
    return _estimate(setup, state.theta, state.step, _of_step(setup, state.step))


def advance(setup: Setup, state: TrainState, found: Estimate) -> tuple[TrainState, Info]:
    """Log where it is due, and update the angles unless this was the last step."""
    config, n = setup.config, setup.n_train
    found = _with_table(setup, state, found)
    value, gradient = found.value / n, found.gradient / n
    _check_finite(value, gradient, state.step)
    improved = np.count_nonzero(value < state.best) > 0
    best, stale = np.minimum(value, state.best), 0 if improved else state.stale + 1
    reason = _why_stop(config, state.step, stale)
    row, bits = None, found.bits
    if reason or state.step % config.log_every == 0:
        shown = _judged(setup, state, found)
        bits = _metric_bits(setup, state, shown)
        row = setup.metrics.row(
            value=shown.value / n,
            terms=shown.terms,
            gradient=gradient,
            probs=shown.probs,
            bits=bits,
            log_q=shown.log_q,
            error=None if shown.bits is None else loss_error(setup, shown.bits, state.step, log_q=shown.log_q),
        )
    info = Info(state.step, row, found.probs, bits, bool(reason), reason)
    if reason:
        return TrainState(state.step, state.theta, state.optimiser, best, stale, done=True), info
    theta, memory = config.optimiser.step(
        state.theta,
        clipped(gradient, config.optimiser.clip),
        state.optimiser,
        step=state.step,
        closure=_closure(setup, state.step),
        value=value,
    )
    return TrainState(state.step + 1, theta, memory, best, stale), info


def _with_table(setup: Setup, state: TrainState, found: Estimate) -> Estimate:
    """An estimate from drawn strings in a simulation that knows all of q, with q beside it: metrics are exact then."""
    known = found.log_q is not None and setup.plan.tabulated and PROBABILITIES in setup.config.engine.provides
    return found._replace(probs=setup.engine.probs(setup.circuit, state.theta)) if known else found


def _judged(setup: Setup, state: TrainState, found: Estimate) -> Estimate:
    """The estimate that a logged step reports: its own, or that of an ensemble where it drew few strings or examples.

    The ensemble comes from the same random numbers at each logged step, so that curves move as the angles do.
    """
    if found.probs is not None or not takes_ensemble(setup.config):
        return found
    bits, log_q = ensemble(setup, state.theta)
    sampled = setup.config.objective.sampled(bits, setup.problem, state.step, log_q=log_q)
    return found._replace(value=sampled.value, terms=sampled.terms, bits=bits, log_q=log_q)


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
    return setup.engine.draw(setup.circuit, theta, ENSEMBLE, _generator(setup.config.seed, 0, 1))


def metric_shots(config: RunConfig) -> int:
    """Strings S from which a logged step's metrics are estimated where q is not known exactly."""
    if takes_ensemble(config):
        return ENSEMBLE
    return int(getattr(config.estimator, "shots", None) or METRIC_SHOTS)


def _closure(setup: Setup, at_step: int) -> Callable[[Array, NDArray[np.intp]], tuple[Array, Array]]:
    """Loss and gradient ÷ n of chosen replicas elsewhere, with the random numbers of step ``at_step``."""

    def evaluate(theta: Array, replicas: NDArray[np.intp]) -> tuple[Array, Array]:
        found = _estimate(setup, theta, at_step, _select(_of_step(setup, at_step), replicas))
        return found.value / setup.n_train, found.gradient / setup.n_train

    return evaluate


def _of_step(setup: Setup, at_step: int) -> Problem:
    """The problem that a step looks at: all training examples, or a batch drawn by (seed, step)."""
    batch = setup.config.batch
    if batch is None:
        return setup.problem
    rows = _generator(setup.config.seed, at_step, 2).permutation(setup.n_train)[:batch]
    return minibatch(setup.problem, np.sort(rows))


def _select(task: Problem, replicas: NDArray[np.intp]) -> Problem:
    """The problem of chosen replicas."""
    return task.of_replicas(replicas) if isinstance(task, ProblemStack) else task


def _estimate(setup: Setup, theta: Array, at_step: int, task: Problem) -> Estimate:
    config = setup.config
    work = Work(setup.engine, setup.circuit, config.objective, task)
    rng = _generator(config.seed, at_step) if config.estimator.draws else _UNDRAWN
    return config.estimator.estimate(work, theta, at_step, rng)


def _generator(seed: int, at_step: int, stream: int = 0) -> np.random.Generator:
    """Random numbers keyed by (seed, step); streams do not overlap (the counter's highest word tells them apart)."""
    return np.random.Generator(np.random.Philox(key=[seed, at_step], counter=[0, 0, 0, stream]))


def _metric_bits(setup: Setup, state: TrainState, found: Estimate) -> NDArray[np.uint8] | None:
    if found.probs is not None or found.bits is not None:
        return found.bits
    shots = metric_shots(setup.config)
    return setup.engine.sample(setup.circuit, state.theta, shots, _generator(setup.config.seed, state.step, 1))


def _why_stop(config: RunConfig, at_step: int, stale: int) -> str:
    patience = config.optimiser.early_stop
    if at_step >= config.steps:
        return f"all {config.steps} steps done"
    if patience is not None and stale >= patience:
        return f"stopped early: no loss improved in {patience} steps"
    return ""


def _check_finite(value: Array, gradient: Array, at_step: int) -> None:
    if isfinite(np.vdot(value, value)) and isfinite(np.vdot(gradient, gradient)):
        return
    good = np.isfinite(value) & np.isfinite(gradient).all(axis=1)
    if not good.all():
        raise InvalidArgument(
            "optimiser",
            expected="a finite loss and gradient",
            got=f"NaN or infinity at step {at_step} in replica {int(np.argmin(good))}",
            remedy="Lower the learning rate, or clip the gradient.",
        )


def _tick(cancelled: Callable[[], bool] | None) -> Callable[[], None]:
    def tick() -> None:
        if cancelled is not None and cancelled():
            raise Cancelled("Set-up was stopped.")

    return tick


def _problem(
    config: RunConfig,
    needs: Plan,
    uploads: Path | None,
    progress: Callable[[float], None] | None,
    cancelled: Callable[[], bool] | None,
) -> Problem:
    """The run's problem, or a stack of them where each start has its own draw of the data."""
    parts = []
    for draw in range(config.data_draws):

        def share(fraction: float, draw: int = draw) -> None:
            if progress is not None:
                progress((draw + fraction) / config.data_draws)

        parts.append(
            problem(
                config.network,
                draw_of(config, draw, uploads),
                config.prior,
                progress=share,
                cancelled=cancelled,
                tabulate=None if needs.tabulated else False,
            )
        )
    return parts[0] if config.data_draws == 1 else stack_problems(parts, config.replicas)


def draw_of(config: RunConfig, draw: int, uploads: Path | None = None) -> Dataset:
    """The data of replicas r with r mod ``data_draws`` = ``draw``: the dataset at seed + draw."""
    seed = config.dataset.seed + draw
    return config.dataset.model_copy(update={"seed": seed % 2**32}).load(uploads)
