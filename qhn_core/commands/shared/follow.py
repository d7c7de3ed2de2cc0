"""Follow a run in the terminal until it ends, with a progress bar; Ctrl-C stops it with its checkpoint."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from qhn_core.commands.shared.common import number
from qhn_core.store import RunState

if TYPE_CHECKING:
    from qhn_core.runner import RunStatus, Supervisor

#: Seconds between two looks at the run.
_PERIOD = 0.1


def follow(supervisor: Supervisor, run_id: str, *, quiet: bool) -> int:
    """Wait for the run's end and say how it ended; returns the exit code."""
    with _sigterm_as_interrupt():
        try:
            status = _watch(supervisor, run_id, quiet=quiet)
            if status.state is RunState.PAUSED:  # by trouble with a device or the disk, as nobody else can
                supervisor.stop(run_id)
                supervisor.wait(run_id, timeout=30.0)
                return _trouble(status)
        except KeyboardInterrupt:
            supervisor.stop(run_id)
            status = supervisor.wait(run_id, timeout=30.0)
            if status.state is not RunState.FINISHED:
                _say(f"Stopped at step {status.step} of {status.steps}.", status)
                return 130
    if status.state is RunState.FAILED:
        return _trouble(status)
    if status.state is not RunState.FINISHED:
        _say(f"The run is {status.state.value}: {status.message}", status)
        return 1
    record = supervisor.store.get(run_id)
    loss, accuracy = number(record.final("loss")), number(record.final("accuracy_test"))
    typer.echo(f"{run_id}  {record.name}  {status.message}  loss {loss}  test accuracy {accuracy}")
    return 0


def _trouble(status: RunStatus) -> int:
    typer.secho("Error: ", fg="red", nl=False, err=True)
    _say(status.message, status)
    return 1


def _say(message: str, status: RunStatus) -> None:
    typer.echo(f"{message}\nGo on with: python -m qhn_core resume {status.run_id}", err=True)


def _watch(supervisor: Supervisor, run_id: str, *, quiet: bool) -> RunStatus:
    if quiet:
        while True:  # waiting without end would not let Ctrl-C through on every platform
            status = supervisor.wait(run_id, timeout=1.0)
            if _rests(status):
                return status
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TextColumn("loss {task.fields[loss]}  test accuracy {task.fields[accuracy]}  {task.fields[rate]} steps/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=8) as progress:
        first = supervisor.status(run_id)
        task = progress.add_task(first.state.value, total=first.steps, loss="–", accuracy="–", rate="–")
        update = _updater(supervisor, run_id, progress, task)
        while True:
            status = supervisor.wait(run_id, timeout=_PERIOD)
            update(status)
            if _rests(status):
                return status


def _rests(status: RunStatus) -> bool:
    return not status.active or status.state is RunState.PAUSED


def _updater(supervisor: Supervisor, run_id: str, progress: Progress, task: TaskID) -> Callable[[RunStatus], None]:
    since = 0
    shown = {"loss": "–", "accuracy": "–"}

    def update(status: RunStatus) -> None:
        nonlocal since
        rows = supervisor.history(run_id, since=since)
        if len(rows.steps):
            since = int(rows.steps[-1]) + 1
            for key, metric in (("loss", "loss"), ("accuracy", "accuracy_test")):
                last = rows.history.get(metric, np.full((1, 1), np.nan))[-1]
                shown[key] = number(float(last.mean()))
        progress.update(
            task,
            completed=status.step,
            description=status.state.value,
            loss=shown["loss"],
            accuracy=shown["accuracy"],
            rate=number(status.steps_per_second) if status.steps_per_second else "–",
        )

    return update


@contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Let a polite request to end (kill, a batch system) stop the run with its checkpoint, as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        former = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
