"""The thread that drives one race: prepares it, steps all contenders, and ends it."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from qhn_core.errors import DeviceError
from qhn_core.runner.worker import Worker
from qhn_core.store import RunState
from qhn_core.studies.race import race
from qhn_core.studies.race.race import RaceSetup, RaceState
from qhn_core.studies.race.rivals import RivalBoard
from qhn_core.studies.race.run import LiveRace

log = logging.getLogger(__name__)


class RaceWorker(Worker):
    """Drives one race as :class:`~qhn_core.runner.worker.Worker` drives a run."""

    run: LiveRace
    board: RivalBoard

    def _train(self) -> tuple[RunState, str]:
        run = self.run
        if not self._admitted():
            return run.stop_as, run.stop_message
        setup, state = self._prepare_race()
        while self._my_turn():
            began = time.monotonic()
            try:
                after, infos = race.step(setup, state)
            except DeviceError as error:
                log.warning("race %s paused: %s", run.run_id, error)
                self._pause_because(f"{error} Resume to go on from step {run.step}.")
                continue
            run.record_race(state, after, infos, began)
            state = after
            if state.done:
                return RunState.FINISHED, ""
        return run.stop_as, run.stop_message

    def _prepare_race(self) -> tuple[RaceSetup, RaceState]:
        run = self.run
        with run.changed:
            run.set_state(RunState.PREPARING)
        setup = race.prepare(
            run.race_config, uploads=Path(self.store.uploads), progress=run.set_progress, cancelled=run.cancelled
        )
        state = race.init(setup)
        with run.changed:
            run.race_setup, run.race_state = setup, state
            run.prepare_first = False
        run.rivals = self.board.of(run.race_config, setup)
        return setup, state

    def _end(self, state: RunState, message: str) -> None:
        if state is RunState.STOPPED and self.run.stop_message:  # set aside after a long pause
            message = "Paused for long, and set aside. Train begins anew, with the same numbers."
        super()._end(state, message)
        if self.run.rivals is not None:
            self.run.rivals.idle.set()
