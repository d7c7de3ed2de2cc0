"""The thread that drives one task: a run's training, or a race."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Generic

from qhn_core.engines.devices.retry import GivenUp, stopping
from qhn_core.errors import Cancelled, DeviceError, QHNError
from qhn_core.runner.live import LiveRun, TaskT
from qhn_core.runner.slots import Slots
from qhn_core.store import RunState

log = logging.getLogger(__name__)
#: Seconds between looks at whether somebody still waits for a run that has not begun.
_LOOK = 2.0
_torch_bounded = threading.Event()


class Worker(Generic[TaskT]):
    """Drives ``run`` until it is done, stopped or fails; waits where it is paused, queued or slowed down.

    Args:
        run: what is driven.
        slots: the bound on what computes at once.
        write: writes its end to the store, before that is announced; returns whether that worked.
        park_seconds: how long it stays in memory while it is paused.
        left: whether nobody waits any more for one that has not begun: then its place is given to others.
    """

    def __init__(
        self,
        run: LiveRun[TaskT],
        *,
        slots: Slots,
        write: Callable[[LiveRun[TaskT]], bool],
        park_seconds: float,
        left: Callable[[LiveRun[TaskT]], bool] = lambda run: False,
    ) -> None:
        self.run, self.slots, self.write, self.park_seconds, self.left = run, slots, write, park_seconds, left

    def main(self) -> None:
        """Body of the thread. Whatever happens, the run ends in a state that says so."""
        run = self.run
        state, message = RunState.FAILED, ""
        try:
            with stopping(run.cancelled):
                state, message = self._work()
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
            message = f"Something unexpected happened at step {run.reached}: {type(error).__name__}: {error}"
        finally:
            self._end(state, message)

    def _work(self) -> tuple[RunState, str]:
        run = self.run
        if not self._admitted():
            return run.stop_as, run.stop_message
        setup, state = self._prepare()
        while self._my_turn():
            began = time.monotonic()
            try:
                after, info = run.task.step(setup, state)
            except DeviceError as error:
                log.warning("run %s paused: %s", run.run_id, error)
                self._pause_because(f"{error} Resume to go on from step {run.reached}.")
                continue
            made = run.record(state, after, info, began)
            state = after
            if made.done:
                return RunState.FINISHED, made.reason
        return run.stop_as, run.stop_message

    def _prepare(self) -> tuple[Any, Any]:
        run = self.run
        with run.changed:
            run.set_state(RunState.PREPARING)
        setup = run.task.prepare(run.set_progress, self._breathe)
        state = run.task.init(setup)
        _bound_torch_threads()
        run.begin(setup, state)
        return setup, state

    # ----------------------------------------------------------------------------------------- waiting

    def _breathe(self) -> bool:
        """Asked by the preparation now and then: let others have their turn, and say whether to give up."""
        if self.slots.over(self.run):
            self._pass_on()
        return self.run.cancelled()

    def _pass_on(self) -> None:
        """The turn is over: wait for the next one, or for another wish."""
        run = self.run
        self.slots.pass_on(run)
        with run.changed:
            run.changed.wait_for(lambda: run.granted or run.want_stop or (run.want_pause and not run.prepare_first))

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
            self._rest() if resting else self._queue(_LOOK)
            if not resting and not run.granted and self.left(run):
                run.stop(because="Its owner left before it began, so its place went to others. Resume goes on.")

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
                over = run.granted and self.slots.over(run)
                if not resting and not over and (run.granted or light):
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
            elif over:
                self._pass_on()
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
                run.stop_message = f"Paused for {self.park_seconds / 60:.0f} minutes and set aside. {run.task.way_on}"

    def _queue(self, timeout: float | None = None) -> None:
        """Wait for a slot, or for another wish, at most so many seconds."""
        run = self.run
        takes_turns = self.slots.request(run)
        with run.changed:
            if not run.granted and not takes_turns:
                run.set_state(RunState.QUEUED)
            run.changed.wait_for(
                lambda: run.granted or run.want_stop or (run.want_pause and run.budget == 0 and not run.prepare_first),
                timeout=timeout,
            )

    def _pause_because(self, message: str) -> None:
        run = self.run
        with run.changed:
            run.want_pause, run.budget, run.stepping, run.pause_message = True, 0, False, message

    def _end(self, state: RunState, message: str) -> None:
        """Write the end of the run, and only then announce it, so that the store knows what the page says."""
        run = self.run
        self.slots.ended(run)
        with run.changed:
            run.ending = (state, message)
            run.version += 1
        written = self.write(run)
        with run.changed:
            run.set_state(*run.ending)
            if written:
                run.saved = run.version
            run.changed.notify_all()


def _bound_torch_threads() -> None:
    """Once, and only where torch is in use: its vectors are short here, and runs already share the cores."""
    torch = sys.modules.get("torch")
    if torch is not None and not _torch_bounded.is_set():
        _torch_bounded.set()
        torch.set_num_threads(1)
