"""The thread that trains one run."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qhn_core.engines.devices.retry import GivenUp, stopping
from qhn_core.errors import Cancelled, DeviceError, QHNError
from qhn_core.runner.live import LiveRun
from qhn_core.runner.slots import Slots
from qhn_core.store import RunState, RunStore

if TYPE_CHECKING:
    from qhn_core.trainer import Setup, TrainState

log = logging.getLogger(__name__)
_torch_bounded = threading.Event()


class Worker:
    """Trains ``run`` until it is done, stopped or fails; waits where it is paused, queued or slowed down.

    Args:
        run: the run.
        store: where it goes on from, if it does.
        slots: the bound on runs that compute at once.
        write: writes the run to the store now; returns whether that worked.
        park_seconds: how long a paused run is kept in memory.
    """

    def __init__(
        self,
        run: LiveRun,
        *,
        store: RunStore,
        slots: Slots,
        write: Callable[[LiveRun], bool],
        park_seconds: float,
    ) -> None:
        self.run, self.store, self.slots, self.write, self.park_seconds = run, store, slots, write, park_seconds

    def main(self) -> None:
        """Body of the thread. Whatever happens, the run ends in a state that says so."""
        run = self.run
        state, message = RunState.FAILED, ""
        try:
            with stopping(run.cancelled):
                state, message = self._train()
        except GivenUp as error:
            state, message = run.stop_as, " ".join(filter(None, (run.stop_message, str(error))))
        except Cancelled:
            state, message = run.stop_as, run.stop_message
        except QHNError as error:
            log.info("run %s failed: %s", run.run_id, error)
            message = str(error)
        except MemoryError:
            log.exception("run %s ran out of memory", run.run_id)
            message = "There is not enough memory for this run. Fewer replicas or a smaller network need less."
        except Exception as error:
            log.exception("run %s failed", run.run_id)
            message = f"Something unexpected happened at step {run.step}: {type(error).__name__}: {error}"
        finally:
            self._end(state, message)

    def _train(self) -> tuple[RunState, str]:
        from qhn_core import trainer

        run = self.run
        if not self._admitted():
            return run.stop_as, run.stop_message
        setup, state = self._prepare()
        while self._my_turn():
            began = time.monotonic()
            try:
                after, info = trainer.step(setup, state)
            except DeviceError as error:
                log.warning("run %s paused: %s", run.run_id, error)
                self._pause_because(f"{error} Resume to go on from step {run.step}.")
                continue
            run.record(state, after, info, began)
            state = after
            if info.done:
                return RunState.FINISHED, info.reason or ""
        return run.stop_as, run.stop_message

    def _prepare(self) -> tuple[Setup, TrainState]:
        from qhn_core import trainer

        run = self.run
        with run.changed:
            run.set_state(RunState.PREPARING)
        setup = run.setup or trainer.prepare(
            run.config, uploads=Path(self.store.uploads), progress=run.set_progress, cancelled=run.cancelled
        )
        saved = self.store.load_checkpoint(run.run_id) if run.from_store else None
        state = trainer.init(setup) if saved is None else trainer.TrainState.from_arrays(saved[1])
        if run.from_store:
            # Rows that the checkpoint has not seen are made again, and come out the same.
            self.store.truncate(run.run_id, int(state.step) + int(state.done))
            run.recorder.extend(self.store.history(run.run_id))
        _bound_torch_threads()
        with run.changed:
            run.flushed_rows = len(run.recorder)
            run.setup, run.train_state = setup, state
            run.step = min(int(state.step), run.config.steps)
            run.prepare_first = False
        return setup, state

    # ----------------------------------------------------------------------------------------- waiting

    def _admitted(self) -> bool:
        """Wait for a slot to prepare in; False if the run is stopped before."""
        run = self.run
        while True:
            with run.changed:
                if run.want_stop:
                    return False
                resting = run.want_pause and run.budget == 0 and not run.prepare_first
                if run.granted and not resting:
                    return True
                if not resting:
                    run.set_state(RunState.QUEUED)
            self._rest() if resting else self._queue()

    def _my_turn(self) -> bool:
        """Wait until the next step may be made; False if the run is to stop."""
        run = self.run
        while True:
            with run.changed:
                if run.want_stop:
                    return False
                if run.budget > 0 and run.want_pause:
                    run.stepping = True
                    run.set_state(RunState.PAUSED)
                    return True
                resting, light = run.want_pause, run.light()
                if not resting and (run.granted or light):
                    run.set_state(RunState.RUNNING)
                    now = time.monotonic()
                    delay = run.pace.delay(now, run.speed)
                    if delay <= 0:
                        run.pace.began(now, run.speed)
                        return True
                    if not (light and run.granted):
                        run.changed.wait(delay)
                        continue
            if resting:
                self._rest()
            elif light:
                self.slots.release(run)
            else:
                self._queue()

    def _rest(self) -> None:
        """Paused: give the slot to others, and wait until somebody wants something."""
        run = self.run
        self.slots.release(run)
        with run.changed:
            run.set_state(RunState.PAUSED, run.pause_message)
            woken = run.changed.wait_for(
                lambda: run.want_stop or run.budget > 0 or not run.want_pause, timeout=self.park_seconds
            )
            if not woken:
                run.want_stop = True
                run.stop_message = f"Paused for {self.park_seconds / 60:.0f} minutes and set aside; Resume goes on."

    def _queue(self) -> None:
        """Wait for a slot, or for another wish."""
        run = self.run
        self.slots.request(run)
        with run.changed:
            if not run.granted:
                run.set_state(RunState.QUEUED)
            run.changed.wait_for(
                lambda: run.granted or run.want_stop or (run.want_pause and run.budget == 0 and not run.prepare_first)
            )

    def _pause_because(self, message: str) -> None:
        run = self.run
        with run.changed:
            run.want_pause, run.budget, run.stepping, run.pause_message = True, 0, False, message

    def _end(self, state: RunState, message: str) -> None:
        """Write the end of the run, and only then announce it, so that the store knows what the page says."""
        run = self.run
        self.slots.release(run)
        with run.changed:
            run.ending = (state, message)
            run.version += 1
        written = self.write(run)
        with run.changed:
            run.set_state(state, message)
            if written:
                run.saved = run.version
            run.changed.notify_all()


def _bound_torch_threads() -> None:
    """Once, and only where torch is in use: its vectors are short here, and runs already share the cores."""
    torch = sys.modules.get("torch")
    if torch is not None and not _torch_bounded.is_set():
        _torch_bounded.set()
        torch.set_num_threads(1)
