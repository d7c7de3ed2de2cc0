"""What the supervisor does when training, a device or the store fails."""

from __future__ import annotations

import logging
import time

import numpy as np
import pytest

from qhn_core import trainer
from qhn_core.config import RunConfig
from qhn_core.errors import DeviceError, InvalidArgument, MissingUpload, StoreError, TooLarge
from qhn_core.results import train
from qhn_core.runner import RunState, Supervisor, writer
from qhn_core.store import RunStore, UnknownRun

CONFIG = RunConfig.model_validate(
    {
        "dataset": {"name": "xor", "n_train": 8, "n_test": 10},
        "network": {"name": "mlp", "layers": [2, 1]},
        "ansatz": {"name": "linear", "layers": 1},
        "steps": 20,
        "replicas": 2,
    }
)


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
    broken, real = [True], store.flush

    def flush(*args, **options):
        if broken[0]:
            raise StoreError("The disk is full.")
        real(*args, **options)

    monkeypatch.setattr(store, "flush", flush)
    return broken


def test_a_store_that_cannot_be_written_for_a_moment_loses_nothing(supervisor, monkeypatch):
    broken = break_writing(monkeypatch, supervisor.store)
    run_id = supervisor.start(CONFIG)
    assert supervisor.wait(run_id, timeout=30).state is RunState.FINISHED
    assert supervisor.store.get(run_id).state is RunState.QUEUED, "nothing written yet"
    broken[0] = False
    deadline = time.monotonic() + 10
    while supervisor.store.get(run_id).state is not RunState.FINISHED and time.monotonic() < deadline:
        time.sleep(0.01)
    assert_complete(supervisor, run_id)


def test_a_store_that_cannot_be_written_for_long_pauses_training_with_the_reason(supervisor, monkeypatch):
    monkeypatch.setattr(writer, "_PATIENCE_SECONDS", 0.1)
    broken = break_writing(monkeypatch, supervisor.store)
    config = CONFIG.model_copy(update={"steps": 400})
    run_id = supervisor.start(config, speed=200.0)
    status = supervisor.wait(run_id, timeout=30)
    assert status.state is RunState.PAUSED
    assert "disk is full" in status.message
    assert "kept in memory" in status.message
    assert 0 < status.step < 400
    broken[0] = False
    deadline = time.monotonic() + 10
    while "can be written again" not in supervisor.status(run_id).message and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "can be written again" in supervisor.status(run_id).message
    assert len(supervisor.store.history(run_id).steps) == status.step
    supervisor.set_speed(run_id, None)
    supervisor.resume(run_id)
    assert supervisor.wait(run_id, timeout=60).state is RunState.FINISHED
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
    with supervisor.store._database.write() as db:
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
