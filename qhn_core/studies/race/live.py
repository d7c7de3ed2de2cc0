"""Races in the background: pause, resume, step, stop and watch, while the contenders train in lockstep.

A race is driven like a run (the same worker, pace and slots); its contenders' histories are those of plain training.
"""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import threading
import time
from typing import TYPE_CHECKING

from qhn_core.errors import InvalidArgument, QHNError, Unsupported
from qhn_core.planning import plan
from qhn_core.runner.events import EventLog
from qhn_core.runner.live import LiveRun
from qhn_core.runner.slots import Slots
from qhn_core.store import RunState, RunStore
from qhn_core.studies.race.config import RaceConfig
from qhn_core.studies.race.memory import RaceRows
from qhn_core.studies.race.rivals import RivalBoard
from qhn_core.studies.race.run import LiveRace
from qhn_core.studies.race.status import RaceStatus
from qhn_core.studies.race.worker import RaceWorker

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from qhn_core.studies.race.race import RaceSetup
    from qhn_core.studies.rivals import RivalScore

    Array = NDArray[np.float64]

log = logging.getLogger(__name__)

#: Ended races kept in memory, and races that may be active at once.
_KEPT, _MOST_ACTIVE = 8, 32


class Races:
    """Starts, controls and reports races. All methods may be called from any thread, and return at once.

    A finished race is kept in the store as one run a contender, unless it is an instant one.

    Args:
        store: where finished races are kept.
        max_running: races that compute at once; the others wait. By default one: contenders use the cores already.
        park_seconds: how long a paused race stays in memory.
    """

    def __init__(self, store: RunStore, max_running: int | None = None, *, park_seconds: float = 1800.0) -> None:
        self.store, self._park_seconds = store, park_seconds
        self._slots = Slots(max_running or max(1, (os.cpu_count() or 1) // 2))
        self._events = EventLog()
        self._races: dict[str, LiveRace] = {}
        self._guard = threading.RLock()
        self._board = RivalBoard(self.racing)
        atexit.register(self.shutdown)  # a race on a device has a job to cancel

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
        if speed is not None and not speed > 0:
            raise InvalidArgument("speed", expected="a positive number, or None for unlimited", got=speed)
        for contender, run in zip(config.contenders, config.configs(), strict=True):
            try:
                plan(run, self.store.uploads)
            except QHNError as error:
                raise Unsupported(f"{contender.title}: {error}") from error
        former = self._races.get(replaces) if replaces else None
        if former is not None and former.instant:
            self.stop(former.run_id)
        return self._launch(config, instant=instant, paused=paused, speed=speed)

    def pause(self, race_id: str) -> None:
        """Pause after the step in work."""
        run = self._get(race_id)
        with run.changed:
            run.want_pause, run.budget, run.prepare_first = True, 0, False
            run.changed.notify_all()

    def resume(self, race_id: str) -> None:
        """Go on where it was paused; nothing happens to a race that has ended."""
        run = self._get(race_id)
        with run.changed:
            if run.state.active and not run.want_stop:
                run.want_pause, run.prepare_first, run.pause_message = False, False, ""
                run.changed.notify_all()

    def step(self, race_id: str) -> None:
        """Make one step and pause; a race that runs is only paused."""
        run = self._get(race_id)
        with run.changed:
            if run.want_pause:
                run.budget += 1
            run.want_pause, run.pause_message = True, ""
            run.changed.notify_all()

    def stop(self, race_id: str) -> None:
        """End the race after the step in work; a device's job is cancelled and not waited for."""
        run = self._get(race_id)
        with run.changed:
            run.want_stop = True
            run.changed.notify_all()

    def set_speed(self, race_id: str, steps_per_second: float | None) -> None:
        """Limit the race to so many steps per second, None for no limit."""
        if steps_per_second is not None and not steps_per_second > 0:
            raise InvalidArgument("steps_per_second", expected="a positive number, or None", got=steps_per_second)
        run = self._get(race_id)
        with run.changed:
            run.speed = steps_per_second
            run.changed.notify_all()

    def keep(self, race_id: str) -> tuple[str, ...]:
        """Write the race to the store as one run a contender; returns their ids. Does nothing twice.

        A race that is still in work is refused; one that was stopped can be resumed under Runs.
        """
        run = self._get(race_id)
        if run.state.active and run.ending is None:
            raise Unsupported("The race is still in work: stop it, or wait for its end.")
        with self._guard:
            if not run.kept:
                state, message = run.ending or (run.state, run.message)
                run.kept = tuple(self._keep_one(run, i, state, message) for i in range(len(run.lanes)))
        return run.kept

    # --------------------------------------------------------------------------------------- reading

    def known(self, race_id: str) -> bool:
        """Whether the race is in memory."""
        return race_id in self._races

    def racing(self) -> bool:
        """Whether a race computes at this moment."""
        busy = (RunState.QUEUED, RunState.PREPARING, RunState.RUNNING)
        return any(run.state in busy for run in list(self._races.values()))

    def config(self, race_id: str) -> RaceConfig:
        """What races."""
        return self._get(race_id).race_config

    def status(self, race_id: str) -> RaceStatus:
        """Where it stands; InvalidArgument if it is not in memory."""
        run = self._get(race_id)
        scoring = run.rivals is not None and not run.state.active and not run.rivals.done.is_set()
        return RaceStatus(run.status(self._slots.position(run)), run.instant, run.kept, scoring)

    def history(self, race_id: str, contender: int, since: int = 0) -> RaceRows:
        """Logged steps of a contender: steps (T,), seconds (T,), {metric: (T, B)}, read-only."""
        run = self._get(race_id)
        with run.changed:
            return run.lanes[contender].rows(since)

    def angles(self, race_id: str, contender: int, step: int | None = None) -> tuple[int, Array] | None:
        """The kept step nearest to ``step`` (None: the newest), and the angles (B, P) there; None before the first."""
        run = self._get(race_id)
        with run.changed:
            return run.lanes[contender].angles.at(step)

    def probs(self, race_id: str, contender: int, step: int | None, replicas: slice) -> tuple[int, Array] | None:
        """As :meth:`angles`, with exact q (B', 2**N) of some replicas; None where it cannot be known."""
        found, setup = self.angles(race_id, contender, step), self.setup(race_id)
        if found is None or setup is None:
            return None
        side = setup.setups[contender]
        if not side.problem.tabulated:
            return None
        from qhn_core.engines import engine

        return found[0], engine("statevector").probs(side.circuit, found[1][replicas])

    def setup(self, race_id: str) -> RaceSetup | None:
        """Problems and circuits; None until they are made."""
        return self._get(race_id).race_setup

    def rivals(self, race_id: str) -> tuple[tuple[RivalScore, ...], tuple[str, ...]]:
        """Scores of the rivals so far, and why others have none."""
        board = self._get(race_id).rivals
        return ((), ()) if board is None else (board.scores, board.problems)

    def wait(self, race_id: str, timeout: float | None = None) -> RaceStatus:
        """Return when nothing changes any more (ended, or paused), rivals included, or after ``timeout`` seconds."""
        run = self._get(race_id)
        end = None if timeout is None else time.monotonic() + timeout
        with run.changed:
            run.changed.wait_for(lambda: run.resting, timeout)
        if run.rivals is not None and not run.state.active:
            run.rivals.done.wait(None if end is None else max(0.0, end - time.monotonic()))
        return self.status(race_id)

    def shutdown(self, timeout: float = 5.0) -> None:
        """Stop all races, and wait a little for their threads. Called when the program ends."""
        atexit.unregister(self.shutdown)
        races = list(self._races.values())
        for run in races:
            self.stop(run.run_id)
        for run in races:
            if run.thread is not None:
                run.thread.join(timeout)

    # --------------------------------------------------------------------------------------- private

    def _get(self, race_id: str) -> LiveRace:
        found = self._races.get(race_id)
        if found is None:
            raise InvalidArgument(
                "race", expected="a race in memory", got=race_id, remedy="Train it again: the same seed, the same race."
            )
        return found

    def _launch(self, config: RaceConfig, *, instant: bool, paused: bool, speed: float | None) -> str:
        with self._guard:
            self._forget()
            if sum(run.state.active for run in self._races.values()) >= _MOST_ACTIVE:
                raise Unsupported(f"{_MOST_ACTIVE} races are active already. Stop some, or wait until some have ended.")
            race_id = secrets.token_hex(5)
            run = LiveRace(race_id, config, instant=instant, events=self._events, paused=paused, speed=speed)
            worker = RaceWorker(
                run, store=self.store, slots=self._slots, write=self._write, park_seconds=self._park_seconds
            )
            worker.board = self._board
            self._races[race_id] = run
            run.thread = threading.Thread(target=worker.main, name=f"qhn-race-{race_id}", daemon=True)
            run.thread.start()
        return race_id

    def _forget(self) -> None:
        """Let go of the races that ended first."""
        ended = [race_id for race_id, run in self._races.items() if not run.state.active]
        for race_id in ended[: max(0, len(ended) - _KEPT + 1)]:
            del self._races[race_id]

    def _write(self, run: LiveRun) -> bool:
        """Called by the worker before it announces the end."""
        state = run.ending[0] if run.ending else run.state
        if isinstance(run, LiveRace) and state is RunState.FINISHED and not run.instant:
            try:
                self.keep(run.run_id)
            except QHNError:
                log.exception("race %s cannot be kept", run.run_id)
                run.ending = (state, "Finished, but its runs could not be written to the store. Keep tries again.")
                return False
        return True

    def _keep_one(self, run: LiveRace, contender: int, state: RunState, message: str) -> str:
        if run.race_state is None:
            raise Unsupported("The race ended before its first step: there is nothing to keep.")
        side, rows = run.race_config.configs()[contender], run.lanes[contender].rows()
        title, at = run.race_config.contenders[contender].title, run.race_state.states[contender]
        run_id = self.store.create(side, name=f"Race {run.run_id[:4]}: {title}", state=state)
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
