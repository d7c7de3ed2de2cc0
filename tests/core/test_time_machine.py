"""Steps that are past: kept with a run, read back, and gone on from, bit by bit."""

from __future__ import annotations

import numpy as np
import pytest

from qhn_core import trainer
from qhn_core.config import RunConfig
from qhn_core.errors import InvalidArgument
from qhn_core.lessons.experiments.training import Training
from qhn_core.lessons.outcome import Unwatched
from qhn_core.runner import RunState, Supervisor
from qhn_core.runner.trail import stride
from qhn_core.store import Rows, RunStore, UnknownRun, states


def small(**options) -> RunConfig:
    """Three qubits, two starts."""
    return RunConfig.model_validate(
        {
            "dataset": {"name": "xor", "n_train": 8, "n_test": 10},
            "network": {"name": "mlp", "layers": [2, 1]},
            "ansatz": {"name": "linear", "layers": 1},
            "steps": 24,
            "replicas": 2,
            **options,
        }
    )


@pytest.fixture
def supervisor(tmp_path):
    made = Supervisor(RunStore(tmp_path / "data"), 2, flush_seconds=0.02)
    yield made
    made.shutdown()


def finished(supervisor: Supervisor, run_id: str) -> str:
    assert supervisor.wait(run_id, timeout=60).state is RunState.FINISHED
    return run_id


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimiser": {"name": "lbfgs"}},
        {"estimator": {"name": "parameter_shift", "shots": 32}, "objective": {"name": "selbo"}},
        {"optimiser": {"name": "adam", "early_stop": 5, "lr": 0.4}, "log_every": 2},
        {"objective": {"name": "elbo", "beta": {"kind": "linear", "start": 0, "end": 1, "steps": 20}}},
    ],
    ids=["adam", "lbfgs", "shots", "early stop", "schedule"],
)
def test_a_branch_with_the_same_settings_makes_the_very_same_later_rows(supervisor, options):
    """θ, the optimiser's memory, patience, schedules and random numbers all go on as they were."""
    config = small(**options)
    parent = finished(supervisor, supervisor.start(config))
    whole, kept = supervisor.history(parent), supervisor.kept_steps(parent)
    assert kept.tolist() == whole.steps.tolist(), "each logged step of a run this small is kept"
    step = int(kept[len(kept) // 2])
    branch = finished(supervisor, supervisor.fork(parent, step, config))
    found, rest = supervisor.store.history(branch), whole.steps >= step
    assert found.steps.tolist() == whole.steps[rest].tolist()
    for name, column in whole.history.items():
        assert np.array_equal(found.history[name], column[rest], equal_nan=True), name
    assert np.array_equal(supervisor.snapshot(branch).theta, supervisor.snapshot(parent).theta)


def test_kept_angles_are_those_of_a_plain_loop_and_survive_the_program(supervisor, tmp_path):
    config = small(steps=6)
    run_id = finished(supervisor, supervisor.start(config))
    supervisor.shutdown()
    setup = trainer.prepare(config)
    state = trainer.init(setup)
    anew = Supervisor(RunStore(tmp_path / "data"), 1)
    try:
        for t in range(7):
            kept = anew.state_at(run_id, t)
            assert np.array_equal(kept.theta, state.theta)
            assert all(np.array_equal(kept.optimiser[name], held) for name, held in state.optimiser.items())
            state, _ = trainer.step(setup, state)
    finally:
        anew.shutdown()


def test_a_branch_changes_what_was_changed_and_knows_where_it_comes_from(supervisor):
    parent = finished(supervisor, supervisor.start(small(objective={"name": "mle"})))
    other = small(objective={"name": "elbo", "beta": 0.5}, steps=30)
    child = finished(supervisor, supervisor.fork(parent, 10, other))
    grandchild = finished(supervisor, supervisor.fork(child, 20, small(steps=22, optimiser={"name": "sgd"})))
    assert supervisor.history(child).steps.tolist() == list(range(10, 31))
    assert np.array_equal(supervisor.state_at(child, 10).theta, supervisor.state_at(parent, 10).theta)
    loss = [supervisor.history(run).history["loss"] for run in (parent, child)]
    assert not np.allclose(loss[0][10], loss[1][0]), "the same angles under another loss"
    nll = [supervisor.history(run).history["nll_train"] for run in (parent, child)]
    assert np.array_equal(nll[0][10], nll[1][0])
    record = supervisor.store.get(child)
    assert (record.parent, record.forked) == (parent, 10)
    assert record.name == "ELBO β=0.5 · xor, 8 · 2-1 · from step 10"
    for member in (parent, child, grandchild):
        assert [run.id for run in supervisor.store.family(member)] == [parent, child, grandchild]
    supervisor.delete(parent)
    assert supervisor.store.get(child).parent == "", "a branch outlives the run it left"
    assert [run.id for run in supervisor.store.family(grandchild)] == [child, grandchild]


@pytest.mark.parametrize(
    ("step", "change", "named"),
    [
        (7, {"steps": 7}, "steps"),
        (7, {"replicas": 3}, "replicas"),
        (7, {"ansatz": {"name": "linear", "layers": 2}}, "ansatz"),
        (7, {"network": {"name": "mlp", "layers": [2, 2, 1]}}, "ansatz"),
        (99, {}, "step"),
    ],
)
def test_what_cannot_be_a_branch_is_refused_with_what_is_wrong(supervisor, step, change, named):
    parent = finished(supervisor, supervisor.start(small()))
    with pytest.raises(InvalidArgument, match=rf"^{named}\b"):
        supervisor.fork(parent, step, small(**change))
    assert len(supervisor.store.list()) == 1, "nothing was begun"


def test_a_stopped_run_is_looked_at_goes_on_and_keeps_each_step_once(supervisor):
    config = small(steps=3000)
    run_id = supervisor.start(config, paused=True)
    supervisor.step(run_id)
    supervisor.wait(run_id, timeout=30)
    for _ in range(3):
        supervisor.step(run_id)
        supervisor.wait(run_id, timeout=30)
    supervisor.stop(run_id)
    step = supervisor.wait(run_id, timeout=30).step
    assert supervisor.kept_steps(run_id).tolist() == list(range(step))
    supervisor.resume(run_id)
    supervisor.set_speed(run_id, None)
    finished(supervisor, run_id)
    assert supervisor.kept_steps(run_id).tolist() == list(
        range(0, 3001, stride(config, supervisor.state_at(run_id, 0)))
    )


def test_a_long_run_keeps_every_so_many_steps_and_the_last_within_its_bound():
    config = small(steps=1_000_000, log_every=10)
    state = trainer.init(trainer.prepare(config))
    every = stride(config, state, most=2**20)
    assert every % 10 == 0
    size = len(states.packed([(0, state.arrays())])[0][1])
    assert size * (1_000_000 // every) <= 2**20
    assert stride(small(), state) == 1


def test_states_of_the_oldest_runs_make_room_and_pinned_ones_stay(supervisor):
    runs = [finished(supervisor, supervisor.start(small(seed=seed))) for seed in range(3)]
    store = supervisor.store
    store.set_pinned(runs[0])
    with store.database.write() as db:
        size = db.execute("SELECT kept FROM runs WHERE id = ?", (runs[0],)).fetchone()["kept"]
        held = db.execute("SELECT sum(length(data)) AS held FROM states WHERE run_id = ?", (runs[0],)).fetchone()[
            "held"
        ]
        assert size == held
        states.make_room(db, 2 * size)
    assert [len(supervisor.kept_steps(run)) for run in runs] == [25, 0, 25]
    with pytest.raises(InvalidArgument, match="train it again to look back"):
        supervisor.fork(runs[1], 3, small())
    assert supervisor.store.history(runs[1]).steps.size == 25, "its curves stay"


def test_a_student_forks_their_own_runs_alone(supervisor):
    mine, yours = supervisor.of("me"), supervisor.of("you")
    parent = mine.start(small())
    finished(mine, parent)
    with pytest.raises(UnknownRun):
        yours.fork(parent, 3, small())
    with pytest.raises(UnknownRun):
        yours.kept_steps(parent)
    assert mine.store.get(finished(mine, mine.fork(parent, 3, small()))).person == "me"


def test_a_lessons_run_is_handed_over_with_its_rows_and_goes_on_as_it_would_have(supervisor):
    config = small(steps=20)
    whole = finished(supervisor, supervisor.start(config))
    found = Training().measure(config, until=8, watch=Unwatched()).handed[0]
    run_id = supervisor.take_over(found.config, found.state, Rows(found.steps, dict(found.history)), name="Lesson")
    status = supervisor.status(run_id)
    assert (status.state, status.step) == (RunState.STOPPED, 9)
    assert supervisor.history(run_id).steps.tolist() == list(range(9))
    supervisor.resume(run_id)
    finished(supervisor, run_id)
    wanted = supervisor.history(whole)
    for name, column in wanted.history.items():
        assert np.array_equal(supervisor.history(run_id).history[name], column, equal_nan=True), name
    ended = Training().measure(config, until=None, watch=Unwatched()).handed[0]
    done = supervisor.take_over(ended.config, ended.state, Rows(ended.steps, dict(ended.history)))
    assert supervisor.status(done).state is RunState.FINISHED
    assert np.array_equal(supervisor.snapshot(done).theta, supervisor.snapshot(whole).theta)
