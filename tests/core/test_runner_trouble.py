"""What the supervisor does when training, a device or the store fails."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from qhn_core import trainer
from qhn_core.config import RunConfig
from qhn_core.engines.devices.qiskit import QiskitSampler
from qhn_core.errors import DeviceError, InvalidArgument, MissingUpload, StoreError, TooLarge
from qhn_core.results import train
from qhn_core.runner import RunState, Supervisor, writer
from qhn_core.store import RunStore, UnknownRun
from qhn_core.studies.race.config import RaceConfig
from qhn_core.studies.race.live import Races
from tests.core.small import small_run

CONFIG = small_run(steps=20)


@pytest.fixture
def supervisor(tmp_path):
    made = Supervisor(RunStore(tmp_path / "data", timeout=0.2), 2, flush_seconds=0.02)
    yield made
    made.shutdown()


def assert_complete(supervisor: Supervisor, run_id: str, config: RunConfig = CONFIG) -> None:
    wanted = train(config)
    for found in (supervisor.history(run_id), supervisor.store.history(run_id)):
        assert found.steps.tolist() == wanted.steps.tolist()
        for name, column in wanted.history.items():
            assert np.array_equal(found.history[name], column, equal_nan=True), name


def fail_at(monkeypatch, step: int, error: Exception, *, times: int = 1) -> None:
    real, left = trainer.step, [times]

    def failing(setup, state):
        if state.step == step and left[0]:
            left[0] -= 1
            raise error
        return real(setup, state)

    monkeypatch.setattr(trainer, "step", failing)


def test_a_device_that_fails_pauses_the_run_with_the_reason(supervisor, monkeypatch):
    fail_at(monkeypatch, 7, DeviceError("The device did not answer in 60 s."), times=2)
    run_id = supervisor.start(CONFIG)
    status = supervisor.wait(run_id, timeout=30)
    assert (status.state, status.step) == (RunState.PAUSED, 7)
    assert status.message == "The device did not answer in 60 s. Resume to go on from step 7."
    supervisor.resume(run_id)
    assert supervisor.wait(run_id, timeout=30).state is RunState.PAUSED, "it fails again"
    supervisor.resume(run_id)
    assert supervisor.wait(run_id, timeout=30).state is RunState.FINISHED
    assert_complete(supervisor, run_id)


class HangingDevice:
    """A real device whose jobs stay in the queue until they are cancelled, or let through."""

    def __init__(self, monkeypatch):
        import qiskit_ibm_runtime
        from qiskit_ibm_runtime.fake_provider import FakeManilaV2

        device = self
        self.hanging, self.fetched, self.cancelled, self.snapshot = True, threading.Event(), 0, FakeManilaV2()
        self.told = lambda: None

        class Sampler(qiskit_ibm_runtime.SamplerV2):
            def run(self, work, shots):
                self.options.simulator.seed_simulator = 5
                return Job(super().run(work, shots=shots))

        class Job:
            def __init__(self, local):
                self.local, self.ended = local, threading.Event()

            def result(self, timeout):
                while device.hanging and not self.ended.is_set():
                    device.fetched.set()
                    self.ended.wait(0.02)
                return self.local.result()

            def cancel(self):
                device.cancelled += 1
                device.told()
                self.ended.set()

        monkeypatch.setenv("QHN_ALLOW_REMOTE", "1")
        monkeypatch.setattr(qiskit_ibm_runtime, "SamplerV2", Sampler)
        monkeypatch.setattr(QiskitSampler, "real_backend", lambda _: self.snapshot)


REMOTE = RunConfig.model_validate(
    CONFIG.model_dump()
    | {
        "engine": {"name": "pennylane", "device": "qiskit.remote", "backend": "ibm_nowhere", "timeout": 3600.0},
        "objective": {"name": "mle"},
        "estimator": {"name": "spsa", "shots": 16},
        "steps": 2,
        "replicas": 1,
    }
)


def test_stop_does_not_wait_for_a_devices_job_and_cancels_it(supervisor, monkeypatch):
    device = HangingDevice(monkeypatch)
    run_id = supervisor.start(REMOTE)
    assert device.fetched.wait(200)
    supervisor.stop(run_id)
    status = supervisor.wait(run_id, timeout=200)  # the device would never answer
    assert (status.state, status.step, status.message) == (RunState.STOPPED, 0, "Its job was cancelled.")
    assert device.cancelled == 1
    assert supervisor.store.load_checkpoint(run_id) is not None
    device.hanging = False
    supervisor.resume(run_id)
    assert supervisor.wait(run_id, timeout=200).state is RunState.FINISHED
    wanted = train(REMOTE)
    assert np.array_equal(supervisor.history(run_id).history["loss"], wanted.history["loss"])


def test_pause_lets_a_devices_job_end_and_says_so(supervisor, monkeypatch):
    device = HangingDevice(monkeypatch)
    run_id = supervisor.start(REMOTE)
    assert device.fetched.wait(200)
    supervisor.pause(run_id)
    status = supervisor.wait(run_id, timeout=0.3)
    assert status.state is RunState.RUNNING
    assert status.message == "Pausing when the device has done this step; Stop cancels its job…"
    device.hanging = False
    status = supervisor.wait(run_id, timeout=200)
    assert (status.state, status.step, device.cancelled) == (RunState.PAUSED, 1, 0)


def test_closing_the_program_cancels_a_devices_job(tmp_path, monkeypatch):
    supervisor, device = Supervisor(RunStore(tmp_path)), HangingDevice(monkeypatch)
    run_id = supervisor.start(REMOTE)
    assert device.fetched.wait(200)
    supervisor.shutdown()
    record = supervisor.store.get(run_id)
    assert (record.state, device.cancelled) == (RunState.INTERRUPTED, 1)
    assert record.message == "The program was closed. Resume goes on. Its job was cancelled."
    assert supervisor.store.load_checkpoint(run_id) is not None


ENDING = """
import sys
from pathlib import Path

import pytest

sys.path.insert(0, sys.argv[1])
from test_runner_trouble import REMOTE, HangingDevice, RunStore, Supervisor

supervisor, device = Supervisor(RunStore(Path(sys.argv[2]))), HangingDevice(pytest.MonkeyPatch())
device.told = lambda: print("cancelled", flush=True)
supervisor.start(REMOTE)
assert device.fetched.wait(200)
"""


def test_a_program_that_just_ends_cancels_a_devices_job(tmp_path):
    """Interpreter shutdown, with nobody calling ``shutdown``."""
    done = subprocess.run(
        [sys.executable, "-c", ENDING, str(Path(__file__).parent), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=280,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert (done.returncode, done.stdout) == (0, "cancelled\n"), done.stderr
    (record,) = RunStore(tmp_path).list()
    assert (record.state, record.step) == (RunState.INTERRUPTED, 0)


def test_stopping_a_race_cancels_the_job_of_its_contender(tmp_path, monkeypatch):
    races, device = Races(RunStore(tmp_path)), HangingDevice(monkeypatch)
    sides = [{"objective": {"name": "mle"}}, {"objective": {"name": "selbo"}}]
    race_id = races.start(RaceConfig.parse({"base": REMOTE.model_dump(), "contenders": sides, "rivals": ()}))
    assert device.fetched.wait(200)
    races.stop(race_id)
    status = races.wait(race_id, timeout=200)
    assert (status.run.state, status.run.message) == (RunState.STOPPED, "Its job was cancelled.")
    assert device.cancelled == 1
    races.shutdown()


@pytest.mark.parametrize(
    ("error", "message", "traced"),
    [
        (TooLarge("This needs 400 GB. Take a smaller network."), "This needs 400 GB. Take a smaller network.", False),
        (ZeroDivisionError("division by zero"), "unexpected happened at step 3: ZeroDivisionError", True),
        (MemoryError(), "not enough memory", True),
    ],
)
def test_an_error_ends_the_run_with_a_message_and_it_can_be_resumed(
    supervisor, monkeypatch, caplog, error, message, traced
):
    fail_at(monkeypatch, 3, error)
    with caplog.at_level(logging.INFO, logger="qhn_core"):
        run_id = supervisor.start(CONFIG)
        status = supervisor.wait(run_id, timeout=30)
    assert (status.state, status.step) == (RunState.FAILED, 3)
    assert message in status.message
    assert "Traceback" not in status.message
    assert any(record.exc_info for record in caplog.records) is traced
    record = supervisor.store.get(run_id)
    assert (record.state, record.message) == (RunState.FAILED, status.message)
    assert supervisor.history(run_id).steps.tolist() == [0, 1, 2]
    supervisor.resume(run_id)
    assert supervisor.wait(run_id, timeout=30).state is RunState.FINISHED
    assert_complete(supervisor, run_id)


def test_what_cannot_work_is_refused_before_anything_starts(supervisor):
    config = RunConfig.model_validate({"network": {"name": "mlp", "layers": [3, 1]}, "steps": 5})
    with pytest.raises(InvalidArgument, match="layers"):
        supervisor.start(config)
    assert supervisor.store.list() == []


def test_what_cannot_be_prepared_fails_with_the_reason(supervisor, monkeypatch):
    def gone(*_args, **_options):
        raise MissingUpload("ab" * 32)

    monkeypatch.setattr(trainer, "prepare", gone)
    run_id = supervisor.start(CONFIG)
    status = supervisor.wait(run_id, timeout=30)
    assert status.state is RunState.FAILED
    assert "Upload the same file again" in status.message


def break_writing(monkeypatch, store: RunStore) -> list[bool]:
    """While ``broken[0]`` is true, the store cannot be written."""
    broken, real = [True], store.flush_all

    def flush(*args, **options):
        if broken[0]:
            raise StoreError("The disk is full.")
        real(*args, **options)

    monkeypatch.setattr(store, "flush_all", flush)
    return broken


def test_a_store_that_cannot_be_written_for_a_moment_loses_nothing(supervisor, monkeypatch):
    broken = break_writing(monkeypatch, supervisor.store)
    run_id = supervisor.start(CONFIG)
    assert supervisor.wait(run_id, timeout=30).state is RunState.FINISHED
    assert supervisor.store.get(run_id).state is RunState.QUEUED, "nothing written yet"
    broken[0] = False
    deadline = time.monotonic() + 60
    while supervisor.store.get(run_id).state is not RunState.FINISHED and time.monotonic() < deadline:
        time.sleep(0.01)
    assert_complete(supervisor, run_id)


def test_a_store_that_cannot_be_written_for_long_pauses_training_with_the_reason(supervisor, monkeypatch):
    monkeypatch.setattr(writer, "PATIENCE_SECONDS", 0.1)
    broken = break_writing(monkeypatch, supervisor.store)
    config = CONFIG.model_copy(update={"steps": 400})
    run_id = supervisor.start(config, speed=200.0)
    status = supervisor.wait(run_id, timeout=30)
    assert status.state is RunState.PAUSED
    assert "disk is full" in status.message
    assert "kept in memory" in status.message
    assert 0 < status.step < 400
    broken[0] = False
    deadline = time.monotonic() + 60
    while "can be written again" not in supervisor.status(run_id).message and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "can be written again" in supervisor.status(run_id).message
    assert len(supervisor.store.history(run_id).steps) == status.step
    supervisor.set_speed(run_id, None)
    supervisor.resume(run_id)
    assert supervisor.wait(run_id, timeout=200).state is RunState.FINISHED
    assert_complete(supervisor, run_id, config)


def test_a_run_that_ended_unwritten_is_not_taken_up_from_an_old_checkpoint(supervisor, monkeypatch):
    run_id = supervisor.start(CONFIG, paused=True)
    supervisor.wait(run_id, timeout=30)
    broken = break_writing(monkeypatch, supervisor.store)
    for _ in range(5):
        supervisor.step(run_id)
    supervisor.wait(run_id, timeout=30)
    supervisor.stop(run_id)
    supervisor.wait(run_id, timeout=30)
    with pytest.raises(StoreError, match="safe in memory"):
        supervisor.resume(run_id)
    broken[0] = False
    supervisor.resume(run_id)
    assert supervisor.wait(run_id, timeout=30).state is RunState.FINISHED
    assert_complete(supervisor, run_id)


def test_a_run_deleted_behind_its_back_stops(supervisor):
    run_id = supervisor.start(CONFIG.model_copy(update={"steps": 100_000}))
    while supervisor.status(run_id).step < 3:
        time.sleep(0.01)
    with supervisor.store.database.write() as db:
        db.execute("DELETE FROM runs WHERE id = ?", (run_id,))
    with pytest.raises(UnknownRun, match="deleted"):
        supervisor.wait(run_id, timeout=10)
    assert supervisor.active() == []


def test_two_supervisors_cannot_both_take_up_a_run(supervisor, tmp_path):
    run_id = supervisor.start(CONFIG, paused=True)
    supervisor.wait(run_id, timeout=30)
    supervisor.stop(run_id)
    supervisor.wait(run_id, timeout=30)
    other = Supervisor(RunStore(tmp_path / "data"), 1)
    other.step(run_id)
    other.wait(run_id, timeout=30)
    with pytest.raises(StoreError, match=r"trained by|in another program"):
        supervisor.resume(run_id)
    other.shutdown()
    supervisor.resume(run_id)
    assert supervisor.wait(run_id, timeout=30).state is RunState.FINISHED
    assert_complete(supervisor, run_id)
