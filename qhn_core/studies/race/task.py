"""A race as a task: prepare, init and step of all contenders, and what each of them logged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qhn_core.engines.base import PROBABILITIES
from qhn_core.runner.task import Reached
from qhn_core.studies.race.memory import Lane

if TYPE_CHECKING:
    from qhn_core.studies.race.config import RaceConfig
    from qhn_core.studies.race.race import RaceSetup, RaceState
    from qhn_core.trainer import Info


class Racing:
    """What races.

    Args:
        config: the race.
        uploads: folder of content-addressed uploaded files.
        instant: whether it is one of many quick races that are kept in the store only if somebody asks for it.
    """

    way_on = "Train begins anew, with the same numbers."

    def __init__(self, config: RaceConfig, uploads: Path, *, instant: bool) -> None:
        self.config, self.instant, self._uploads = config, instant, uploads
        #: Whether a contender's step waits for a device.
        self.steps_cannot_be_cut = any(PROBABILITIES not in run.engine.provides for run in config.configs())
        self.lanes = tuple(Lane(config.base.steps // config.base.log_every + 2) for _ in config.contenders)
        self.setup: RaceSetup | None = None
        self.state: RaceState | None = None
        #: Runs that it has become in the store.
        self.kept: tuple[str, ...] = ()

    @property
    def steps(self) -> int:
        """Updates of each contender."""
        return self.config.base.steps

    def prepare(self, progress: Callable[[float], None], cancelled: Callable[[], bool]) -> RaceSetup:
        """Problems and circuits of all contenders."""
        from qhn_core.studies.race import race

        return race.prepare(self.config, uploads=self._uploads, progress=progress, cancelled=cancelled)

    def init(self, setup: RaceSetup) -> RaceState:
        """All contenders at their starts."""
        from qhn_core.studies.race import race

        return race.init(setup)

    def step(self, setup: RaceSetup, state: RaceState) -> tuple[RaceState, tuple[Info | None, ...]]:
        """One step of all contenders."""
        from qhn_core.studies.race import race

        return race.step(setup, state)

    def begin(self, setup: RaceSetup, state: RaceState) -> int:
        """Keep set-ups and states."""
        self.setup, self.state = setup, state
        return self._updates(state)

    def record(self, before: RaceState, after: RaceState, info: tuple[Info | None, ...]) -> Reached:
        """Keep what each contender logged, and its angles and seconds there."""
        for lane, told, old, seconds in zip(self.lanes, info, before.states, after.seconds, strict=True):
            if told is not None and told.row is not None:
                lane.recorder.append(told.step, told.row)
                lane.seconds.append(float(seconds))
                lane.angles.append(told.step, old.theta)
        self.state = after
        return Reached(self._updates(after), after.done, "")

    def _updates(self, state: RaceState) -> int:
        return min(max(int(side.step) for side in state.states), self.steps)
