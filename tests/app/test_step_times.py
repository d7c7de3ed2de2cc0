"""Seconds a step are measured on this machine, for the engines of this program."""

from __future__ import annotations

import time

import pytest

from app import step_times
from app.step_times import StepTimes, measure, told
from qhn_core import trainer
from qhn_core.config import RunConfig

SMALL = {"dataset": {"name": "xor", "n_train": 10, "n_test": 20}, "network": {"name": "mlp", "layers": [2, 1]}}


def waited(times: StepTimes, config: RunConfig) -> float | None:
    for _ in range(300):
        if (found := times.get(config)) is not None:
            return found
        time.sleep(0.1)
    return None


@pytest.mark.parametrize("engine", ["auto", "statevector", "mps"])
def test_a_step_is_timed_and_kept_whatever_the_number_of_steps(tmp_path, engine, monkeypatch):
    config = RunConfig.model_validate({**SMALL, "engine": {"name": engine}})
    times = StepTimes(tmp_path)
    found = waited(times, config)
    assert found is not None
    assert found > 0.0
    monkeypatch.setattr(trainer, "step", lambda *_: pytest.fail("measured again"))
    assert times.get(config.model_copy(update={"steps": 7})) == found


def test_a_device_is_not_asked(tmp_path):
    config = RunConfig.model_validate({**SMALL, "engine": {"name": "pennylane"}})
    assert StepTimes(tmp_path).get(config) is None


def test_a_configuration_that_cannot_run_has_no_time(tmp_path):
    config = RunConfig.model_validate({**SMALL, "dataset": {"name": "csv", "sha256": "0" * 64, "target": "y"}})
    times = StepTimes(tmp_path)
    for _ in range(20):
        assert times.get(config) is None
        time.sleep(0.02)


def test_times_are_told_with_two_digits_and_their_unit():
    assert told(0.00312) == "about 3.1 ms a step here"
    assert told(0.95) == "about 0.95 s a step here"
    assert told(2.34) == "about 2.3 s a step here"
    assert told(0.0997) == "about 0.1 s a step here"
    assert told(1234.0) == "about 1,234 s a step here"


class Unhurried:
    """Somebody who waits for the measurement."""

    def progress(self, fraction: float) -> None:
        assert 0.0 <= fraction <= 1.0

    def cancelled(self) -> bool:
        return False

    def share(self, partial: object) -> None:
        raise AssertionError("there is nothing to share")


def test_steps_that_were_held_up_do_not_count(tmp_path, monkeypatch):
    clock = iter([0.0, 0.11, 1.0, 1.02, 2.0, 2.3, 3.0, 3.2])
    monkeypatch.setattr(step_times, "perf_counter", lambda: next(clock))
    assert measure(RunConfig.model_validate(SMALL), tmp_path, Unhurried()) == pytest.approx(0.02)
    assert next(clock, None) is None, "no step begins once half a second was spent"


def test_a_time_measured_in_a_busy_moment_gives_way(tmp_path, monkeypatch):
    found, calls = iter([0.5, 0.02, 0.3]), []
    monkeypatch.setattr(step_times, "measure", lambda *_: calls.append(1) or next(found))
    monkeypatch.setattr(step_times, "AGAIN", 0.0)
    times, config = StepTimes(tmp_path), RunConfig.model_validate(SMALL)
    assert waited(times, config) == 0.5
    seen = [times.get(config)]
    for _ in range(300):
        seen.append(times.get(config))
        time.sleep(0.01)
        if len(calls) == step_times.ROUNDS and len(seen) > 30:
            break
    assert seen[-1] == min(seen) == 0.02
    assert len(calls) == step_times.ROUNDS, "no more often than is worth it"


def test_what_a_run_makes_in_fact_replaces_a_longer_time(tmp_path, monkeypatch):
    monkeypatch.setattr(step_times, "measure", lambda *_: 0.1)
    times, config = StepTimes(tmp_path), RunConfig.model_validate(SMALL)
    assert waited(times, config) == 0.1
    times.made(config.model_copy(update={"steps": 40, "log_every": 5}), rate=50.0)
    assert times.get(config) == 0.02
    times.made(config, rate=1.0)  # held back by a limit of its speed
    times.made(config, rate=0.0)
    assert times.get(config) == 0.02
    times.made(RunConfig.model_validate({**SMALL, "engine": {"name": "pennylane"}}), rate=50.0)
