"""The trainer: what is logged when, resuming from arrays, stopping, and what it hands to the optimiser."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest

from qhn_core import trainer
from qhn_core.ansatze import initial_angles
from qhn_core.config import RunConfig
from qhn_core.errors import Cancelled, InvalidArgument
from qhn_core.trainer import TrainState

TINY = {
    "dataset": {"name": "xor", "n_train": 6, "n_test": 10, "noise": 0.4, "label_noise": 0.1},
    "network": {"name": "mlp", "layers": [2, 1, 1], "activation": "sign"},
    "ansatz": {"name": "linear", "layers": 1},
    "steps": 6,
    "replicas": 2,
}


def tiny(**changes) -> RunConfig:
    return RunConfig.model_validate(TINY | changes)


def run(config: RunConfig, *, state: TrainState | None = None, until: int | None = None):
    """(state, rows by step) from ``state`` to the end, or to ``until`` updates."""
    setup = trainer.prepare(config)
    state = trainer.init(setup) if state is None else state
    rows, infos = {}, []
    while not state.done and (until is None or state.step < until):
        state, info = trainer.step(setup, state)
        infos.append(info)
        if info.row is not None:
            rows[info.step] = info.row
    return state, rows, infos


def through_a_file(state: TrainState) -> TrainState:
    buffer = io.BytesIO()
    np.savez(buffer, **state.arrays())
    buffer.seek(0)
    with np.load(buffer, allow_pickle=False) as stored:
        return TrainState.from_arrays(dict(stored))


def test_a_run_is_steps_plus_one_calls_and_logs_first_and_last():
    state, rows, infos = run(tiny(steps=7, log_every=3))
    assert len(infos) == 8
    assert sorted(rows) == [0, 3, 6, 7]
    assert [i.row is not None for i in infos] == [True, False, False, True, False, False, True, True]
    assert state.done
    assert state.step == 7
    assert infos[-1].done
    assert infos[-1].reason == "all 7 steps done"
    assert not any(i.done or i.reason for i in infos[:-1])


def test_step_zero_is_logged_before_any_update_and_the_last_after_all():
    config = tiny(steps=3)
    setup = trainer.prepare(config)
    start = trainer.init(setup)
    state, rows, infos = run(config)
    first = config.objective.exact(setup.engine.probs(setup.circuit, start.theta), setup.problem, 0)
    last = config.objective.exact(setup.engine.probs(setup.circuit, state.theta), setup.problem, 3)
    np.testing.assert_allclose(rows[0]["loss"], first.value / 6, rtol=1e-12)
    np.testing.assert_allclose(rows[3]["loss"], last.value / 6, rtol=1e-12)
    np.testing.assert_allclose(infos[-1].probs, setup.engine.probs(setup.circuit, state.theta), atol=1e-14)


def test_the_loss_is_that_of_its_schedule_at_that_step():
    beta = {"kind": "linear", "start": 0.0, "end": 1.0, "steps": 4}
    _, rows, _ = run(tiny(objective={"name": "elbo", "beta": beta}))
    for step, row in rows.items():
        want = row["nll_train"] + min(step / 4, 1.0) * row["kl_prior"] / 6
        np.testing.assert_allclose(row["loss"], want, rtol=1e-12)
        np.testing.assert_allclose(row["term_nll"] + row["term_kl"], row["loss"], rtol=1e-12)


def test_a_finished_state_stays_as_it_is():
    config = tiny()
    state, _, _ = run(config)
    again, info = trainer.step(trainer.prepare(config), state)
    assert again is state
    assert info.done
    assert info.row is None


def test_gradient_of_the_logged_loss_is_what_the_optimiser_sees():
    """One plain gradient step moves θ by exactly lr · ∂loss, clipped per replica; the logged norm is unclipped."""
    config = tiny(steps=1, optimiser={"name": "sgd", "lr": 0.5, "momentum": 0.0, "clip": 0.01})
    setup = trainer.prepare(config)
    start = trainer.init(setup)
    found = trainer.estimate(setup, start)
    state, info = trainer.advance(setup, start, found)
    np.testing.assert_allclose(info.row["grad_norm"], np.linalg.norm(found.gradient / 6, axis=1), rtol=1e-12)
    assert (info.row["grad_norm"] > 0.01).all()
    np.testing.assert_allclose(np.linalg.norm(state.theta - start.theta, axis=1), 0.5 * 0.01, rtol=1e-9)
    eps, p = 1e-6, 3
    moved = start.theta.copy()
    moved[:, p] += eps
    up = trainer.estimate(setup, replace(start, theta=moved)).value
    moved[:, p] -= 2 * eps
    down = trainer.estimate(setup, replace(start, theta=moved)).value
    np.testing.assert_allclose((up - down) / (2 * eps), found.gradient[:, p], rtol=1e-5, atol=1e-7)


def test_step_is_advance_after_estimate():
    setup = trainer.prepare(tiny())
    start = trainer.init(setup)
    whole, info = trainer.step(setup, start)
    parts, other = trainer.advance(setup, start, trainer.estimate(setup, start))
    np.testing.assert_array_equal(whole.theta, parts.theta)
    assert info.row.keys() == other.row.keys()


def test_a_replica_starts_the_same_whatever_their_number():
    few, many = (trainer.init(trainer.prepare(tiny(replicas=b, seed=5))).theta for b in (2, 5))
    np.testing.assert_array_equal(few, many[:2])
    setup = trainer.prepare(tiny(seed=5, ansatz={"name": "linear", "layers": 1, "init": "normal", "scale": 0.3}))
    want = initial_angles(setup.circuit, replicas=2, seed=5, kind="normal", scale=0.3)
    np.testing.assert_array_equal(trainer.init(setup).theta, want)


def test_early_stop_after_that_many_steps_without_progress():
    """A rate so small that the loss stands still: the first step improves on nothing, then patience runs out."""
    stuck = {"name": "sgd", "lr": 1e-300, "momentum": 0.0, "early_stop": 3}
    state, rows, infos = run(tiny(steps=50, optimiser=stuck, log_every=100))
    assert state.done
    assert [i.step for i in infos] == [0, 1, 2, 3]
    assert sorted(rows) == [0, 3]
    assert "no loss improved in 3 steps" in infos[-1].reason


def test_early_stop_waits_while_any_replica_improves():
    state, _, _ = run(tiny(steps=12, optimiser={"name": "adam", "lr": 0.05, "early_stop": 3}))
    assert state.step == 12


@pytest.mark.parametrize("pause", [1, 3, 5])
def test_early_stop_survives_a_pause(pause):
    config = tiny(steps=50, optimiser={"name": "sgd", "lr": 1e-300, "momentum": 0.0, "early_stop": 5})
    halfway, _, _ = run(config, until=pause)
    state, _, infos = run(config, state=through_a_file(halfway))
    assert infos[-1].step == 5
    assert state.done


def test_a_state_goes_through_arrays_whole():
    state, _, _ = run(tiny(), until=3)
    back = through_a_file(state)
    assert back.step == 3
    assert back.arrays().keys() == state.arrays().keys()
    for name, array in state.arrays().items():
        np.testing.assert_array_equal(back.arrays()[name], array)
    with pytest.raises(InvalidArgument, match="theta"):
        TrainState.from_arrays({k: v for k, v in state.arrays().items() if k != "theta"})


def test_data_draws_give_each_replica_its_own_data():
    together, rows, _ = run(tiny(replicas=4, data_draws=2))
    for draw in range(2):
        alone = tiny(replicas=4, dataset=TINY["dataset"] | {"seed": draw})
        state, single, _ = run(alone)
        for r in (draw, draw + 2):
            np.testing.assert_allclose(together.theta[r], state.theta[r], rtol=0, atol=1e-12)
            for name in single[6]:
                np.testing.assert_allclose(rows[6][name][r], single[6][name][r], rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("estimator", ["adjoint", {"name": "spsa", "shots": 64}])
def test_lbfgs_with_data_draws_looks_at_its_own_data(estimator):
    config = tiny(replicas=4, data_draws=2, objective="mle", estimator=estimator, optimiser="lbfgs")
    state, rows, _ = run(config)
    assert np.isfinite(state.theta).all()
    if estimator == "adjoint":
        assert (rows[6]["loss"] <= rows[0]["loss"] + 1e-12).all()


def test_progress_and_cancellation():
    seen = []
    trainer.prepare(tiny(replicas=2, data_draws=2, dataset=TINY["dataset"] | {"seed": 991}), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    with pytest.raises(Cancelled):
        trainer.prepare(tiny(dataset=TINY["dataset"] | {"seed": 992}), cancelled=lambda: True)


def test_a_loss_that_is_not_finite_ends_the_run_with_a_reason():
    setup = trainer.prepare(tiny())
    start = trainer.init(setup)
    found = trainer.estimate(setup, start)
    broken = found._replace(value=np.array([0.0, np.nan]))
    with pytest.raises(InvalidArgument, match=r"step 0 in replica 1.*learning rate"):
        trainer.advance(setup, start, broken)


def test_draws_for_metrics_do_not_disturb_training():
    """With shots, what is logged does not change what is learned."""
    options = {"objective": "mle", "estimator": {"name": "spsa", "shots": 50}}
    every, rows, _ = run(tiny(log_every=1, **options))
    seldom, few, _ = run(tiny(log_every=6, **options))
    np.testing.assert_array_equal(every.theta, seldom.theta)
    np.testing.assert_array_equal(rows[6]["nll_test"], few[6]["nll_test"])


def test_setup_is_not_changed_by_training():
    setup = trainer.prepare(tiny())
    before = setup.problem.nll.copy()
    state = trainer.init(setup)
    theta = state.theta.copy()
    for _ in range(3):
        trainer.step(setup, state)
    np.testing.assert_array_equal(state.theta, theta)
    np.testing.assert_array_equal(setup.problem.nll, before)


def test_beyond_enumeration_metrics_are_estimates_with_errors():
    config = tiny(
        steps=2,
        replicas=1,
        network={"name": "mlp", "layers": [2, 5, 1], "activation": "sign"},
        objective={"name": "elbo", "beta": 1.0},
        estimator={"name": "score_function", "shots": 64},
    )
    assert config.network.n_bits == 21
    _, rows, infos = run(config)
    assert sorted(rows) == [0, 1, 2]
    assert np.isfinite(rows[2]["nll_test"]).all()
    assert (rows[2]["nll_test_se"] > 0).all()
    assert np.isnan(rows[2]["kl_posterior"]).all()
    assert infos[0].bits.shape == (1, trainer.ENSEMBLE, 21)


@pytest.mark.parametrize(("layers", "bias", "n_bits"), [((2, 4, 2), True, 22), ((2, 8, 1), False, 24)])
@pytest.mark.parametrize(
    ("objective", "estimator"),
    [("elbo", "score_function"), ("mle", "score_function"), ("selbo", "spsa")],
)
def test_networks_beyond_enumeration_train_on_drawn_strings(layers, bias, n_bits, objective, estimator):
    """Up to the engine's 24 qubits, by what a drawn string tells; angles move, and what is logged is finite."""
    config = tiny(
        steps=3,
        replicas=1,
        network={"name": "mlp", "layers": layers, "activation": "sign", "bias": bias},
        objective={"name": objective},
        estimator={"name": estimator, "shots": 32},
    )
    assert config.network.n_bits == n_bits
    state, rows, infos = run(config)
    assert sorted(rows) == [0, 1, 2, 3]
    assert all(np.isfinite(rows[k][name]).all() for k in rows for name in ("loss", "nll_train", "nll_test"))
    assert (rows[3]["nll_test_se"] > 0).all()
    assert infos[0].bits.shape == (1, trainer.ENSEMBLE, n_bits)
    assert np.abs(state.theta - trainer.init(trainer.prepare(config)).theta).max() > 0.01
