"""Many steps at once are, bit for bit, the steps made one by one."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qhn_core import trainer
from qhn_core.ansatze import ANSATZE
from qhn_core.compiled import compiled
from qhn_core.compiled.base import BLOCK
from qhn_core.config import RunConfig
from qhn_core.engines.statevector import StatevectorEngine
from qhn_core.errors import Cancelled, InvalidArgument
from qhn_core.estimators.base import Estimate
from qhn_core.trainer import descent

SMALL: dict[str, Any] = {"network": {"name": "mlp", "layers": [2, 1, 1]}, "steps": 23, "replicas": 3}
RAMP = {"kind": "linear", "start": 0.2, "end": 1.0, "steps": 10}


def prepared(more: dict[str, Any]) -> trainer.Setup:
    return trainer.prepare(RunConfig.parse(SMALL | more))


def assert_same(found: trainer.Passage, expected: trainer.Passage) -> None:
    np.testing.assert_array_equal(found.theta, expected.theta)
    np.testing.assert_array_equal(found.steps, expected.steps)
    for one, other in zip(found.estimates, expected.estimates, strict=True):
        for name in Estimate._fields:
            mine, its = getattr(one, name), getattr(other, name)
            if name == "terms":
                assert list(mine) == list(its)
                mine, its = list(mine.values()), list(its.values())
            np.testing.assert_array_equal(mine, its, err_msg=name)


@pytest.mark.parametrize(
    "more",
    [
        *({"ansatz": {"name": name}} for name in ANSATZE.names() if name != "qasm"),
        {"objective": {"name": "mle"}, "replicas": 1},
        {"objective": {"name": "elbo", "beta": RAMP}},
        {"objective": {"name": "selbo", "lam": RAMP, "gamma": [0.3, 2.0]}},
        {"optimiser": {"name": "adam", "lr": {"kind": "cosine", "start": 0.3, "end": 0.01, "steps": 20}}},
        {"objective": {"name": "ksd"}, "data_draws": 2},
        {"data_draws": 2, "replicas": 5},
        {"engine": {"name": "statevector", "threads": 1}},
    ],
)
def test_all_steps_at_once_are_the_steps_one_by_one(more: dict[str, Any]) -> None:
    setup = prepared(more)
    found = descent._at_once(setup, 5, lambda: False)
    assert found is not None
    assert list(found.steps) == [0, 5, 10, 15, 20, 23]
    assert_same(found, descent._one_by_one(setup, 5, lambda: False))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), steps=st.integers(1, 12), every=st.integers(1, 20), starts=st.integers(1, 4))
def test_for_any_seed_length_and_number_of_starts(seed: int, steps: int, every: int, starts: int) -> None:
    setup = prepared({"seed": seed, "steps": steps, "replicas": starts})
    found = descent._at_once(setup, every, lambda: False)
    assert found is not None
    assert_same(found, descent._one_by_one(setup, every, lambda: False))


@pytest.mark.parametrize(
    "more",
    [
        {"optimiser": {"name": "rmsprop"}},
        {"optimiser": {"name": "sgd"}},
        {"optimiser": {"name": "adam", "clip": 0.1}},
        {"optimiser": {"name": "adam", "early_stop": 3}},
        {"engine": {"name": "statevector", "dtype": "float32"}},
    ],
)
def test_what_is_not_of_that_form_goes_step_by_step(more: dict[str, Any]) -> None:
    setup = prepared(more)
    assert descent._at_once(setup, 5, lambda: False) is None
    assert_same(trainer.descend(setup, every=5), descent._one_by_one(setup, 5, lambda: False))


def test_a_circuit_that_takes_several_cores_a_start_makes_single_steps() -> None:
    circuit = RunConfig().ansatz.build(15)
    engine, theta = StatevectorEngine(), np.zeros((1, circuit.n_params))
    nothing: Any = None
    assert engine.descend(circuit, theta, nothing) is None


@pytest.mark.parametrize("more", [{}, {"optimiser": {"name": "sgd"}}])
def test_it_can_be_cancelled(more: dict[str, Any]) -> None:
    with pytest.raises(Cancelled):
        trainer.descend(prepared(more), every=5, cancelled=lambda: True)


def test_a_loss_that_is_not_finite_is_told_with_its_step() -> None:
    setup = prepared({"replicas": 2})
    table = setup.problem.table
    assert table is not None
    costs = np.where(np.arange(table.nll.size) == 3, np.inf, table.nll)
    problem = dataclasses.replace(setup.problem, table=dataclasses.replace(table, nll=costs))
    with pytest.raises(InvalidArgument, match="infinity at step 0 in replica 0"):
        trainer.descend(dataclasses.replace(setup, problem=problem), every=5)


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.floats(0.0, 1e308), min_size=1, max_size=BLOCK), seed=st.integers(0, 2**31))
def test_the_logarithm_is_that_of_numpy(values: list[float], seed: int) -> None:
    near_one = 1.0 + np.random.default_rng(seed).uniform(-1e-6, 1e-6, 7)
    x = np.concatenate([values, near_one, 2.0 ** np.arange(-1022.0, 1024.0, 97.0)])[:BLOCK]
    smallest = float(np.finfo(float).tiny)
    found = np.empty_like(x)
    compiled().logarithms(x, smallest, np.empty((2, BLOCK)), found)
    expected = np.log(np.maximum(x, smallest))
    assert (np.abs(found - expected) <= 3.0 * np.spacing(np.abs(expected))).all()
