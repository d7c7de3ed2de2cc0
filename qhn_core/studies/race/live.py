"""Races in the background: pause, resume, step, stop and watch, while the contenders train in lockstep.

A race is driven like a run (the same worker, pace and slots); its contenders' histories are those of plain training.
"""

from __future__ import annotations

import atexit
import copy
import logging
import os
import secrets
import threading
from typing import TYPE_CHECKING

from qhn_core.errors import InvalidArgument, QHNError, Unsupported
from qhn_core.planning import plan
from qhn_core.runner.crew import Crew
from qhn_core.runner.events import EventLog
from qhn_core.runner.live import LiveRun, speed_limit
from qhn_core.runner.slots import Slots
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

#: Ended races kept in memory, and races that may be active at once.
_KEPT, _MOST_ACTIVE = 8, 32


class Races:
    """Starts, controls and reports races. All methods may be called from any thread, and return at once.

    A finished race is kept in the store as one run a contender, unless it is an instant one.

    Args:
        store: where finished races are kept.
        slots: with whom races take turns; by default with other races alone, half as many at once as there are cores.
        park_seconds: how long a paused race stays in memory.
    """

    def __init__(self, store: RunStore, slots: Slots | None = None, *, park_seconds: float = 1800.0) -> None:
        self.store = store
        self._events = EventLog()
        self.crew: Crew[Racing] = Crew(
            "races",
            slots=slots or Slots(max(1, (os.cpu_count() or 1) // 2)),
            most_active=_MOST_ACTIVE,
            write=self._write,
            park_seconds=park_seconds,
        )
        self._guard = threading.RLock()
        self._person = ""
        atexit.register(self.shutdown)  # a race on a device has a job to cancel

    def of(self, person: str) -> Races:
        """The races as one person sees them: those of others are not found, and new ones are theirs."""
        mine = copy.copy(self)
        mine._person, mine.store = person, self.store.of(person)
        return mine

    # ---------------------------------------------------------------------------------------- control

    def start(
        self,
        config: RaceConfig,
        *,
        paused: bool = False,
        speed: float | None = None,
        instant: bool = False,
        replaces: str | None = None,
    ) -> str:
        """Begin a race; returns its id at once. What cannot work is refused here with the reason.

        Args:
            config: the race.
            paused: prepare it, then wait for Resume or Step.
            speed: at most so many steps per second; None for unlimited.
            instant: do not keep it in the store unless :meth:`keep` is called.
            replaces: id of a race that is stopped first, if it is an instant one.
        """
        speed = speed_limit(speed)
        for contender, side in zip(config.contenders, config.configs(), strict=True):
            try:
                plan(side, self.store.uploads)
            except QHNError as error:
                raise Unsupported(f"{contender.title}: {error}") from error
        former = self.crew.get(replaces) if replaces and self.known(replaces) else None
        if former is not None and former.task.instant:
            former.stop()
        self.crew.thin(_KEPT - 1)
        self.crew.check_room(self._person)
        race = Racing(config, self.store.uploads, instant=instant)
        run = LiveRun(
            secrets.token_hex(5), race, name="Race", events=self._events, paused=paused, speed=speed, owner=self._person
        )
        self.crew.launch(run)
        return run.run_id

    def pause(self, race_id: str) -> None:
        """Pause after the step in work."""
        self._get(race_id).pause()

    def resume(self, race_id: str) -> None:
        """Go on where it was paused; nothing happens to a race that has ended."""
        self._get(race_id).resume()

    def step(self, race_id: str) -> None:
        """Make one step and pause; a race that runs is only paused."""
        self._get(race_id).step()

    def stop(self, race_id: str) -> None:
        """End the race after the step in work; a device's job is cancelled and not waited for."""
        self._get(race_id).stop()

    def set_speed(self, race_id: str, steps_per_second: float | None) -> None:
        """Limit the race to so many steps per second, None for no limit."""
        self._get(race_id).set_speed(steps_per_second)

    def keep(self, race_id: str) -> tuple[str, ...]:
        """Write the race to the store as one run a contender; returns their ids. Does nothing twice.

        A race that is still in work is refused; one that was stopped can be resumed under Runs.
        """
        run = self._get(race_id)
        if run.state.active and run.ending is None:
            raise Unsupported("The race is still in work: stop it, or wait for its end.")
        with self._guard:
            race = run.task
            if not race.kept:
                state, message = run.ending or (run.state, run.message)
                race.kept = tuple(self._keep_one(run, i, state, message) for i in range(len(race.lanes)))
        return race.kept

    # --------------------------------------------------------------------------------------- reading

    def known(self, race_id: str) -> bool:
        """Whether the race is in memory."""
        run = self.crew.get(race_id)
        return run is not None and self._person in ("", run.owner)

    def racing(self) -> bool:
        """Whether a race computes at this moment."""
        busy = (RunState.QUEUED, RunState.PREPARING, RunState.RUNNING)
        return any(run.state in busy for run in self.crew.all())

    def config(self, race_id: str) -> RaceConfig:
        """What races."""
        return self._get(race_id).task.config

    def status(self, race_id: str) -> RaceStatus:
        """Where it stands; InvalidArgument if it is not in memory."""
        run = self._get(race_id)
        return RaceStatus(self.crew.status(run), run.task.instant, run.task.kept)

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
        """Problems and circuits; None until they are made."""
        return self._get(race_id).task.setup

    def wait(self, race_id: str, timeout: float | None = None) -> RaceStatus:
        """Return when the race has ended or is paused, or after ``timeout`` seconds."""
        self._get(race_id).wait(timeout)
        return self.status(race_id)

    def shutdown(self, timeout: float = 5.0) -> None:
        """Stop all races, and wait a little for their threads. Called when the program ends."""
        atexit.unregister(self.shutdown)
        races = self.crew.all()
        for run in races:
            run.stop()
        for run in races:
            if run.thread is not None:
                run.thread.join(timeout)

    # --------------------------------------------------------------------------------------- private

    def _get(self, race_id: str) -> LiveRun[Racing]:
        found = self.crew.get(race_id)
        if found is None or (self._person and found.owner != self._person):
            raise InvalidArgument(
                "race", expected="a race in memory", got=race_id, remedy="Train it again: the same seed, the same race."
            )
        return found

    def _write(self, run: LiveRun[Racing]) -> bool:
        """Called by the worker before it announces the end."""
        state = run.ending[0] if run.ending else run.state
        if state is RunState.FINISHED and not run.task.instant:
            try:
                self.keep(run.run_id)
            except QHNError:
                log.exception("race %s cannot be kept", run.run_id)
                run.ending = (state, "Finished, but its runs could not be written to the store. Keep tries again.")
                return False
        return True

    def _keep_one(self, run: LiveRun[Racing], contender: int, state: RunState, message: str) -> str:
        race = run.task
        if race.state is None:
            raise Unsupported("The race ended before its first step: there is nothing to keep.")
        side, rows = race.config.configs()[contender], race.lanes[contender].rows()
        title, at = race.config.contenders[contender].title, race.state.states[contender]
        run_id = self.store.of(run.owner).create(side, name=f"Race {run.run_id[:4]}: {title}", state=state)
        self.store.flush(
            run_id,
            steps=rows.steps,
            rows=rows.history or None,
            arrays=at.arrays(),
            step=min(int(at.step), side.steps),
            state=state,
            message=message,
        )
        return run_id
