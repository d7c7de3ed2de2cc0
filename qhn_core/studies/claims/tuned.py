"""Tuning by one rule for all methods: every setting is tried, the lowest mean validation NLL chooses.

After all scenarios an axis is made longer where its end was chosen too often
(:func:`~qhn_core.studies.claims.methods.longer`), and the new settings are tried everywhere; at most ``grid.rounds``
times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from qhn_core.studies.claims.grid import Grid, Scenario
from qhn_core.studies.claims.ledger import Ledger
from qhn_core.studies.claims.methods import BY_NAME, UNTUNED, Method, Setting, edge_shares, longer
from qhn_core.studies.claims.trials import Prepared, Trial, from_plain, key, to_plain

#: Called with (what has just been done, fraction of the whole).
Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Tuned:
    """What a grid gave.

    Args:
        methods: as they were tuned in the end, longer axes included.
        chosen: the best trial of every method in every scenario.
        untuned: name of the usual setting -> its trial in every scenario; empty where it was not among the candidates.
        spent: processor time of every trial under its key, in s, also of those of earlier, interrupted runs.
    """

    methods: dict[str, Method]
    chosen: list[Trial]
    untuned: dict[str, list[Trial]]
    spent: dict[str, float]


def tuned(grid: Grid, ledger: Ledger, *, progress: Progress | None = None) -> Tuned:
    """Run the grid; trials that the ledger holds are not run again."""
    methods = {name: BY_NAME[name] for name in grid.methods}
    tried: dict[str, list[Trial]] = {}
    for stage in range(grid.rounds + 1):
        for at, scenario in enumerate(grid.scenarios):
            shared = Shared(scenario, grid, ledger)
            tried[scenario.title] = [shared.trial(m, setting) for m in methods.values() for setting in m.settings()]
            if progress is not None:
                whole = len(grid.scenarios) * (grid.rounds + 1)
                progress(f"{scenario.title}, round {stage + 1}", (stage * len(grid.scenarios) + at + 1) / whole)
        wider = {name: longer(m, _settings(m, tried)) for name, m in methods.items()}
        if stage == grid.rounds or wider == methods:
            break
        methods = wider
    every = [trial for trials in tried.values() for trial in trials]
    return Tuned(
        methods,
        [best(trials, name) for trials in tried.values() for name in methods],
        _untuned(every),
        {trial.key: trial.seconds for trial in every},
    )


def usual(grid: Grid, ledger: Ledger, *, progress: Progress | None = None) -> dict[str, list[Trial]]:
    """Nothing tuned: each usual setting in every scenario of the grid."""
    found: dict[str, list[Trial]] = {name: [] for name in UNTUNED}
    for at, scenario in enumerate(grid.scenarios):
        shared = Shared(scenario, grid, ledger)
        for name, (method, setting) in UNTUNED.items():
            found[name].append(shared.trial(BY_NAME[method], setting))
        if progress is not None:
            progress(scenario.title, (at + 1) / len(grid.scenarios))
    return found


def best(trials: list[Trial], method: str) -> Trial:
    """The method's trial with the lowest mean validation NLL, the first of equals."""
    return min((t for t in trials if t.method == method), key=lambda trial: trial.validation_nll)


def edges_left(found: Tuned) -> list[tuple[str, str, float, float]]:
    """(method, setting, share of scenarios at its lowest value, at its highest) for every axis in the end."""
    rows = []
    for name, method in found.methods.items():
        own = [trial.setting for trial in found.chosen if trial.method == name]
        rows += [(name, axis.name, *edge_shares(axis, [s[axis.name] for s in own])) for axis in method.axes]
    return rows


def _settings(method: Method, tried: dict[str, list[Trial]]) -> list[dict[str, float]]:
    return [best(trials, method.name).setting for trials in tried.values()]


class Shared:
    """Trials of one scenario, which is prepared only if the ledger misses one."""

    def __init__(self, scenario: Scenario, grid: Grid, ledger: Ledger) -> None:
        self._scenario, self._grid, self._ledger = scenario, grid, ledger

    @cached_property
    def _prepared(self) -> Prepared:
        return Prepared(self._scenario, self._grid)

    def trial(self, method: Method, setting: Setting) -> Trial:
        """From the ledger, or made and kept."""
        under = key(self._scenario, self._grid, method, setting)
        kept = self._ledger.get(under, lambda: to_plain(self._prepared.trial(method, setting)))
        return replace(from_plain(kept), key=under)


def _untuned(trials: list[Trial]) -> dict[str, list[Trial]]:
    found = {
        name: [t for t in trials if t.method == method and t.setting == setting]
        for name, (method, setting) in UNTUNED.items()
    }
    return {name: own for name, own in found.items() if own}
