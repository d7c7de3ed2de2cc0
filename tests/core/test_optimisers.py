"""Optimisers against torch.optim, which defines them, and the promise that state is in the arrays."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from qhn_core.errors import InvalidArgument
from qhn_core.optimisers import optimiser
from qhn_core.optimisers.base import OptimiserConfig, clipped
from qhn_core.schedules import Linear, value_at

TARGETS = np.linspace(-1.0, 1.0, 15).reshape(3, 5)


def bowl(theta, replicas):
    """A smooth, non-quadratic loss of each replica: Σ (1 − cos(θ − target)) + ¼ Σ θ_i θ_{i+1}."""
    d = theta - TARGETS[replicas]
    value = (1.0 - np.cos(d)).sum(axis=1) + 0.25 * (theta[:, 1:] * theta[:, :-1]).sum(axis=1)
    gradient = np.sin(d)
    gradient[:, :-1] += 0.25 * theta[:, 1:]
    gradient[:, 1:] += 0.25 * theta[:, :-1]
    return value, gradient


def run(config: OptimiserConfig, *, steps: int, theta=None, state=None, start: int = 0):
    theta = np.full((3, 5), 0.3) + np.arange(3)[:, None] if theta is None else theta
    state = config.init(theta) if state is None else state
    everyone = np.arange(3)
    for step in range(start, start + steps):
        value, gradient = bowl(theta, everyone)
        theta, state = config.step(theta, gradient, state, step=step, closure=bowl, value=value)
    return theta, state


def run_torch(make, *, steps: int, lr):
    """One torch optimiser a replica."""
    rows = []
    for r in range(3):
        point = torch.tensor((np.full((3, 5), 0.3) + np.arange(3)[:, None])[r : r + 1])
        optimiser_ = make([point], value_at(lr, 0))

        def closure(point=point, r=r):
            value, gradient = bowl(point.numpy().copy(), np.array([r]))
            point.grad = torch.tensor(gradient)
            return float(value[0])

        for step in range(steps):
            for group in optimiser_.param_groups:
                group["lr"] = value_at(lr, step)
            closure()
            optimiser_.step(closure)
        rows.append(point.numpy()[0])
    return np.stack(rows)


CASES = {
    "adam": ({"name": "adam", "lr": 0.05}, lambda p, lr: torch.optim.Adam(p, lr=lr)),
    "adam-betas": (
        {"name": "adam", "lr": 0.1, "beta1": 0.8, "beta2": 0.95, "eps": 1e-4},
        lambda p, lr: torch.optim.Adam(p, lr=lr, betas=(0.8, 0.95), eps=1e-4),
    ),
    "sgd": ({"name": "sgd", "lr": 0.1, "momentum": 0.0}, lambda p, lr: torch.optim.SGD(p, lr=lr)),
    "sgd-momentum": (
        {"name": "sgd", "lr": 0.1, "momentum": 0.8},
        lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.8),
    ),
    "sgd-nesterov": (
        {"name": "sgd", "lr": 0.1, "momentum": 0.8, "nesterov": True},
        lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.8, nesterov=True),
    ),
    "sgd-schedule": (
        {"name": "sgd", "lr": Linear(start=0.2, end=0.01, steps=20), "momentum": 0.5},
        lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.5),
    ),
    "rmsprop": ({"name": "rmsprop", "lr": 0.01}, lambda p, lr: torch.optim.RMSprop(p, lr=lr)),
    "rmsprop-centered": (
        {"name": "rmsprop", "lr": 0.01, "alpha": 0.9, "momentum": 0.5, "centered": True, "eps": 1e-6},
        lambda p, lr: torch.optim.RMSprop(p, lr=lr, alpha=0.9, momentum=0.5, centered=True, eps=1e-6),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_torch(case):
    options, make = CASES[case]
    ours, _ = run(optimiser(options["name"], **{k: v for k, v in options.items() if k != "name"}), steps=40)
    theirs = run_torch(make, steps=40, lr=options["lr"])
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    assert np.abs(ours - (np.full((3, 5), 0.3) + np.arange(3)[:, None])).max() > 0.05


def test_lbfgs_is_torchs_replica_by_replica():
    options = {"lr": 1.0, "max_iter": 1, "max_eval": 25, "history_size": 4}
    ours, _ = run(optimiser("lbfgs", **options), steps=12)
    theirs = run_torch(lambda p, lr: torch.optim.LBFGS(p, line_search_fn="strong_wolfe", **options), steps=12, lr=1.0)
    np.testing.assert_array_equal(ours, theirs)
    assert np.abs(bowl(ours, np.arange(3))[1]).max() < 1e-4, "did not converge"


def test_lbfgs_without_a_known_value_asks_for_it():
    config = optimiser("lbfgs")
    theta = np.full((3, 5), 0.3)
    value, gradient = bowl(theta, np.arange(3))
    with_value, _ = config.step(theta, gradient, config.init(theta), step=0, closure=bowl, value=value)
    without, _ = config.step(theta, gradient, config.init(theta), step=0, closure=bowl)
    np.testing.assert_array_equal(with_value, without)


def test_lbfgs_replicas_do_not_disturb_one_another():
    """A replica at its optimum stays there and leaves the others as they were."""
    config = optimiser("lbfgs", history_size=3)
    together, _ = run(config, steps=6)
    calls = []

    def watched(theta, replicas):
        calls.append(len(replicas))
        return bowl(theta, replicas)

    theta = np.full((3, 5), 0.3) + np.arange(3)[:, None]
    state = config.init(theta)
    for step in range(6):
        value, gradient = bowl(theta, np.arange(3))
        gradient[0] = 0.0
        theta, state = config.step(theta, gradient, state, step=step, closure=watched, value=value)
    np.testing.assert_array_equal(theta[0], np.full(5, 0.3))
    np.testing.assert_array_equal(theta[1:], together[1:])
    assert set(calls) == {1}


def test_clipping_bounds_each_replica_alone():
    gradient = np.array([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    np.testing.assert_allclose(clipped(gradient, 1.0), [[0.6, 0.8], [0.3, 0.4], [0.0, 0.0]], rtol=1e-15)
    assert clipped(gradient, None) is gradient


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("lbfgs", {"clip": 1.0}, "line search"),
        ("sgd", {"momentum": 0.0, "nesterov": True}, "momentum above 0"),
        ("adam", {"lr": 0.0}, "learning rate above 0"),
        ("adam", {"lr": -0.1}, "learning rate above 0"),
        ("adam", {"lr": {"kind": "linear", "start": 0.1, "end": -0.1}}, "learning rate above 0"),
        ("adam", {"beta1": 1.0}, "beta1"),
        ("rmsprop", {"early_stop": 0}, "early_stop"),
        ("adam", {"betas": (0.9, 0.99)}, "betas"),
        ("lion", {}, "one of adam, lbfgs, rmsprop, sgd"),
    ],
)
def test_bad_options_are_refused_by_name(name, options, says):
    with pytest.raises(InvalidArgument, match=says):
        optimiser(name, **options)
