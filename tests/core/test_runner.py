"""The supervisor with real, small runs: every button, in every state."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from qhn_core import trainer
from qhn_core.config import RunConfig
from qhn_core.errors import Cancelled, InvalidArgument, StoreError, Unsupported
from qhn_core.results import train
from qhn_core.runner import RunState, Supervisor
from qhn_core.runner.slots import Limits
from qhn_core.store import RunStore, UnknownRun


def small(**options) -> RunConfig:
    """Three qubits, two replicas: well under a millisecond a step."""
    return RunConfig.model_validate(
        {
            "dataset": {"name": "xor", "n_train": 8, "n_test": 10},
            "network": {"name": "mlp", "layers": [2, 1]},
            "ansatz": {"name": "linear", "layers": 1},
            "steps": 30,
            "replicas": 2,
            **options,
        }
    )


ENDLESS = 200_000


@pytest.fixture
def supervisor(tmp_path):
    made = Supervisor(RunStore(tmp_path / "data"), 2, flush_seconds=0.05)
    yield made
    made.shutdown()


def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.005)
    return False


def assert_same_history(found, wanted) -> None:
    assert found.steps.tolist() == wanted.steps.tolist()
    assert found.history.keys() == wanted.history.keys()
    for name, column in wanted.history.items():
        assert np.array_equal(found.history[name], column, equal_nan=True), name


def test_a_run_comes_out_as_in_a_plain_loop_and_the_store_has_all_of_it(supervisor):
    run_id = supervisor.start(small(), name="first")
    status = supervisor.wait(run_id, timeout=60)
    assert (status.state, status.step, status.steps, status.name) == (RunState.FINISHED, 30, 30, "first")
    assert status.message == "all 30 steps done"
    wanted = train(small())
    assert_same_history(supervisor.history(run_id), wanted)
    assert_same_history(supervisor.store.history(run_id), wanted)
    record = supervisor.store.get(run_id)
    assert (record.state, record.step) == (RunState.FINISHED, 30)
    assert record.final("loss") == pytest.approx(wanted.history["loss"][-1].mean())
    snapshot = supervisor.snapshot(run_id)
    assert snapshot.step == 30
    assert np.array_equal(snapshot.theta, wanted.theta)
    setup = supervisor.setup(run_id)
    assert np.allclose(setup.engine.probs(setup.circuit, snapshot.theta), snapshot.probs)
    states = [event.state for event in supervisor.events(run_id=run_id)]
    assert states == [RunState.PREPARING, RunState.RUNNING, RunState.FINISHED]


def test_logging_every_so_many_steps_and_reading_only_what_is_new(supervisor):
    run_id = supervisor.start(small(log_every=7))
    supervisor.wait(run_id, timeout=60)
    assert supervisor.history(run_id).steps.tolist() == [0, 7, 14, 21, 28, 30]
    assert supervisor.history(run_id, since=22).steps.tolist() == [28, 30]
    assert len(supervisor.history(run_id, since=31).steps) == 0


def test_pause_and_resume_change_nothing_in_the_history(supervisor):
    run_id = supervisor.start(small(steps=300))
    for _ in range(5):
        supervisor.pause(run_id)
        supervisor.pause(run_id)
        state = supervisor.wait(run_id, timeout=30)
        assert state.state in (RunState.PAUSED, RunState.FINISHED)
        step = supervisor.status(run_id).step
        time.sleep(0.03)
        assert supervisor.status(run_id).step == step, "paused"
        supervisor.resume(run_id)
        supervisor.resume(run_id)
        time.sleep(0.02)
    assert supervisor.wait(run_id, timeout=60).state is RunState.FINISHED
    assert_same_history(supervisor.history(run_id), train(small(steps=300)))


def test_a_run_started_paused_is_prepared_and_makes_single_steps(supervisor):
    run_id = supervisor.start(small(), paused=True)
    assert supervisor.wait(run_id, timeout=30).state is RunState.PAUSED
    assert supervisor.setup(run_id) is not None
    assert supervisor.snapshot(run_id).step == 0
    for count in range(1, 4):
        supervisor.step(run_id)
        status = supervisor.wait(run_id, timeout=30)
        assert (status.state, status.step) == (RunState.PAUSED, count)
    assert supervisor.history(run_id).steps.tolist() == [0, 1, 2]
    for _ in range(5):
        supervisor.step(run_id)
    assert supervisor.wait(run_id, timeout=30).step == 8, "five clicks are five steps"
    supervisor.resume(run_id)
    assert supervisor.wait(run_id, timeout=60).state is RunState.FINISHED
    assert_same_history(supervisor.history(run_id), train(small()))


def test_step_on_a_training_run_pauses_it(supervisor):
    run_id = supervisor.start(small(steps=ENDLESS))
    assert eventually(lambda: supervisor.status(run_id).step > 2)
    supervisor.step(run_id)
    assert supervisor.wait(run_id, timeout=30).state is RunState.PAUSED


def test_a_stopped_run_goes_on_as_if_it_had_never_stopped(supervisor):
    run_id = supervisor.start(small(steps=200))
    for _ in range(3):
        goal = min(150, supervisor.status(run_id).step + 20)
        assert eventually(lambda goal=goal: supervisor.status(run_id).step >= goal)
        supervisor.stop(run_id)
        supervisor.stop(run_id)
        if supervisor.wait(run_id, timeout=30).state is RunState.FINISHED:
            break
        assert supervisor.store.get(run_id).state is RunState.STOPPED
        supervisor.stop(run_id)
        supervisor.resume(run_id)
        supervisor.resume(run_id)
    assert supervisor.wait(run_id, timeout=60).state is RunState.FINISHED
    assert_same_history(supervisor.history(run_id), train(small(steps=200)))
    assert_same_history(supervisor.store.history(run_id), train(small(steps=200)))
    supervisor.resume(run_id)
    supervisor.step(run_id)
    supervisor.pause(run_id)
    assert supervisor.status(run_id).state is RunState.FINISHED, "finished is finished"


def test_a_stopped_run_goes_on_by_single_steps_too(supervisor):
    run_id = supervisor.start(small(), paused=True)
    supervisor.step(run_id)
    supervisor.wait(run_id, timeout=30)
    supervisor.stop(run_id)
    assert supervisor.wait(run_id, timeout=30).state is RunState.STOPPED
    supervisor.step(run_id)
    status = supervisor.wait(run_id, timeout=30)
    assert (status.state, status.step) == (RunState.PAUSED, 2)


@pytest.mark.parametrize("optimiser", ["adam", "sgd", "rmsprop", "lbfgs"])
def test_a_later_process_resumes_exactly_whatever_the_optimiser(tmp_path, optimiser):
    config = small(steps=12, optimiser={"name": optimiser})
    first = Supervisor(RunStore(tmp_path), 1)
    run_id = first.start(config, paused=True)
    for _ in range(5):
        first.step(run_id)
    first.wait(run_id, timeout=60)
    first.shutdown()
    record = first.store.get(run_id)
    assert (record.state, record.step) == (RunState.INTERRUPTED, 5)
    assert "closed" in record.message
    later = Supervisor(RunStore(tmp_path), 1)
    assert later.status(run_id).state is RunState.INTERRUPTED
    assert later.history(run_id).steps.tolist() == [0, 1, 2, 3, 4]
    assert later.snapshot(run_id).step == 5
    later.resume(run_id)
    assert later.wait(run_id, timeout=60).state is RunState.FINISHED
    assert_same_history(later.history(run_id), train(config))
    later.shutdown()


def test_rows_beyond_the_checkpoint_are_made_again_the_same(supervisor):
    run_id = supervisor.start(small(), paused=True)
    for _ in range(6):
        supervisor.step(run_id)
    supervisor.wait(run_id, timeout=30)
    supervisor.stop(run_id)
    supervisor.wait(run_id, timeout=30)
    store = supervisor.store
    store.append(run_id, [6, 7], {name: np.full((2, 2), 1e9) for name in store.history(run_id).history})
    supervisor.resume(run_id)
    supervisor.wait(run_id, timeout=60)
    assert_same_history(store.history(run_id), train(small()))


def test_a_run_whose_last_row_was_logged_before_it_could_end_just_ends(supervisor):
    run_id = supervisor.start(small())
    supervisor.wait(run_id, timeout=30)
    store = supervisor.store
    store.set_state(run_id, RunState.INTERRUPTED)
    supervisor.crew.forget(run_id)
    supervisor.resume(run_id)
    assert supervisor.wait(run_id, timeout=30).state is RunState.FINISHED
    assert_same_history(store.history(run_id), train(small()))


def test_early_stop_is_a_finish(supervisor):
    run_id = supervisor.start(small(steps=500, optimiser={"name": "sgd", "lr": 1e-300, "early_stop": 3}))
    status = supervisor.wait(run_id, timeout=60)
    assert status.state is RunState.FINISHED
    assert "stopped early" in status.message
    assert status.step < 500


def test_a_short_run_does_not_wait_for_long_ones(tmp_path):
    supervisor = Supervisor(RunStore(tmp_path / "data"), 1, flush_seconds=0.05)
    try:
        long = [supervisor.start(small(steps=ENDLESS)) for _ in range(4)]
        assert eventually(lambda: all(supervisor.status(i).step > 0 for i in long)), "four at once on one slot"
        short = supervisor.start(small(steps=30))
        assert supervisor.wait(short, timeout=30).state is RunState.FINISHED
        assert all(supervisor.status(i).state is RunState.RUNNING for i in long)
        assert_same_history(supervisor.history(short), train(small(steps=30)))
    finally:
        supervisor.shutdown()


def test_runs_that_take_turns_come_out_as_they_would_alone(tmp_path):
    supervisor = Supervisor(RunStore(tmp_path / "data"), 1, flush_seconds=0.05)
    supervisor.crew.slots.seconds_a_turn = lambda: 0.0  # type: ignore[method-assign] -- a turn after every step
    try:
        configs = [small(steps=80, seed=seed) for seed in range(4)]
        ids = [supervisor.of(f"student {i}").start(config) for i, config in enumerate(configs)]
        for run_id, config in zip(ids, configs, strict=True):
            assert supervisor.wait(run_id, timeout=60).state is RunState.FINISHED
            assert_same_history(supervisor.history(run_id), train(config))
    finally:
        supervisor.shutdown()


def test_the_queue_of_one_person_is_bounded_ordered_and_left_by_pause_and_stop(tmp_path):
    supervisor = Supervisor(RunStore(tmp_path / "data"), 2, flush_seconds=0.05, limits=Limits(running=2, waiting=3))

    def start(owner: str) -> str:
        return supervisor.of(owner).start(small(steps=ENDLESS))

    def positions(*ids: str) -> list[int | None]:
        return [supervisor.status(i).queue_position for i in ids]

    try:
        busy = [start("ana") for _ in range(2)]
        assert eventually(lambda: all(supervisor.status(i).state is RunState.RUNNING for i in busy))
        a, b, c = (start("ana") for _ in range(3))
        assert eventually(lambda: positions(a, b, c) == [1, 2, 3])
        assert supervisor.status(a).state is RunState.QUEUED
        assert "2 of your runs are at work" in supervisor.status(a).message
        assert eventually(lambda: (supervisor.status(a).wait_seconds or 0) > 0), "as long as the first of these takes"
        with pytest.raises(Unsupported, match="2 runs at work and 3 waiting"):
            start("ana")
        other = start("bo")
        assert eventually(lambda: supervisor.status(other).step > 0), "nobody waits for another's runs"
        supervisor.pause(a)
        supervisor.stop(b)
        assert supervisor.wait(a, timeout=10).state is RunState.PAUSED
        assert supervisor.wait(b, timeout=10).state is RunState.STOPPED
        assert eventually(lambda: positions(c) == [1])
        supervisor.resume(a)
        assert eventually(lambda: positions(a) == [2])
        supervisor.pause(busy[0])
        assert eventually(lambda: supervisor.status(c).state is RunState.RUNNING), "a paused run makes room"
        supervisor.stop(busy[1])
        assert eventually(lambda: supervisor.status(a).state is RunState.RUNNING)
        supervisor.resume(busy[0])
        assert eventually(lambda: positions(busy[0]) == [1])
        assert eventually(lambda: set(supervisor.active()) == {busy[0], a, c, other}), "a stopped run ends at once"
    finally:
        supervisor.shutdown()


def test_slow_motion_needs_no_slot(supervisor):
    slow = [supervisor.start(small(steps=ENDLESS), speed=20.0) for _ in range(5)]
    assert eventually(lambda: all(supervisor.status(i).step >= 3 for i in slow)), "five at once on two slots"


def test_the_speed_limit_changes_at_once(supervisor):
    """(That the limit holds is a matter of :class:`Pace`, whose clock is given.)"""
    run_id = supervisor.start(small(steps=ENDLESS), speed=50.0)
    assert eventually(lambda: supervisor.status(run_id).step > 1)
    assert supervisor.status(run_id).steps_per_second > 0
    assert supervisor.status(run_id).eta_seconds > 0
    supervisor.set_speed(run_id, 0.0001)
    time.sleep(0.3)
    before = supervisor.status(run_id).step
    supervisor.set_speed(run_id, None)
    assert eventually(lambda: supervisor.status(run_id).step > before + 20), "not after the hours the next step was due"
    supervisor.set_speed(run_id, 0.0001)
    time.sleep(0.1)
    supervisor.stop(run_id)
    supervisor.wait(run_id, timeout=60)
    assert supervisor.status(run_id).state is RunState.STOPPED, "stop does not wait for the next slow step"
    for wrong in (0, -1, float("nan"), "fast"):
        with pytest.raises(InvalidArgument, match="steps_per_second"):
            supervisor.set_speed(run_id, wrong)


def test_stop_and_pause_reach_a_run_that_is_being_prepared(supervisor, monkeypatch):
    begun = threading.Event()
    real = trainer.prepare

    def slow_prepare(config, *, uploads, progress, cancelled):
        begun.set()
        for i in range(1000):
            progress(i / 1000)
            if cancelled():
                raise Cancelled("asked to")
            if i == 30 and config.seed == 1:
                return real(config)
            time.sleep(0.01)
        raise AssertionError("was not cancelled")

    monkeypatch.setattr(trainer, "prepare", slow_prepare)
    run_id = supervisor.start(small())
    assert begun.wait(10)
    assert eventually(lambda: (supervisor.status(run_id).progress or 0) > 0)
    assert supervisor.status(run_id).state is RunState.PREPARING
    assert supervisor.setup(run_id) is None
    assert supervisor.snapshot(run_id) is None
    assert len(supervisor.history(run_id).steps) == 0
    supervisor.stop(run_id)
    supervisor.stop(run_id)
    assert supervisor.wait(run_id, timeout=5).state is RunState.STOPPED
    begun.clear()
    other = supervisor.start(small(seed=1))
    assert begun.wait(10)
    supervisor.pause(other)
    status = supervisor.wait(other, timeout=10)
    assert (status.state, status.step) == (RunState.PAUSED, 0)
    monkeypatch.setattr(trainer, "prepare", real)
    supervisor.resume(run_id)
    assert supervisor.wait(run_id, timeout=30).state is RunState.FINISHED


def test_a_run_paused_for_long_is_set_aside_and_can_be_resumed(tmp_path):
    supervisor = Supervisor(RunStore(tmp_path), park_seconds=0.2)
    run_id = supervisor.start(small(), paused=True)
    assert eventually(lambda: supervisor.status(run_id).state is RunState.STOPPED)
    assert "Resume" in supervisor.status(run_id).message
    supervisor.resume(run_id)
    assert supervisor.wait(run_id, timeout=30).state is RunState.FINISHED
    supervisor.shutdown()


def test_ended_runs_leave_memory_and_are_read_from_the_store(supervisor):
    ids = [supervisor.start(small(steps=5, seed=seed)) for seed in range(8)]
    for run_id in ids:
        assert supervisor.wait(run_id, timeout=30).state is RunState.FINISHED
    assert eventually(lambda: len(supervisor.crew.all()) <= 4)
    gone = next(i for i in ids if supervisor.crew.get(i) is None)
    assert supervisor.setup(gone) is None
    wanted = train(small(steps=5, seed=ids.index(gone)))
    assert_same_history(supervisor.history(gone), wanted)
    assert np.array_equal(supervisor.snapshot(gone).theta, wanted.theta)
    assert supervisor.status(gone).state is RunState.FINISHED
    assert supervisor.open_setup(gone).config == small(steps=5, seed=ids.index(gone))


def test_delete_stops_first(supervisor):
    run_id = supervisor.start(small(steps=ENDLESS))
    supervisor.delete(run_id)
    with pytest.raises(UnknownRun):
        supervisor.status(run_id)
    assert supervisor.store.list() == []


def test_unknown_runs_and_runs_of_others_are_refused(supervisor, tmp_path):
    for call in (supervisor.pause, supervisor.resume, supervisor.step, supervisor.stop, supervisor.status):
        with pytest.raises(UnknownRun):
            call("nothere")
    other = Supervisor(RunStore(tmp_path / "data"), 1)
    run_id = other.start(small(steps=ENDLESS), speed=50.0)
    assert supervisor.status(run_id).elsewhere
    for call in (supervisor.pause, supervisor.resume, supervisor.step, supervisor.stop):
        with pytest.raises(StoreError, match="another program"):
            call(run_id)
    assert eventually(lambda: len(supervisor.history(run_id).steps) > 0), "it can be watched"
    other.shutdown()
    assert not supervisor.status(run_id).elsewhere


def test_a_run_taken_up_elsewhere_or_deleted_is_not_shown_as_it_ended_here(supervisor, tmp_path):
    run_id = supervisor.start(small(), paused=True)
    supervisor.wait(run_id, timeout=30)
    supervisor.stop(run_id)
    assert supervisor.wait(run_id, timeout=30).state is RunState.STOPPED
    other = Supervisor(RunStore(tmp_path / "data"), 1)
    other.resume(run_id)
    assert other.wait(run_id, timeout=30).state is RunState.FINISHED
    assert supervisor.status(run_id).state is RunState.FINISHED
    assert len(supervisor.history(run_id).steps) == 31
    other.shutdown()
    other.store.delete(run_id)
    with pytest.raises(UnknownRun):
        supervisor.status(run_id)


def test_shutdown_ends_everything_and_twice_does_no_harm(tmp_path):
    supervisor = Supervisor(RunStore(tmp_path), 1)
    ids = [supervisor.start(small(steps=ENDLESS), speed=speed) for speed in (None, 0.0001, None)]
    time.sleep(0.3)
    supervisor.shutdown()
    supervisor.shutdown()
    assert {supervisor.store.get(i).state for i in ids} == {RunState.INTERRUPTED}
    with pytest.raises(StoreError, match="closing"):
        supervisor.start(small())


@pytest.mark.parametrize("seed", range(4))
def test_whatever_buttons_are_pressed_the_history_comes_out_the_same(supervisor, seed):
    rng = np.random.default_rng(seed)
    config = small(steps=120)
    ids = [supervisor.start(config, paused=bool(rng.integers(2))) for _ in range(3)]
    presses: list[Callable[[str], None]] = [
        supervisor.pause,
        supervisor.resume,
        supervisor.step,
        supervisor.stop,
        lambda run_id: supervisor.set_speed(run_id, float(rng.choice([5.0, 300.0]))),
        lambda run_id: supervisor.set_speed(run_id, None),
    ]
    for _ in range(60):
        presses[rng.integers(len(presses))](ids[rng.integers(3)])
        time.sleep(float(rng.choice([0.0, 0.0, 0.004])))
    for run_id in ids:
        supervisor.set_speed(run_id, None)
        while supervisor.status(run_id).state is not RunState.FINISHED:
            supervisor.resume(run_id)
            supervisor.wait(run_id, timeout=30)
    for run_id in ids:
        assert_same_history(supervisor.history(run_id), train(config))
        assert_same_history(supervisor.store.history(run_id), train(config))
    assert supervisor.active() == []
    assert supervisor.crew.slots.idle


def test_what_does_not_fit_into_memory_now_waits_and_says_for_what(tmp_path):
    supervisor = Supervisor(RunStore(tmp_path), 4, memory=1)
    first = supervisor.start(small(), paused=True)
    assert supervisor.wait(first, timeout=60).state is RunState.PAUSED
    second = supervisor.start(small())
    status = supervisor.status(second)
    assert status.state is RunState.QUEUED
    assert "of memory; 1 that have begun hold" in status.message
    supervisor.stop(first)
    assert supervisor.wait(second, timeout=60).state is RunState.FINISHED
    supervisor.shutdown()


def test_a_visitor_who_leaves_before_the_start_frees_the_place(tmp_path, monkeypatch):
    monkeypatch.setattr("qhn_core.runner.worker._LOOK", 0.01)
    gone: set[str] = set()
    supervisor = Supervisor(RunStore(tmp_path), 4, memory=1, left=lambda run: run.run_id in gone)
    first = supervisor.start(small(), paused=True)
    supervisor.wait(first, timeout=60)
    second = supervisor.start(small())
    assert supervisor.status(second).state is RunState.QUEUED
    gone.update((first, second))
    assert supervisor.wait(second, timeout=60).state is RunState.STOPPED
    assert "left before it began" in supervisor.status(second).message
    assert supervisor.status(first).state is RunState.PAUSED, "it has begun"
    supervisor.stop(first)
    supervisor.resume(second)
    assert supervisor.wait(second, timeout=60).state is RunState.FINISHED
    supervisor.shutdown()
