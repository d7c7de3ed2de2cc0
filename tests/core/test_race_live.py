"""Races in the background: states, histories equal to plain training, keeping in the store, and replacement."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import qhn_core as qhn
from qhn_core.errors import InvalidArgument, QHNError, Unsupported
from qhn_core.runner import Supervisor
from qhn_core.store import RunState, RunStore
from qhn_core.studies.race.config import RaceConfig
from qhn_core.studies.race.live import Races
from qhn_core.studies.race.memory import AngleTrail

BASE = {
    "dataset": {"name": "xor", "n_train": 8, "n_test": 20},
    "network": {"name": "mlp", "layers": [2, 2, 1]},
    "ansatz": {"name": "linear", "layers": 1},
    "steps": 6,
    "replicas": 3,
    "data_draws": 3,
}
SIDES = [{"objective": {"name": "mle"}}, {"objective": {"name": "elbo", "beta": 1.0}}]


def config(rivals: tuple[str, ...] = ("exact_bayes",), **base: object) -> RaceConfig:
    return RaceConfig.parse({"base": BASE | base, "contenders": SIDES, "rivals": rivals})


@pytest.fixture
def races(tmp_path: Path) -> Iterator[Races]:
    made = Races(RunStore(tmp_path))
    yield made
    made.shutdown()
    made.store.close()


def test_histories_are_those_of_plain_training_and_are_kept_as_runs(races: Races) -> None:
    race = config()
    race_id = races.start(race)
    status = races.wait(race_id, 60)
    assert status.run.state is RunState.FINISHED, status.run.message
    assert status.run.step == status.run.steps == 6
    assert not races.racing()
    for i, side in enumerate(race.configs()):
        alone, rows = qhn.train(side), races.history(race_id, i)
        np.testing.assert_array_equal(rows.steps, np.arange(7))
        assert (np.diff(rows.seconds) > 0).all()
        assert rows.history.keys() == alone.history.keys()
        for name, values in alone.history.items():
            np.testing.assert_array_equal(rows.history[name], values, err_msg=name)
        step, theta = races.angles(race_id, i) or (-1, np.zeros(0))
        assert step == 6
        np.testing.assert_array_equal(theta, alone.theta)
        record = races.store.get(status.kept[i])
        assert record.state is RunState.FINISHED
        assert record.config == side
        assert record.name.endswith(race.contenders[i].title)
        np.testing.assert_array_equal(races.store.history(record.id).history["loss"], alone.history["loss"])


def test_kept_runs_can_be_resumed(races: Races) -> None:
    race = config(steps=400)
    race_id = races.start(race, speed=30.0, instant=True)
    races.pause(race_id)
    races.wait(race_id, 60)
    with pytest.raises(Unsupported, match="in work"):
        races.keep(race_id)
    for _ in range(3):
        races.step(race_id)
    assert races.wait(race_id, 60).run.state is RunState.PAUSED
    reached = races.status(race_id).run.step
    assert reached >= 3
    races.stop(race_id)
    assert races.wait(race_id, 60).run.state is RunState.STOPPED
    kept = races.keep(race_id)
    assert races.keep(race_id) == kept
    assert [record.state for record in races.store.list()] == [RunState.STOPPED] * 2
    supervisor = Supervisor(races.store)
    supervisor.resume(kept[1])
    assert supervisor.wait(kept[1], timeout=60).state is RunState.FINISHED
    alone = qhn.train(race.configs()[1])
    np.testing.assert_array_equal(supervisor.history(kept[1]).history["loss"], alone.history["loss"])
    supervisor.shutdown()


def test_pause_step_resume(races: Races) -> None:
    race_id = races.start(config(), paused=True)
    assert races.wait(race_id, 60).run.state is RunState.PAUSED
    assert races.status(race_id).run.step == 0
    races.step(race_id)
    races.step(race_id)
    assert races.wait(race_id, 60).run.step == 2
    assert list(races.history(race_id, 0).steps) == [0, 1]
    races.resume(race_id)
    races.resume(race_id)
    assert races.wait(race_id, 60).run.state is RunState.FINISHED


def test_an_instant_race_is_replaced_at_once_and_not_kept(races: Races) -> None:
    slow = races.start(config(steps=100_000, log_every=1000), instant=True)
    quick = races.start(config(), instant=True, replaces=slow)
    assert races.wait(quick, 60).run.state is RunState.FINISHED
    assert races.wait(slow, 60).run.state is RunState.STOPPED
    assert not races.store.list()
    assert len(races.keep(quick)) == 2
    assert len(races.store.list()) == 2


def test_a_race_that_cannot_be_written_says_so_and_keep_tries_again(
    races: Races, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise QHNError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(races.store, "flush_all", full)
        race_id = races.start(config())
        status = races.wait(race_id, 60)
        assert status.run.state is RunState.FINISHED
        assert "could not be written" in status.run.message
        with pytest.raises(QHNError, match="safe in memory"):
            races.keep(race_id)
    assert len(races.keep(race_id)) == 2
    assert not races.status(race_id).run.message
    assert [record.state for record in races.store.list()] == [RunState.FINISHED] * 2


def test_a_stopped_race_goes_on_and_ends_as_if_it_had_never_stopped(races: Races) -> None:
    race = config(steps=60)
    race_id = races.start(race, paused=True)
    for _ in range(7):
        races.step(race_id)
    assert races.wait(race_id, 60).run.step == 7
    races.stop(race_id)
    assert races.wait(race_id, 60).run.state is RunState.STOPPED
    assert [record.step for record in races.store.list()] == [7, 7]
    supervisor = Supervisor(races.store)  # one contender goes on alone, and then both
    supervisor.resume(races.status(race_id).kept[0])
    assert supervisor.wait(races.status(race_id).kept[0], timeout=60).state is RunState.FINISHED
    supervisor.shutdown()
    races.resume(race_id)
    assert races.wait(race_id, 60).run.state is RunState.FINISHED
    for i, side in enumerate(race.configs()):
        rows, alone = races.history(race_id, i), qhn.train(side)
        assert rows.steps.tolist() == list(range(61))
        assert (np.diff(rows.seconds) >= 0).all()
        for name, values in alone.history.items():
            assert rows.history[name].tobytes() == values.tobytes(), name


def test_a_race_that_cannot_work_is_refused_with_the_reason(races: Races) -> None:
    sides = [SIDES[0], {"objective": {"name": "elbo"}, "estimator": {"name": "parameter_shift", "shots": 8}}]
    with pytest.raises(Unsupported, match="ELBO"):
        races.start(RaceConfig.parse({"base": BASE, "contenders": sides}))
    with pytest.raises(InvalidArgument, match="race"):
        races.status("unknown")
    with pytest.raises(InvalidArgument, match="speed"):
        races.start(config(), speed=0.0)


def test_trouble_on_the_way_fails_the_race_with_words(races: Races, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise QHNError("the table burnt down")

    monkeypatch.setattr("qhn_core.studies.race.race.prepare", broken)
    status = races.wait(races.start(config()), 60)
    assert status.run.state is RunState.FAILED
    assert status.run.message == "the table burnt down"


def test_only_so_many_races_stay_in_memory(races: Races) -> None:
    ids = []
    for seed in range(11):
        ids.append(races.start(config(rivals=(), steps=1, seed=seed), instant=True))
        races.wait(ids[-1], 60)
    assert [races.known(race_id) for race_id in ids] == [False] * 3 + [True] * 8


def test_angle_trail_is_bounded_and_keeps_both_ends() -> None:
    trail = AngleTrail(room=10)
    assert trail.at() is None
    for step in range(1000):
        trail.append(step, np.full((1, 1), float(step)))
        assert len(trail) <= 10
    assert trail.at(0)[0] == 0
    assert trail.at()[0] == trail.at(5000)[0] == 999
    step, theta = trail.at(500)
    assert abs(step - 500) <= 64
    assert theta[0, 0] == step


def test_ended_races_let_go_of_tables_beyond_the_bytes_and_make_them_again_when_asked(races: Races) -> None:
    ids = [races.start(config(seed=seed), instant=True) for seed in range(2)]
    for race_id in ids:
        assert races.wait(race_id, 60).run.state is RunState.FINISHED
    before = races.setup(ids[0])
    assert before is not None
    table = before.setups[0].problem.nll.copy()
    del before
    assert races.setup(ids[1]) is not None
    races.crew.fit(may_go=lambda run: False, most=1)
    assert [race.task.setup is None for race in races.crew.all()] == [True, False], "the last one looked at stays"
    deadline = time.monotonic() + 60
    while (found := races.setup(ids[0])) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    np.testing.assert_array_equal(found.setups[0].problem.nll, table)
    assert len(races.history(ids[0], 0).steps) == 7


def test_a_kept_race_beyond_the_bytes_is_found_again_in_the_store(races: Races) -> None:
    ids = [races.start(config(seed=seed)) for seed in range(2)]
    for race_id in ids:
        races.wait(race_id, 60)
    rows = races.history(ids[0], 1).history["loss"].copy()
    races.setup(ids[1])
    races.crew.fit(may_go=lambda run: bool(run.task.kept), most=1)
    assert races.crew.get(ids[0]) is None
    np.testing.assert_array_equal(races.history(ids[0], 1).history["loss"], rows)
    assert races.status(ids[0]).run.state is RunState.FINISHED
