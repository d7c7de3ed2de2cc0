"""The parts of the study, each run on its own or all together, and what they found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from qhn_core.studies.claims.conclusions import Overall, Scenarios, comparisons, overall
from qhn_core.studies.claims.depth import Depth, depth_points
from qhn_core.studies.claims.grid import DEMONSTRATION, EQUAL, FULL, QUICK, Grid
from qhn_core.studies.claims.ledger import Ledger
from qhn_core.studies.claims.methods import BY_NAME, CLAIMANTS, MORE_RATES, REFERENCE
from qhn_core.studies.claims.trials import Trial
from qhn_core.studies.claims.tuned import Progress, Shared, Tuned, best, tuned, usual


@dataclass(frozen=True, eq=False)
class Compared:
    """One table of methods: its grid, how it was tuned, every scenario's comparisons, and the averages."""

    grid: Grid
    trials: list[Trial]
    scenarios: Scenarios
    rows: list[Overall]
    tuned: Tuned | None = None


@dataclass(frozen=True, eq=False)
class Findings:
    """What a study found; a part that was not run is None or empty.

    Args:
        name: of the study and of its files.
        main: every method, tuned, against MLE.
        best: MLE and the claimants against the enumerated best string.
        stricter: the claimants against MLE that chose among more learning rates.
        untuned: the claimants at usual settings against MLE at its.
        demonstration: the same on the dashboard's example with 13 bits.
        equal: every method with the same number of likelihood evaluations.
        depth: success against depth, and the replays.
    """

    name: str
    main: Compared | None = None
    best: Compared | None = None
    stricter: Compared | None = None
    untuned: Compared | None = None
    demonstration: Compared | None = None
    equal: Compared | None = None
    depth: list[Depth] = field(default_factory=list)

    def tables(self) -> dict[str, Compared]:
        """The tables whose trials go into the CSV, by name."""
        parts = {
            "tuned": self.main,
            "more rates for MLE": self.stricter,
            "untuned": self.untuned,
            "demonstration": self.demonstration,
            "equal budget": self.equal,
        }
        return {name: part for name, part in parts.items() if part is not None}


def quick(ledger: Ledger, progress: Progress | None) -> Findings:
    """A small grid, tuned, without the other parts."""
    main = _tuned(QUICK, ledger, progress)
    return Findings("quick", main, _best(main), untuned=_usual(QUICK, ledger, None))


def full(ledger: Ledger, progress: Progress | None) -> Findings:
    """All parts."""
    main = _tuned(FULL, ledger, _part(progress, 0.0, 0.55))
    stricter = _stricter(main, ledger)
    equal = _tuned(EQUAL, ledger, _part(progress, 0.55, 0.8))
    demonstration = _usual(DEMONSTRATION, ledger, _part(progress, 0.8, 0.85))
    depth = depth_points(ledger, progress=_part(progress, 0.85, 1.0))
    usual_settings = _usual(FULL, ledger, None)
    return Findings("full", main, _best(main), stricter, usual_settings, demonstration, equal, depth)


def untuned(ledger: Ledger, progress: Progress | None) -> Findings:
    """The usual settings only."""
    grid = _usual(FULL, ledger, _part(progress, 0.0, 0.5))
    demonstration = _usual(DEMONSTRATION, ledger, _part(progress, 0.5, 1.0))
    return Findings("untuned", untuned=grid, demonstration=demonstration)


def equal_budget(ledger: Ledger, progress: Progress | None) -> Findings:
    """The table of equal budgets only."""
    return Findings("equal-budget", equal=_tuned(EQUAL, ledger, progress))


#: Name -> how it is run and what to expect.
STUDIES: dict[str, tuple[Callable[[Ledger, Progress | None], Findings], str]] = {
    "quick": (quick, QUICK.duration),
    "full": (full, "about 40 minutes on two cores"),
    "untuned": (untuned, "about 5 minutes on two cores"),
    "equal-budget": (equal_budget, EQUAL.duration),
}


def _tuned(grid: Grid, ledger: Ledger, progress: Progress | None) -> Compared:
    found = tuned(grid, ledger, progress=progress)
    scenarios = comparisons(found.chosen)
    return Compared(grid, found.chosen, scenarios, overall(scenarios), found)


def _best(main: Compared) -> Compared:
    """Apart from what MLE's optimisation misses: against the string at which it would end if it never failed."""
    chosen = [t for t in main.trials if t.method in (REFERENCE, *CLAIMANTS, "best_string")]
    scenarios = comparisons(chosen, reference="best_string")
    return Compared(main.grid, chosen, scenarios, overall(scenarios))


def _stricter(main: Compared, ledger: Ledger) -> Compared:
    """Whether a gain is MLE's tuning: the claimants as they are, MLE with more learning rates to choose from."""
    trials = [t for t in main.trials if t.method in CLAIMANTS]
    for scenario in main.grid.scenarios:
        shared = Shared(scenario, main.grid, ledger)
        tried = [t for t in main.trials if (t.scenario, t.method) == (scenario.title, REFERENCE)]
        tried += [shared.trial(BY_NAME[REFERENCE], {"lr": rate}) for rate in MORE_RATES]
        trials.append(best(tried, REFERENCE))
    scenarios = comparisons(trials)
    return Compared(main.grid, trials, scenarios, overall(scenarios))


def _usual(grid: Grid, ledger: Ledger, progress: Progress | None) -> Compared:
    named = usual(grid, ledger, progress=progress)
    trials = [replace(trial, method=name) for name, own in named.items() for trial in own]
    scenarios = comparisons(trials)
    return Compared(grid, trials, scenarios, overall(scenarios))


def _part(progress: Progress | None, begin: float, end: float) -> Progress | None:
    """Progress of a part as progress of the whole."""
    if progress is None:
        return None
    return lambda what, share: progress(what, begin + share * (end - begin))


def tidy(tables: dict[str, Compared]) -> list[dict[str, Any]]:
    """One row per table, scenario, method and seed, a column per metric; empty where a metric does not exist."""
    return [
        {"table": name, "source": t.source, "scenario": t.scenario, "method": t.method, "seed": seed}
        | {m: float(f"{v[seed]:.6g}") if np.isfinite(v[seed]) else "" for m, v in t.metrics.items()}
        for name, part in tables.items()
        for t in part.trials
        for seed in range(part.grid.seeds)
    ]


def tidy_depth(points: Sequence[Depth]) -> list[dict[str, Any]]:
    """One row per study, loss, depth and start."""
    return [
        {"study": p.study, "method": p.method, "layers": p.layers, "start": start}
        | {"success": float(f"{p.success[start]:.6g}"), "cost_gap": float(f"{p.cost_gap[start]:.6g}")}
        for p in points
        for start in range(p.success.size)
    ]
