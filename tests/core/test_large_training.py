"""Training hundreds of weights: minibatches, the engine chosen by size, ensembles, resuming bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

import qhn_core as qhn
from qhn_core import trainer
from qhn_core.engines.auto import chosen
from qhn_core.errors import InvalidArgument, TooLarge, Unsupported
from qhn_core.estimators.base import Work
from qhn_core.kernels import HammingKernel, auto_gamma, kernel_of
from qhn_core.planning import plan
from qhn_core.problems.minibatch import minibatch

PIXELS = {
    "dataset": {"name": "digits", "classes": list(range(10)), "side": 4, "n_train": 300, "n_test": 300},
    "network": {"name": "mlp", "layers": [16, 10], "bias": False, "output_scale": 0.25},
    "ansatz": {"name": "chain", "layers": 2, "hadamard": True, "init": "normal"},
    "objective": {"name": "elbo", "beta": 0.03},
    "engine": {"name": "auto"},
    "estimator": {"name": "score_function", "shots": 4},
    "optimiser": {"name": "adam", "lr": 0.05},
    "steps": 20,
    "replicas": 2,
    "batch": 64,
    "log_every": 10,
}


def config(**changes):
    return qhn.RunConfig.model_validate({**PIXELS, **changes})


def finish(setup, state):
    rows = []
    while not state.done:
        state, info = trainer.step(setup, state)
        if info.row is not None:
            rows.append(info.row)
    return state, rows


def test_minibatches_are_right_on_average():
    setup = trainer.prepare(config(batch=None))
    bits = np.random.default_rng(0).integers(0, 2, (5, 160)).astype(np.uint8)
    whole = setup.problem.nll_at(bits)
    parts = [minibatch(setup.problem, np.arange(start, 300, 3)).nll_at(bits) for start in range(3)]
    np.testing.assert_allclose(np.mean(parts, axis=0), whole, rtol=1e-12)
    assert minibatch(setup.problem, np.arange(3)).n_train == 300


def test_training_160_weights_learns_and_an_interruption_does_not_show():
    setup = trainer.prepare(config(steps=60, log_every=30))
    state, rows = finish(setup, trainer.init(setup))
    assert rows[-1]["nll_test"].max() < rows[0]["nll_test"].min() - 0.2
    assert rows[-1]["accuracy_test"].min() > 2 * 0.1
    assert (rows[-1]["accuracy_test_se"] < 0.05).all()
    assert (rows[-1]["elbo"] > rows[0]["elbo"]).all()
    half = trainer.init(setup)
    for _ in range(25):
        half, _ = trainer.step(setup, half)
    again, more = finish(setup, trainer.TrainState.from_arrays(half.arrays()))
    np.testing.assert_array_equal(again.theta, state.theta)
    for name, values in more[-1].items():
        np.testing.assert_array_equal(values, rows[-1][name], err_msg=name)


@pytest.mark.parametrize("objective", [{"name": "mle"}, {"name": "selbo", "lam": 1.0, "gamma": "auto"}])
def test_losses_from_draws_train_beyond_tables(objective):
    setup = trainer.prepare(config(objective=objective, steps=3, log_every=3))
    _, rows = finish(setup, trainer.init(setup))
    assert np.isfinite(rows[-1]["loss"]).all()
    assert np.isfinite(rows[-1]["loss_se"]).all()
    assert np.isfinite(rows[-1]["mmd2"]).all()


def test_the_gradient_of_few_draws_is_right_on_average():
    """Mean of 400 estimates of 4 draws against the score of 20,000 draws; each angle's z beyond 5 once in 2e6."""
    setup = trainer.prepare(config(batch=None, replicas=1))
    theta = np.repeat(trainer.init(setup).theta, 400, axis=0)
    work = setup.config.estimator.estimate(
        Work(setup.engine, setup.circuit, setup.config.objective, setup.problem),
        theta,
        0,
        np.random.default_rng(0),
    )
    many = setup.config.estimator.model_copy(update={"shots": 20_000}).estimate(
        Work(setup.engine, setup.circuit, setup.config.objective, setup.problem),
        theta[:1],
        0,
        np.random.default_rng(1),
    )
    mean, error = work.gradient.mean(axis=0), work.gradient.std(axis=0, ddof=1) / 20
    spread = error * np.sqrt(1 + 1600 / 20_000)
    seen = spread > 1e-9
    z = (mean - many.gradient[0])[seen] / spread[seen]
    assert np.abs(z).max() < 5
    assert 0.8 < z.std() < 1.2


def test_the_engine_is_chosen_by_size():
    assert chosen(qhn.ansatz("linear", n_qubits=20, layers=2)).name == "statevector"
    assert chosen(qhn.ansatz("linear", n_qubits=21, layers=2)).name == "mps"
    assert chosen(qhn.ansatz("all_to_all", n_qubits=24, layers=2)).name == "statevector"
    assert chosen(qhn.ansatz("all_to_all", n_qubits=25, layers=2)).name == "mps"
    small, auto = qhn.ansatz("chain", n_qubits=8, layers=2), qhn.engine("auto")
    theta = qhn.initial_angles(small, seed=0)
    np.testing.assert_array_equal(auto.probs(small, theta), qhn.engine("statevector").probs(small, theta))
    assert auto.provides == qhn.engine("statevector").provides == qhn.engine("mps").provides


def test_what_cannot_work_is_refused_before_it_starts():
    with pytest.raises(InvalidArgument, match="batch: expected at most 300"):
        plan(config(batch=301))
    with pytest.raises(TooLarge, match=r"all_to_all at N=160 needs chi = 2\^6400"):
        plan(config(ansatz={"name": "all_to_all", "layers": 2}))
    with pytest.raises(TooLarge, match=r"objective 'ksd' .* ends at 64 qubits"):
        plan(config(objective={"name": "ksd"}))
    with pytest.raises(TooLarge, match=r"2\^160 strings"):
        plan(config(batch=None, estimator={"name": "adjoint"}))
    with pytest.raises(TooLarge, match="takes at most 2000"):
        plan(config(network={"name": "mlp", "layers": [16, 80, 10], "bias": True}))
    small = {"name": "mlp", "layers": [2, 3, 1], "activation": "sign"}
    with pytest.raises(Unsupported, match="batch: estimator 'adjoint'"):
        plan(config(dataset={"name": "xor", "n_train": 100}, network=small, estimator={"name": "adjoint"}))


def test_gamma_keeps_what_the_kernel_sees():
    assert auto_gamma(13) == 0.7
    for n_bits in (14, 100, 2000):
        assert n_bits * kernel_of("auto", n_bits).tau[0] == pytest.approx(3.3)
    assert kernel_of(0.2, 500) == HammingKernel(0.2)
