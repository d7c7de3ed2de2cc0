"""What the Compare page shows of a race, in one shape for charts and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app import services
from app.figures.race import Style, styles
from app.rivals import board
from qhn_core.analysis.strings import marginals
from qhn_core.metrics import values_of
from qhn_core.studies.race.config import RaceConfig
from qhn_core.studies.race.status import RaceStatus

if TYPE_CHECKING:
    from qhn_core.problems.problem import Problem
    from qhn_core.studies.race.memory import RaceRows
    from qhn_core.studies.race.race import RaceSetup
    from qhn_core.studies.rivals import RivalScore

Array = NDArray[np.float64]
History = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class Lane:
    """One contender.

    Args:
        title: its name.
        style: its look.
        rows: logged steps.
        at: index of the logged step that is looked at; −1 while nothing is logged.
    """

    title: str
    style: Style
    rows: RaceRows
    at: int

    def values(self, metric: str) -> Array:
        """One metric over time, (T, B)."""
        found = values_of(self.rows.history, metric)
        return found if found is not None else np.full((len(self.rows.steps), 1), np.nan)

    def final(self, metric: str) -> Array:
        """One metric at the step that is looked at, (B,)."""
        return self.values(metric)[self.at]

    @property
    def rate(self) -> float:
        """Steps per second of computing that it used up to its last logged step, logging included; NaN for one step.

        The first step alone would tell what logging takes, not how fast it trains.
        """
        steps, seconds = self.rows.steps, self.rows.seconds
        known = len(steps) > 1 and steps[-1] > 0 and seconds[-1] > 0
        return (float(steps[-1]) + 1) / float(seconds[-1]) if known else float("nan")


@dataclass(frozen=True, eq=False)
class Seen:
    """A race at one moment, looked at at one step.

    Args:
        race_id, config, status: the race.
        lanes: its contenders.
        setup: problems and circuits; None while they are made.
        rivals: scores so far; problems: why others have none; scoring: whether more will come.
        step: the step looked at; None for the newest.
    """

    race_id: str
    config: RaceConfig
    status: RaceStatus
    lanes: tuple[Lane, ...]
    setup: RaceSetup | None
    rivals: tuple[RivalScore, ...]
    problems: tuple[str, ...]
    scoring: bool
    step: int | None

    @property
    def busy(self) -> bool:
        """Whether it is worth looking again soon."""
        return self.scoring or self.status.run.active

    @property
    def follows(self) -> bool:
        """Whether what is looked at is the newest step of a race that goes on."""
        return self.status.run.active and self.step is None

    @property
    def logged(self) -> bool:
        """Whether every contender has logged a step."""
        return all(len(lane.rows.steps) for lane in self.lanes)

    @property
    def at_step(self) -> int:
        """The logged step that is looked at."""
        lane = max(self.lanes, key=lambda one: len(one.rows.steps))
        return int(lane.rows.steps[lane.at]) if len(lane.rows.steps) else 0

    @property
    def last_step(self) -> int:
        """The newest step that every contender has logged."""
        return min((int(lane.rows.steps[-1]) for lane in self.lanes if len(lane.rows.steps)), default=0)

    @property
    def version(self) -> tuple[Any, ...]:
        """Changes when a figure of curves must be drawn anew."""
        rows = tuple(len(lane.rows.steps) for lane in self.lanes)
        return rows, self.step, len(self.rivals), self.setup is None

    @property
    def clusters(self) -> NDArray[np.int64] | None:
        """Data draw of each seed, (B,); None where all share one data set."""
        base = self.config.base
        return None if base.data_draws == 1 else np.arange(base.replicas) % base.data_draws

    @property
    def log_evidence(self) -> Array | None:
        """Log Z of each seed's data, nats, (B,) or (1,); None where it is not known."""
        if self.setup is None:
            return None
        problem: Any = self.setup.setups[0].problem
        return np.atleast_1d(np.asarray(problem.log_evidence, dtype=np.float64)) if problem.table is not None else None


def look(race_id: str, step: int | None) -> Seen:
    """The race as it stands; InvalidArgument if it is not in memory.

    Args:
        race_id: the race.
        step: the step to look at; None for the newest.
    """
    races = services.races()
    status, config = races.status(race_id), races.config(race_id)
    looks = styles([contender.objective.name for contender in config.contenders])
    lanes = []
    for i, contender in enumerate(config.contenders):
        rows = races.history(race_id, i)
        at = len(rows.steps) - 1
        if step is not None and len(rows.steps):
            at = max(0, int(np.searchsorted(rows.steps, step, side="right")) - 1)
        lanes.append(Lane(contender.title, looks[i], rows, at))
    setup = races.setup(race_id)
    found = board().of(config, setup, ended=not status.run.active)
    return Seen(race_id, config, status, tuple(lanes), setup, found.scores, found.problems, found.scoring, step)


def residual(seen: Seen) -> float:
    """Largest |log Z − ELBO − KL(q‖posterior)| over contenders and seeds at the step, nats; NaN if unknown."""
    ceiling = seen.log_evidence
    if ceiling is None or not seen.logged:
        return float("nan")
    gaps = [np.abs(ceiling - lane.final("elbo") - lane.final("kl_posterior")) for lane in seen.lanes]
    return float(np.max(gaps))


@lru_cache(maxsize=32)
def weight_marginals(race_id: str, contender: int, step: int, replica: int) -> tuple[int, Array] | None:
    """P(bit = 1) of every weight of one seed at the kept step nearest to ``step``, (N,)."""
    found = services.races().probs(race_id, contender, step, slice(replica, replica + 1))
    return None if found is None else (found[0], marginals(found[1][0]))


def posterior_of(seen: Seen, replica: int) -> Array | None:
    """The exact posterior of one seed's data, (2**N,)."""
    one = problem_of(seen, replica)
    return None if one is None or one.table is None else np.asarray(one.posterior)


def problem_of(seen: Seen, replica: int) -> Problem | None:
    """The problem of one seed; None while it is being made."""
    if seen.setup is None:
        return None
    problem: Any = seen.setup.setups[0].problem
    parts = getattr(problem, "parts", ())
    return parts[int(problem.which[replica % len(problem.which)])] if parts else problem


def weight_labels(seen: Seen) -> tuple[str, ...]:
    """A name for each weight."""
    network = seen.config.base.network
    if network is not None:
        return tuple(network.bit_labels)
    count = seen.setup.setups[0].plan.n_qubits if seen.setup is not None else 0
    return tuple(f"w{i}" for i in range(count))
