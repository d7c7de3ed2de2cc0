"""Processes beside the server: they make the turns of a crowd, and losing one changes nothing."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

import qhn_core as qhn
from qhn_core.runner import Supervisor
from qhn_core.runner.helpers import Helpers
from qhn_core.store import RunState, RunStore
from tests.core.small import small_run

CONFIG = small_run(steps=600, log_every=7)


def _made_by(supervisor: Supervisor, runs: list[str]) -> int:
    """Number of the process beside this one that makes steps now."""
    end = time.monotonic() + 240
    while time.monotonic() < end:
        for run_id in runs:
            live = supervisor.crew.get(run_id)
            if live is not None and live.state.active and live.task.process != 0:
                return live.task.process
        time.sleep(0.005)
    raise AssertionError("no helper made a step")


@pytest.mark.timeout(400)
def test_a_crowd_is_trained_by_helpers_and_goes_on_when_one_is_killed(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    helpers = Helpers(1, uploads=store.uploads)
    supervisor = Supervisor(store, max_running=1, helpers=helpers)
    runs = [supervisor.start(CONFIG, paused=True) for _ in range(3)]
    helpers.start()
    helpers.wait(240)
    for run_id in runs:
        supervisor.resume(run_id)
    killed = _made_by(supervisor, runs)
    os.kill(killed, signal.SIGKILL)
    wanted = qhn.train(CONFIG)
    for run_id in runs:
        status = supervisor.wait(run_id, 300)
        assert status.state is RunState.FINISHED, status.message
        found = supervisor.history(run_id)
        assert found.steps.tolist() == wanted.steps.tolist()
        for name, column in wanted.history.items():
            assert found.history[name].tobytes() == column.tobytes(), name
    supervisor.shutdown()
    with pytest.raises(ProcessLookupError):
        os.kill(killed, 0)


@pytest.mark.timeout(300)
def test_one_run_alone_needs_no_helper(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    helpers = Helpers(1, uploads=store.uploads)
    supervisor = Supervisor(store, max_running=1, helpers=helpers)
    run_id = supervisor.start(CONFIG.model_copy(update={"steps": 20}))
    assert supervisor.wait(run_id, 200).state is RunState.FINISHED
    assert not helpers.count_alive()
    supervisor.shutdown()
