"""Seconds a step are measured on this machine, for the engines of this program."""

from __future__ import annotations

import time

import pytest

from app.step_times import StepTimes, told
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
