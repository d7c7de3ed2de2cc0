"""What a race is and was: read from memory while it is there, else called back from the store."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from qhn_core.errors import InvalidArgument
from qhn_core.runner.crew import Crew
from qhn_core.runner.events import EventLog
from qhn_core.runner.live import LiveRun
from qhn_core.store import RunState, RunStore
from qhn_core.studies.race.config import RaceConfig
from qhn_core.studies.race.memory import RaceRows
from qhn_core.studies.race.status import RaceStatus
from qhn_core.studies.race.task import Racing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from qhn_core.studies.race.race import RaceSetup

    Array = NDArray[np.float64]

log = logging.getLogger(__name__)

#: Ended races kept in memory.
KEPT = 8


class Reading:
    """The half of :class:`~qhn_core.studies.race.live.Races` that tells."""

    store: RunStore
    crew: Crew[Racing]
    _events: EventLog
    _guard: threading.RLock
    _person: str
    #: Races whose set-up was made, or tried to be, after they had ended.
    _rebuilt: deque[str]

    def known(self, race_id: str) -> bool:
        """Whether the race is in memory or in the store, and may be seen."""
        return self._find(race_id) is not None

    def racing(self) -> bool:
        """Whether a race computes at this moment."""
        busy = (RunState.QUEUED, RunState.PREPARING, RunState.RUNNING)
        return any(run.state in busy for run in self.crew.all())

    def config(self, race_id: str) -> RaceConfig:
        """What races."""
        return self._get(race_id).task.config

    def status(self, race_id: str) -> RaceStatus:
        """Where it stands; InvalidArgument if there is no such race."""
        run = self._get(race_id)
        found = self.crew.status(run)
        if run.task.kept and not found.state.active and run.saved != run.version:
            words = "It could not be written to the store yet; that is tried again all the time."
            found = replace(found, message=f"{found.message} {words}".strip())
        return RaceStatus(found, run.task.instant, run.task.kept)

    def history(self, race_id: str, contender: int, since: int = 0) -> RaceRows:
        """Logged steps of a contender: steps (T,), seconds (T,), {metric: (T, B)}, read-only."""
        run = self._get(race_id)
        with run.changed:
            return run.task.lanes[contender].rows(since)

    def angles(self, race_id: str, contender: int, step: int | None = None) -> tuple[int, Array] | None:
        """The kept step nearest to ``step`` (None: the newest), and the angles (B, P) there; None before the first."""
        run = self._get(race_id)
        with run.changed:
            return run.task.lanes[contender].angles.at(step)

    def probs(self, race_id: str, contender: int, step: int | None, replicas: slice) -> tuple[int, Array] | None:
        """As :meth:`angles`, with exact q (B', 2**N) of some replicas; None where it cannot be known."""
        found, setup = self.angles(race_id, contender, step), self.setup(race_id)
        if found is None or setup is None:
            return None
        side = setup.setups[contender]
        if side.problem.table is None:
            return None
        from qhn_core.engines import engine

        return found[0], engine("statevector").probs(side.circuit, found[1][replicas])

    def setup(self, race_id: str) -> RaceSetup | None:
        """Problems and circuits; None until they are made. Those that an ended race has not are made when asked for."""
        run = self._get(race_id)
        run.asked = time.monotonic()
        with self._guard:
            missing = run.task.setup is None and not run.state.active
            if missing and race_id not in self._rebuilt:
                self._rebuilt.append(race_id)
                threading.Thread(target=self._rebuild, args=(run,), name=f"qhn-race-{race_id}", daemon=True).start()
        return run.task.setup

    def wait(self, race_id: str, timeout: float | None = None) -> RaceStatus:
        """Return when the race has ended or is paused, or after ``timeout`` seconds."""
        self._get(race_id).wait(timeout)
        return self.status(race_id)

    def _get(self, race_id: str) -> LiveRun[Racing]:
        found = self._find(race_id)
        if found is None:
            raise InvalidArgument(
                "race",
                expected="a race in memory or in the store",
                got=race_id,
                remedy="Train it again: the same seed, the same race.",
            )
        return found

    def _find(self, race_id: str) -> LiveRun[Racing] | None:
        """The race, if it may be seen; one that is only in the store comes into memory as it stands there."""
        run = self.crew.get(race_id)
        if run is None:
            with self._guard:
                run = self.crew.get(race_id) or self._recall(race_id)
        return None if run is None or (self._person and run.owner != self._person) else run

    def _recall(self, race_id: str) -> LiveRun[Racing] | None:
        known = self.store.races.get(race_id)
        if known is None or (self._person and known.person != self._person):
            return None
        records = [self.store.get(run_id) for run_id in known.runs]
        if any(record.state.active or record.state is RunState.DAMAGED for record in records):
            return None  # another program trains it, or somebody a single contender
        race = Racing(RaceConfig.parse(json.loads(known.config_json)), self.store, kept=known.runs)
        race.recall()
        run = LiveRun(race_id, race, name="Race", events=self._events, owner=known.person)
        unfinished = [record for record in records if record.state is not RunState.FINISHED]
        shown = unfinished[0] if unfinished else records[0]
        run.state, run.message = shown.state, shown.message
        run.reached = max(record.step for record in records)
        run.saved = run.version
        self.crew.thin(KEPT - 1, may_go=may_go)
        self.crew.hold(run)
        return run

    def _rebuild(self, run: LiveRun[Racing]) -> None:
        """Make the set-up of an ended race again; body of a thread. Where that fails it is not tried again."""
        try:
            setup = run.task.prepare(run.set_progress, lambda: False)
        except Exception:
            log.exception("the problems of race %s cannot be made again", run.run_id)
            return
        with run.changed:
            run.task.setup = setup
        self.crew.fit(may_go=may_kept_go)
        with self._guard, suppress(ValueError):
            self._rebuilt.remove(run.run_id)


def may_kept_go(run: LiveRun[Racing]) -> bool:
    """Whether a race that has ended is found again in the store."""
    return bool(run.task.kept) and run.saved == run.version


def may_go(run: LiveRun[Racing]) -> bool:
    """Whether nothing is lost with a race that has ended."""
    return not run.task.kept or run.saved == run.version
