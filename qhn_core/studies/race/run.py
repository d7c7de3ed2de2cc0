"""One race in memory: what its worker writes and pages read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from qhn_core.runner.events import EventLog
from qhn_core.runner.live import LiveRun
from qhn_core.studies.race.config import RaceConfig
from qhn_core.studies.race.memory import Lane

if TYPE_CHECKING:
    from qhn_core.studies.race.race import RaceSetup, RaceState
    from qhn_core.studies.race.rivals import RivalScores
    from qhn_core.trainer import Info


class LiveRace(LiveRun):
    """A race in memory; attributes are read and written with ``changed`` held."""

    def __init__(
        self, race_id: str, config: RaceConfig, *, instant: bool, events: EventLog, paused: bool, speed: float | None
    ) -> None:
        super().__init__(race_id, config.base, name="Race", events=events, paused=paused, speed=speed)
        self.race_config, self.instant = config, instant
        self.lanes = tuple(Lane(config.base.steps // config.base.log_every + 2) for _ in config.contenders)
        self.race_setup: RaceSetup | None = None
        self.race_state: RaceState | None = None
        self.rivals: RivalScores | None = None
        #: Runs that it has become in the store.
        self.kept: tuple[str, ...] = ()

    def record_race(self, before: RaceState, after: RaceState, infos: tuple[Info | None, ...], began: float) -> None:
        """Take in one step of all contenders."""
        with self.changed:
            for lane, info, old, seconds in zip(self.lanes, infos, before.states, after.seconds, strict=True):
                if info is not None and info.row is not None:
                    lane.recorder.append(info.step, info.row)
                    lane.seconds.append(float(seconds))
                    lane.angles.append(info.step, old.theta)
            self.race_state = after
            self.step = min(max(int(s.step) for s in after.states), self.config.steps)
            self.version += 1
            self.pace.tick(began, time.monotonic(), self.step)
            if self.stepping:
                self.stepping, self.budget = False, max(0, self.budget - 1)
                self.changed.notify_all()
