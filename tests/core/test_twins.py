"""Runs of equal configuration in a crowd: steps are made once, and every history is the one a run alone makes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import qhn_core as qhn
from qhn_core import trainer
from qhn_core.config import RunConfig
from qhn_core.errors import Cancelled
from qhn_core.runner import Supervisor
from qhn_core.runner.slices import Slice, advance
from qhn_core.runner.training import Training
from qhn_core.runner.twins import Steps, Twins, digest
from qhn_core.store import RunState, RunStore
from qhn_core.store.checkpoint import pack
from tests.core.small import small_run

CONFIG = small_run(steps=60, log_every=7)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Seed and step of every step that is computed."""
    steps: list[tuple[int, int]] = []
    plain = trainer.step

    def counted(setup: trainer.Setup, state: trainer.TrainState) -> tuple[trainer.TrainState, trainer.Info]:
        steps.append((setup.config.seed, state.step))
        return plain(setup, state)

    monkeypatch.setattr(trainer, "step", counted)
    return steps


def _train(supervisor: Supervisor, configs: list[RunConfig]) -> list[str]:
    runs = [supervisor.start(config, paused=True) for config in configs]
    for run_id in runs:
        supervisor.resume(run_id)
    for run_id in runs:
        status = supervisor.wait(run_id, 120)
        assert status.state is RunState.FINISHED, status.message
    return runs


def _agrees(supervisor: Supervisor, run_id: str, wanted: qhn.RunResult) -> None:
    found = supervisor.history(run_id)
    assert found.steps.tolist() == wanted.steps.tolist()
    for name, column in wanted.history.items():
        assert found.history[name].tobytes() == column.tobytes(), name


def test_a_crowd_of_equal_runs_is_computed_about_once(tmp_path: Path, made: list[tuple[int, int]]) -> None:
    other = CONFIG.model_copy(update={"seed": CONFIG.seed + 1})
    wanted = {config.seed: qhn.train(config) for config in (CONFIG, other)}
    made.clear()
    supervisor = Supervisor(RunStore(tmp_path), max_running=1)
    runs = _train(supervisor, [CONFIG] * 8 + [other])
    # One that is alone at work before the others ask, and one that is left alone, make their own.
    assert len(made) < 5 * (CONFIG.steps + 1)
    assert {seed for seed, _ in made} == {CONFIG.seed, other.seed}
    for run_id in runs[:-1]:
        _agrees(supervisor, run_id, wanted[CONFIG.seed])
    _agrees(supervisor, runs[-1], wanted[other.seed])
    assert len(supervisor._twins) == 0
    supervisor.shutdown()


def test_runs_that_differ_keep_nothing_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bytes] = []
    monkeypatch.setattr(Twins, "_keep", lambda self, key, steps: kept.append(key))
    supervisor = Supervisor(RunStore(tmp_path), max_running=1)
    _train(supervisor, [CONFIG.model_copy(update={"seed": seed}) for seed in range(4)])
    assert not kept
    supervisor.shutdown()


def test_one_run_alone_makes_each_of_its_steps_again(tmp_path: Path, made: list[tuple[int, int]]) -> None:
    supervisor = Supervisor(RunStore(tmp_path), max_running=1)
    _train(supervisor, [CONFIG])
    _train(supervisor, [CONFIG])
    assert len(made) == 2 * (CONFIG.steps + 1)
    supervisor.shutdown()


def test_a_single_step_of_a_paused_run_is_one_step_in_a_crowd_too(tmp_path: Path) -> None:
    supervisor = Supervisor(RunStore(tmp_path), max_running=1)
    stepped = supervisor.start(CONFIG, paused=True)
    crowd = [supervisor.start(CONFIG) for _ in range(4)]
    supervisor.step(stepped)
    assert supervisor.wait(stepped, 60).step == 1
    for run_id in crowd:
        supervisor.wait(run_id, 120)
    supervisor.resume(stepped)
    assert supervisor.wait(stepped, 60).state is RunState.FINISHED
    _agrees(supervisor, stepped, qhn.train(CONFIG))
    supervisor.shutdown()


def test_a_state_is_known_by_every_number_in_it() -> None:
    setup = trainer.prepare(CONFIG)
    start = trainer.init(setup)
    again, _ = trainer.step(setup, start)
    assert digest(start) == digest(trainer.init(setup))
    bumped = again.theta.copy()
    bumped[-1, -1] = np.nextafter(bumped[-1, -1], np.inf)
    memory = {name: array + 1 for name, array in again.optimiser.items()}
    others = [
        replace(again, theta=bumped),
        replace(again, optimiser=memory),
        replace(again, stale=again.stale + 1),
        replace(again, step=again.step + 1),
        replace(again, best=again.best - 1),
        replace(again, done=True),
    ]
    assert len({digest(state) for state in (start, again, *others)}) == 2 + len(others)


def test_what_is_kept_is_bounded_and_the_newest_stay() -> None:
    setup = trainer.prepare(CONFIG)
    state, calls = trainer.init(setup), []

    def steps_from(state: trainer.TrainState) -> Steps:
        calls.append(state.step)
        return Steps(*trainer.step(setup, state))

    twins, states = Twins(most=4_000), [state]
    for _ in range(40):
        states.append(twins.steps(states[-1], lambda: steps_from(states[-1]), lambda: False).state)
    calls.clear()
    newest = twins.steps(states[-2], lambda: steps_from(states[-2]), lambda: False)
    assert newest.state is states[-1]
    assert not calls
    assert newest.info.probs is None, "what follows from the angles is not kept"
    twins.steps(states[0], lambda: steps_from(states[0]), lambda: False)
    assert calls == [0]


def _alone(setup: trainer.Setup, state: trainer.TrainState) -> Steps:
    return Steps(*trainer.step(setup, state))


def _five(setup: trainer.Setup, state: trainer.TrainState) -> Steps:
    """As a helper makes them."""
    config = setup.config
    made = Slice.from_bytes(advance(config.to_json(), None, pack(state.arrays()), 5, 60.0, config.log_every))
    return Steps(made.state, made)


def _unwanted(setup: trainer.Setup, state: trainer.TrainState) -> Steps:
    raise AssertionError(f"step {state.step} of {setup.config.steps} is known")


def _recorded(store: RunStore, setup: trainer.Setup, steps: Callable[[trainer.TrainState], Steps]) -> Training:
    """A run's training from its start to its end."""
    training, state, done = Training("x", setup.config, store), trainer.init(setup), False
    training.begin(setup, state)
    while not done:
        made = steps(state)
        done = training.record(state, made.state, made.info).done
        state = made.state
    return training


def test_who_follows_takes_what_is_known_in_one_go_and_records_what_a_run_alone_does(tmp_path: Path) -> None:
    store, setup, twins = RunStore(tmp_path), trainer.prepare(CONFIG), Twins()

    def shared(state: trainer.TrainState, make: Callable[..., Steps]) -> Steps:
        calls.append(state.step)
        return twins.steps(state, lambda: make(setup, state), lambda: False, every=CONFIG.log_every)

    calls: list[int] = []
    _recorded(store, setup, lambda state: shared(state, _five if state.step % 4 == 0 else _alone))
    calls.clear()
    follower = _recorded(store, setup, lambda state: shared(state, _unwanted))
    assert calls == [0]
    alone = _recorded(store, setup, lambda state: _alone(setup, state))
    found, wanted = follower.recorder.rows(), alone.recorder.rows()
    assert found.steps.tolist() == wanted.steps.tolist()
    assert all(found.history[name].tobytes() == column.tobytes() for name, column in wanted.history.items())
    assert [digest(state) for state in follower.waiting_states()] == [digest(state) for state in alone.waiting_states()]
    seen = [(shot.step, shot.theta.tobytes()) for shot in (follower.snapshot(), alone.snapshot()) if shot is not None]
    assert len(seen) == 2
    assert seen[0] == seen[1]


def test_who_waits_for_anothers_steps_can_be_stopped_and_makes_them_if_the_other_fails() -> None:
    setup = trainer.prepare(CONFIG)
    state, twins = trainer.init(setup), Twins()
    entered, go_on = threading.Event(), threading.Event()

    def slow() -> Steps:
        entered.set()
        go_on.wait(60)
        raise Cancelled()

    def gives_up() -> None:
        with suppress(Cancelled):
            twins.steps(state, slow, lambda: False)

    first = threading.Thread(target=gives_up)
    first.start()
    entered.wait(60)
    with pytest.raises(Cancelled):
        twins.steps(state, slow, lambda: True)
    found: list[Steps] = []
    second = threading.Thread(
        target=lambda: found.append(twins.steps(state, lambda: Steps(*trainer.step(setup, state)), lambda: False))
    )
    second.start()
    go_on.set()
    first.join(60)
    second.join(60)
    assert [steps.state.step for steps in found] == [1]
