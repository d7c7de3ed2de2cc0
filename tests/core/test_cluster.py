"""Training on a Dask cluster: live, bit-identical, and not stopped by the loss of a worker."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

import qhn_core as qhn
from qhn_core.config import RunConfig
from qhn_core.errors import DeviceError
from qhn_core.runner import Supervisor
from qhn_core.runner.cluster import Cluster
from qhn_core.runner.slices import Slice, advance
from qhn_core.store import RunState, RunStore
from qhn_core.store.checkpoint import pack
from qhn_core.studies.race.config import RaceConfig
from qhn_core.studies.race.live import Races

CONFIG = RunConfig.parse(
    {
        "dataset": {"name": "xor", "n_train": 8, "n_test": 10},
        "network": {"name": "mlp", "layers": [2, 1]},
        "ansatz": {"name": "linear", "layers": 1},
        "optimiser": {"name": "adam", "lr": 0.05},
        "steps": 1500,
        "replicas": 2,
        "log_every": 7,
    }
)
SIDES = [{"objective": {"name": "mle"}}, {"objective": {"name": "elbo"}}]


def assert_same(found: qhn.store.Rows, config: RunConfig) -> None:
    wanted = qhn.train(config)
    assert found.steps.tolist() == wanted.steps.tolist()
    for name, column in wanted.history.items():
        assert found.history[name].tobytes() == column.tobytes(), name


def test_slices_of_any_length_make_up_the_history_of_one_machine() -> None:
    config = CONFIG.model_copy(update={"steps": 40})
    wanted = qhn.train(config)
    state = qhn.trainer.init(qhn.trainer.prepare(config)).arrays()
    parts: list[Slice] = []
    while not parts or not parts[-1].done:
        steps = 1 + len(parts) % 5
        parts.append(Slice.from_bytes(advance(config.to_json(), None, pack(state), steps, 60.0)))
        state = parts[-1].state.arrays()
        assert len(parts[-1].took) == len(parts[-1].steps) + 1
    assert np.concatenate([part.steps for part in parts]).tolist() == wanted.steps.tolist()
    for name, column in wanted.history.items():
        joined = np.concatenate([part.rows[name] for part in parts if len(part.steps)])
        assert joined.tobytes() == column.tobytes(), name


@pytest.mark.timeout(400)
def test_training_streams_back_and_goes_on_when_a_worker_is_killed(tmp_path: Path) -> None:
    """Runs and races, from worker processes of which one is killed in the midst of its slices."""
    from distributed import LocalCluster

    store = RunStore(tmp_path)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as workers:
        cluster = Cluster(workers.scheduler_address, uploads=store.uploads)
        supervisor = Supervisor(store, cluster=cluster)
        assert supervisor.crew.slots.count == 2
        run_id = supervisor.start(CONFIG, paused=True)
        supervisor.step(run_id)
        assert supervisor.wait(run_id, 200).step == 1
        races = Races(store, supervisor.crew.slots, cluster=cluster)
        race = RaceConfig.parse(
            {"base": CONFIG.to_dict() | {"steps": 40, "log_every": 1}, "contenders": SIDES, "rivals": []}
        )
        race_id = races.start(race)
        supervisor.resume(run_id)
        live, end = supervisor.crew.get(run_id), time.monotonic() + 200
        assert live is not None
        while supervisor.status(run_id).step < 20:
            assert time.monotonic() < end
            time.sleep(0.01)
        assert supervisor.status(run_id).state is RunState.RUNNING
        assert len(supervisor.history(run_id).steps), "rows stream back before the end"
        assert live.task.process in {worker.pid for worker in workers.workers.values()}
        os.kill(live.task.process, signal.SIGKILL)
        status = supervisor.wait(run_id, 300)
        assert status.state is RunState.FINISHED, status.message
        assert races.wait(race_id, 300).run.state is RunState.FINISHED
        assert_same(supervisor.history(run_id), CONFIG)
        snapshot = supervisor.snapshot(run_id)
        assert snapshot is not None
        assert snapshot.probs is not None
        for i, side in enumerate(race.configs()):
            rows = races.history(race_id, i)
            assert_same(qhn.store.Rows(rows.steps, rows.history), side)
            assert (np.diff(rows.seconds) > 0).all()
        races.shutdown()
        supervisor.shutdown()


def test_no_scheduler_is_said(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"127\.0\.0\.1:9"):
        Supervisor(RunStore(tmp_path), cluster=Cluster("tcp://127.0.0.1:9", patience=0.2))
