"""Classical rivals on the problem of a run, judged by the run's own metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qhn_core.analysis.metrics import Metrics
from qhn_core.analysis.predictive import accuracy_with_ties, predictive_nll, tie_share
from qhn_core.baselines import BASELINES, BaselineConfig, Rival
from qhn_core.baselines.base import product_distribution, replica_rng
from qhn_core.baselines.trail import Trail
from qhn_core.bitstrings import MAX_TABULATED
from qhn_core.config import RunConfig
from qhn_core.errors import Cancelled, Unsupported
from qhn_core.estimators.score_function import ScoreFunction
from qhn_core.metrics import LOGGED
from qhn_core.planning import Plan
from qhn_core.problems.problem import Problem
from qhn_core.problems.stack import ProblemStack
from qhn_core.trainer import ENSEMBLE

Array = NDArray[np.float64]


#: Quantities that are followed along a rival's trail, and the most points at which they are.
FOLLOWED = ("predictive_nll_test", "accuracy_test", "cost_gap", "success")
_MOST_POINTS = 64
#: The same where each point is judged by networks that are drawn.
_FEW_POINTS = 12


def budget_of(config: RunConfig, needs: Plan, n_train: int) -> int | None:
    """Evaluations of ℓ on all examples that one start of a run spends on drawn strings; None where it reads a table.

    Args:
        config, needs: of the run, and its plan.
        n_train: training examples n; a batch of b of them counts as b/n.
    """
    if needs.tabulated:
        return None
    estimator = config.estimator
    if isinstance(estimator, ScoreFunction):  # its inner strings are compared with others, and not judged
        draws = estimator.draws_on(needs.circuit)
    else:
        draws = needs.shots_per_step // config.replicas
    return max(1, round(config.steps * draws * (config.batch or n_train) / n_train))


@dataclass(frozen=True, eq=False)
class RivalPath:
    """A rival's quantities while it works.

    Args:
        counts: what each replica had spent by then, rising, (T,).
        unit: what ``counts`` counts: ``evaluations`` or ``sweeps``.
        history: each of :data:`FOLLOWED`, (T, B).
    """

    counts: NDArray[np.int64]
    unit: str
    history: dict[str, Array]


@dataclass(frozen=True, eq=False)
class RivalScore:
    """A rival's result.

    Args:
        name, label: of the baseline.
        row: the quantities of a logged step, each (B,), NaN where one does not exist; ``loss`` and ``grad_norm`` are
            NaN, as rivals minimise something else.
        likelihood_evaluations: a replica's budget as spent.
        seconds: wall-clock per replica.
        notes: what a reader must know.
        path: its quantities while it works; None for a rival without steps, and where it was not asked for.
        trailless: why a rival can have no path, as a clause after its name.
    """

    name: str
    label: str
    row: dict[str, Array]
    likelihood_evaluations: int
    seconds: float
    notes: str
    path: RivalPath | None = None
    trailless: str = ""


def score_rivals(
    names: Iterable[str | BaselineConfig],
    problem: Problem | ProblemStack,
    metrics: Metrics,
    *,
    replicas: int,
    seed: int = 0,
    follow: bool = False,
    evaluations: int | None = None,
    batch: int | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> list[RivalScore]:
    """Fit each rival on each replica's own data, and judge it.

    Args:
        names: of registered baselines, or baselines with settings of their own; those that need a network are left
            out of a cost table.
        problem, metrics: of the run that they are set beside.
        replicas: B.
        seed: of the rivals' own draws.
        follow: whether to judge iterative rivals along their way, too.
        evaluations: of ℓ on all examples that a replica of each rival may spend (:func:`budget_of`); None leaves each
            its own default.
        batch: examples of a step, for rivals that work in steps; all of them if None.
        cancelled: asked before each rival.
    """
    scores = []
    most = _MOST_POINTS if problem.table is not None else _FEW_POINTS
    for name in names:
        if cancelled is not None and cancelled():
            raise Cancelled(f"Stopped before the rival {name!r}.")
        config = BASELINES.parse(name)
        if config.needs_network and problem.network is None:
            continue
        config.check_installed()
        if config.needs_table and problem.table is None:
            raise Unsupported(
                f"{config.label} needs ℓ of all 2^{problem.n_bits} strings, and this problem is not tabulated. "
                "Rivals that judge single strings work at any size: straight_through, mean_field, simulated_annealing."
            )
        if evaluations is not None:
            config = config.within(evaluations, n_train=problem.n_train, batch=batch)
        rival = config.fit_each(problem, replicas=replicas, seed=seed)
        scores.append(
            RivalScore(
                name=config.name,
                label=config.label,
                row=_row(rival, problem, metrics, replicas),
                likelihood_evaluations=rival.likelihood_evaluations,
                seconds=rival.seconds / replicas,
                notes=rival.notes,
                path=_path(rival.trail.thinned(most), metrics) if follow and rival.trail is not None else None,
                trailless=config.trailless,
            )
        )
    return scores


def _path(trail: Trail, metrics: Metrics) -> RivalPath:
    rows: list[dict[str, Array]] = []
    for k, rates in enumerate(trail.rates):
        # Searches stay at one string for long.
        same = k > 0 and np.array_equal(rates, trail.rates[k - 1])
        rows.append(rows[-1] if same else _of_rates(rates, metrics))
    known = [name for name in FOLLOWED if name in rows[0]]
    return RivalPath(trail.counts, trail.unit, {name: np.stack([row[name] for row in rows]) for name in known})


def _of_rates(rates: Array, metrics: Metrics) -> dict[str, Array]:
    """The quantities of product distributions, rates (B, N): exact up to N = 20, else from an ensemble, as a run's."""
    if rates.shape[1] <= MAX_TABULATED:
        return metrics.of_probabilities(product_distribution(rates))
    certain = bool(np.isin(rates, (0.0, 1.0)).all())
    draws = 1 if certain else ENSEMBLE
    uniform = np.stack([replica_rng(0, r).random((draws, rates.shape[1])) for r in range(len(rates))])
    bits = (uniform < rates[:, None]).astype(np.uint8)
    likely = np.where(bits == 1, rates[:, None], 1.0 - rates[:, None])
    return metrics.of_draws(bits, log_q=np.log(likely).sum(axis=-1))


def _row(rival: Rival, problem: Problem | ProblemStack, metrics: Metrics, replicas: int) -> dict[str, Array]:
    row = dict.fromkeys(LOGGED, np.full(replicas, np.nan))
    if rival.rates is not None and rival.probs is None:
        return row | _of_rates(rival.rates, metrics)
    if rival.probs is not None:
        found = metrics.of_probabilities(rival.probs)
        return {name: found.get(name, row[name]) for name in LOGGED}
    assert rival.proba_train is not None  # noqa: S101 - a rival without probabilities of strings has those of classes
    assert rival.proba_test is not None  # noqa: S101
    parts = problem.parts if isinstance(problem, ProblemStack) else (problem,)
    which = problem.which if isinstance(problem, ProblemStack) else np.zeros(replicas, dtype=int)
    for split, proba in (("train", rival.proba_train), ("test", rival.proba_test)):
        labels = [getattr(parts[w].dataset, f"y_{split}") for w in which]
        judged = [(proba[r : r + 1], y) for r, y in enumerate(labels)]
        row[f"predictive_nll_{split}"] = np.concatenate([predictive_nll(p, y) for p, y in judged])
        row[f"accuracy_{split}"] = np.concatenate([accuracy_with_ties(p, y) for p, y in judged])
        if split == "test":
            row["tie_share"] = np.concatenate([tie_share(p) for p, _ in judged])
    return row
