"""Killed in mid-training: next to nothing is lost, and the history comes out as if nothing had happened."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from qhn_core.config import RunConfig
from qhn_core.results import train
from qhn_core.runner import Supervisor
from qhn_core.store import RunState, RunStore
from qhn_core.studies.race.config import RaceConfig
from qhn_core.studies.race.live import Races

ROOT = Path(__file__).parents[2]
CONFIG = """
dataset: {name: xor, n_train: 8, n_test: 10}
network: {name: mlp, layers: [2, 1]}
ansatz: {name: linear, layers: 1}
optimiser: {name: adam, lr: 0.05}
steps: 8000
replicas: 2
"""

#: Trains as the command line does, at a speed.
WITNESS = """
import sys, time
from qhn_core.config import load_config
from qhn_core.runner import Supervisor
from qhn_core.store import RunStore
supervisor = Supervisor(RunStore(sys.argv[2]))
print(supervisor.start(load_config(sys.argv[1]), speed=float(sys.argv[3])), flush=True)
time.sleep(1000)
"""


def resumed_equals_uninterrupted(folder: Path, run_id: str, config: RunConfig) -> None:
    supervisor = Supervisor(RunStore(folder))
    assert supervisor.status(run_id).state is RunState.INTERRUPTED
    assert "ended" in supervisor.status(run_id).message
    supervisor.resume(run_id)
    assert supervisor.wait(run_id, timeout=200).state is RunState.FINISHED
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
    deadline = time.monotonic() + 200
    while not (store.list() and store.list()[0].step > 100):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (record,) = store.list()
    assert record.state is RunState.RUNNING
    assert store.held_elsewhere(record.id)
    process.kill()
    process.wait()
    assert 100 < store.get(record.id).step < 8000
    resumed_equals_uninterrupted(data, record.id, RunConfig.from_yaml(CONFIG))


@pytest.mark.parametrize("speed", [3.0, 300.0])
def test_what_the_store_has_shown_survives_a_kill(tmp_path, speed):
    """Rows are written while the run goes on, at any speed, and what another connection has seen is there for good."""
    config = RunConfig.from_yaml(CONFIG.replace("8000", "1500"))
    (tmp_path / "run.yaml").write_text(config.to_yaml())
    process = subprocess.Popen(
        [sys.executable, "-c", WITNESS, str(tmp_path / "run.yaml"), str(tmp_path / "data"), str(speed)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    run_id = process.stdout.readline().strip()
    store = RunStore(tmp_path / "data")
    deadline = time.monotonic() + 200
    while len(seen := store.history(run_id).steps) < 4:
        assert time.monotonic() < deadline, "nothing is written before the run's end"
        time.sleep(0.02)
    process.kill()
    process.wait()
    kept = store.history(run_id).steps
    assert kept.tolist() == list(range(len(kept)))
    assert len(kept) >= len(seen)
    resumed_equals_uninterrupted(tmp_path / "data", run_id, config)


RACER = """
import sys, time
from qhn_core.store import RunStore
from qhn_core.studies.race.config import RaceConfig
from qhn_core.studies.race.live import Races
races = Races(RunStore(sys.argv[1]))
print(races.start(RaceConfig.from_url(sys.argv[2]), speed=40.0), flush=True)
time.sleep(1000)
"""


def test_a_killed_race_is_found_interrupted_and_ends_as_if_nothing_had_happened(tmp_path):
    race = RaceConfig.parse(
        {
            "base": RunConfig.from_yaml(CONFIG.replace("16000", "300")).to_dict(),
            "contenders": [{"objective": {"name": "mle"}}, {"objective": {"name": "elbo"}}],
            "rivals": [],
        }
    )
    process = subprocess.Popen(
        [sys.executable, "-c", RACER, str(tmp_path), race.to_url()], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    race_id = process.stdout.readline().strip()
    store = RunStore(tmp_path)
    deadline = time.monotonic() + 200
    while not all(record.step >= 20 for record in store.list()):
        assert time.monotonic() < deadline, "nothing is written before the race's end"
        time.sleep(0.05)
    process.kill()
    process.wait()
    races = Races(RunStore(tmp_path))
    assert [record.state for record in store.list()] == [RunState.INTERRUPTED] * 2
    status = races.status(race_id)
    assert status.run.state is RunState.INTERRUPTED
    assert 20 <= status.run.step < 300
    assert races.config(race_id) == race
    assert len(races.history(race_id, 1).steps) >= 20
    races.resume(race_id)
    assert races.wait(race_id, 200).run.state is RunState.FINISHED
    races.shutdown()
    for run_id, side in zip(status.kept, race.configs(), strict=True):
        found, wanted = RunStore(tmp_path).history(run_id), train(side)
        assert found.steps.tolist() == wanted.steps.tolist()
        for name, column in wanted.history.items():
            assert found.history[name].tobytes() == column.tobytes(), name


SWEEP = """
import sys
from qhn_core.studies.executors import run_sweep
from qhn_core.studies.sweep import SweepConfig, SweepFolder
if __name__ == "__main__":
    base = {"dataset": {"name": "xor", "n_train": 8}, "network": {"name": "mlp", "layers": [2, 1]}, "steps": 1_000_000}
    base["log_every"] = 1_000
    sweep = SweepConfig.parse({"base": base, "axes": {"seed": [0, 1]}})
    run_sweep(sweep, SweepFolder(sys.argv[1]), workers=2)
"""


def _is_worker(child: psutil.Process) -> bool:
    """Whether it is one of the pool's; what a library starts beside them may end at any moment."""
    try:
        return "spawn_main" in " ".join(child.cmdline())
    except psutil.NoSuchProcess:
        return False


def test_kill_9_of_a_sweep_leaves_no_workers_behind(tmp_path):
    (tmp_path / "sweep.py").write_text(SWEEP)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, str(tmp_path / "sweep.py"), str(tmp_path)], env=environment)
    parent, deadline = psutil.Process(process.pid), time.monotonic() + 200
    while len(found := [child for child in parent.children() if _is_worker(child)]) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    workers = parent.children(recursive=True)
    while min(sum(worker.cpu_times()[:2]) for worker in found) < 1.0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.wait()
    _, left = psutil.wait_procs(workers, timeout=60)
    for worker in left:
        worker.kill()
    assert left == []
