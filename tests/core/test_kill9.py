"""Killed in mid-training: next to nothing is lost, and the history comes out as if nothing had happened."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from qhn_core.config import RunConfig
from qhn_core.results import train
from qhn_core.runner import Supervisor
from qhn_core.store import RunState, RunStore

ROOT = Path(__file__).parents[2]
CONFIG = """
dataset: {name: xor, n_train: 8, n_test: 10}
network: {name: mlp, layers: [2, 1]}
ansatz: {name: linear, layers: 1}
optimiser: {name: adam, lr: 0.05}
steps: 16000
replicas: 2
"""

#: Trains as the command line does, and says on standard output which rows are logged, at once.
WITNESS = """
import sys, time
from qhn_core.config import load_config
from qhn_core.runner import Supervisor
from qhn_core.store import RunStore
supervisor = Supervisor(RunStore(sys.argv[2]))
run = supervisor.start(load_config(sys.argv[1]), speed=float(sys.argv[3]))
print(run, flush=True)
while True:
    rows = supervisor.history(run)
    if len(rows.steps):
        print(time.time(), int(rows.steps[-1]), flush=True)
    time.sleep(0.02)
"""


def resumed_equals_uninterrupted(folder: Path, run_id: str, config: RunConfig) -> None:
    supervisor = Supervisor(RunStore(folder))
    assert supervisor.status(run_id).state is RunState.INTERRUPTED
    assert "ended" in supervisor.status(run_id).message
    supervisor.resume(run_id)
    assert supervisor.wait(run_id, timeout=120).state is RunState.FINISHED
    supervisor.shutdown()
    found, wanted = RunStore(folder).history(run_id), train(config)
    assert found.steps.tolist() == wanted.steps.tolist()
    for name, column in wanted.history.items():
        assert found.history[name].tobytes() == column.tobytes(), name


def test_kill_9_of_the_command_line_in_mid_training(tmp_path):
    (tmp_path / "run.yaml").write_text(CONFIG)
    data = tmp_path / "data"
    process = subprocess.Popen(
        [sys.executable, "-m", "qhn_core", "train", str(tmp_path / "run.yaml"), "--data", str(data), "--quiet"],
        cwd=ROOT,
    )
    store = RunStore(data)
    deadline = time.monotonic() + 60
    while not (store.list() and store.list()[0].step > 100):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (record,) = store.list()
    assert record.state is RunState.RUNNING
    assert store.held_elsewhere(record.id)
    process.kill()
    process.wait()
    assert 100 < store.get(record.id).step < 16000
    resumed_equals_uninterrupted(data, record.id, RunConfig.from_yaml(CONFIG))


@pytest.mark.parametrize("speed", [3.0, 300.0])
def test_nothing_logged_more_than_a_second_before_the_kill_is_lost(tmp_path, speed):
    config = RunConfig.from_yaml(CONFIG.replace("16000", "1500"))
    (tmp_path / "run.yaml").write_text(config.to_yaml())
    process = subprocess.Popen(
        [sys.executable, "-c", WITNESS, str(tmp_path / "run.yaml"), str(tmp_path / "data"), str(speed)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    run_id = process.stdout.readline().strip()
    first = float(process.stdout.readline().split()[0])
    seen = [(first, 0)]
    while seen[-1][0] - first < 1.3:
        when, step = process.stdout.readline().split()
        seen.append((float(when), int(step)))
    process.kill()
    process.wait()
    killed = time.time()
    old = max(step for when, step in seen if when < killed - 1.0)
    kept = RunStore(tmp_path / "data").history(run_id).steps
    assert kept.tolist() == list(range(len(kept)))
    assert kept[-1] >= old, f"row {old} was logged more than a second before"
    resumed_equals_uninterrupted(tmp_path / "data", run_id, config)
