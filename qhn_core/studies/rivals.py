"""Classical rivals on the problem of a run, judged by the run's own metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qhn_core.analysis.metrics import Metrics
from qhn_core.analysis.predictive import accuracy_with_ties, predictive_nll, tie_share
from qhn_core.baselines import BASELINES, Rival
from qhn_core.baselines.base import product_distribution
from qhn_core.baselines.trail import Trail
from qhn_core.errors import Cancelled
from qhn_core.metrics import LOGGED
from qhn_core.problems.problem import Problem
from qhn_core.problems.stack import ProblemStack

Array = NDArray[np.float64]


#: Quantities that are followed along a rival's trail, and the most points at which they are.
FOLLOWED = ("predictive_nll_test", "accuracy_test", "cost_gap", "success")
_MOST_POINTS = 64


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
    names: Iterable[str],
    problem: Problem | ProblemStack,
    metrics: Metrics,
    *,
    replicas: int,
    seed: int = 0,
    follow: bool = False,
    cancelled: Callable[[], bool] | None = None,
) -> list[RivalScore]:
    """Fit each rival on each replica's own data, and judge it.

    Args:
        names: of registered baselines; those that need a network are left out of a cost table.
        problem, metrics: of the run that they are set beside.
        replicas: B.
        seed: of the rivals' own draws.
        follow: whether to judge iterative rivals along their way, too.
        cancelled: asked before each rival.
    """
    scores = []
    for name in names:
        if cancelled is not None and cancelled():
            raise Cancelled(f"Stopped before the rival '{name}'.")
        config = BASELINES.make(name)
        if config.needs_network and problem.network is None:
            continue
        config.check_installed()
        rival = config.fit_each(problem, replicas=replicas, seed=seed)
        scores.append(
            RivalScore(
                name=name,
                label=config.label,
                row=_row(rival, problem, metrics, replicas),
                likelihood_evaluations=rival.likelihood_evaluations,
                seconds=rival.seconds / replicas,
                notes=rival.notes,
                path=_path(rival.trail.thinned(_MOST_POINTS), metrics) if follow and rival.trail is not None else None,
                trailless=config.trailless,
            )
        )
    return scores


def _path(trail: Trail, metrics: Metrics) -> RivalPath:
    rows: list[dict[str, Array]] = []
    for k, rates in enumerate(trail.rates):
        # Searches stay at one string for long.
        same = k > 0 and np.array_equal(rates, trail.rates[k - 1])
        rows.append(rows[-1] if same else metrics.of_probabilities(product_distribution(rates)))
    known = [name for name in FOLLOWED if name in rows[0]]
    return RivalPath(trail.counts, trail.unit, {name: np.stack([row[name] for row in rows]) for name in known})


def _row(rival: Rival, problem: Problem | ProblemStack, metrics: Metrics, replicas: int) -> dict[str, Array]:
    undefined = np.full(replicas, np.nan)
    if rival.probs is not None:
        row = metrics.row(value=undefined, terms={}, gradient=np.full((replicas, 1), np.nan), probs=rival.probs)
        return {name: row[name] for name in LOGGED}
    row = dict.fromkeys(LOGGED, undefined)
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
