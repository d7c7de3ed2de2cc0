"""Replays against runs, slices of the loss against single evaluations, and scans of the gradient's variance."""

from __future__ import annotations

import numpy as np
import pytest

import qhn_core as qhn
from qhn_core import trainer
from qhn_core.analysis.landscape import path_plane, random_plane, slice_line, slice_plane
from qhn_core.config import RunConfig
from qhn_core.errors import Cancelled, TooLarge, Unsupported
from qhn_core.studies.replay import check_replay, replay
from qhn_core.studies.variance import compare_variance, sizes

SMALL = {"network": {"name": "mlp", "layers": [2, 1, 1]}, "steps": 12, "replicas": 5, "data_draws": 3}


def config(**more) -> RunConfig:
    return RunConfig.model_validate(SMALL | more)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"objective": {"name": "ksd"}, "optimiser": {"name": "sgd", "lr": 0.1, "momentum": 0.5}},
        {"objective": {"name": "elbo", "beta": {"kind": "linear", "start": 0, "end": 1, "steps": 10}}},
    ],
)
def test_a_replay_ends_where_the_run_ended(more) -> None:
    run = config(**more)
    result = qhn.train(run)
    for replica in (0, 4):
        way = replay(run, replica=replica, steps=run.steps, points=4)
        assert way.steps.tolist() == [0, 4, 8, 12]
        np.testing.assert_array_equal(way.theta[-1], result.theta[replica])
        np.testing.assert_array_equal(way.theta[0], trainer.init(trainer.prepare(run)).theta[replica])


def test_a_replay_refuses_what_is_not_determined_or_too_long() -> None:
    shots = config(estimator={"name": "parameter_shift", "shots": 10})
    with pytest.raises(Unsupported, match="shots"):
        check_replay(shots, 3)
    with pytest.raises(TooLarge, match="too long"):
        check_replay(config(steps=1_000_000, log_every=1000), 10_000_000)
    with pytest.raises(Cancelled):
        replay(config(), replica=0, steps=5, cancelled=lambda: True)


def test_slices_hold_the_loss_at_their_points() -> None:
    run = config(data_draws=1)
    setup = trainer.prepare(run)
    rng = np.random.default_rng(0)
    path = rng.normal(size=(6, setup.circuit.n_params)).cumsum(axis=0)
    common = {"engine": setup.engine, "step": 3}

    def loss(theta):
        q = setup.engine.probs(setup.circuit, theta[None])
        return run.objective.exact(q, setup.problem, 3).value[0] / setup.n_train

    for plane in (random_plane(path[-1], seed=1), path_plane(path)):
        assert abs(plane.u @ plane.v) < 1e-12
        np.testing.assert_allclose([plane.u @ plane.u, plane.v @ plane.v], 1.0)
        x, y = np.array([-1.0, 0.0, 0.5]), np.array([0.0, 2.0])
        found = slice_plane(plane, setup.circuit, setup.problem, run.objective, x=x, y=y, **common)
        assert found.loss.shape == (2, 3)
        np.testing.assert_allclose(found.loss[1, 2], loss(plane.origin + 0.5 * plane.u + 2.0 * plane.v), rtol=1e-12)
        np.testing.assert_allclose(found.loss[0, 1], loss(path[-1]), rtol=1e-12)
        np.testing.assert_allclose(plane.project(plane.origin + 3 * plane.u - plane.v), [3, -1], atol=1e-12)
    assert 0 < path_plane(path).share <= 1
    line = slice_line(path[0], path[-1], setup.circuit, setup.problem, run.objective, at=np.array([0.0, 1.0]), **common)
    np.testing.assert_allclose(line.loss, [loss(path[0]), loss(path[-1])], rtol=1e-12)
    ends = {"at": np.array([0.0, 1.0]), "draws": 20_000}
    drawn = slice_line(path[0], path[-1], setup.circuit, setup.problem, run.objective, **ends, **common)
    np.testing.assert_allclose(drawn.loss, line.loss, atol=0.02)  # ten standard errors of 20,000 costs


def test_a_flat_path_in_a_plane_has_all_its_movement_there() -> None:
    rng = np.random.default_rng(2)
    basis, coordinates = rng.normal(size=(2, 7)), rng.normal(size=(9, 2))
    path = coordinates @ basis
    plane = path_plane(path)
    np.testing.assert_allclose(plane.share, 1.0)
    offset = path - plane.origin
    np.testing.assert_allclose(np.linalg.norm(plane.project(path), axis=1), np.linalg.norm(offset, axis=1), atol=1e-9)


def test_variance_is_compared_over_sizes_and_depths() -> None:
    run = config(network={"name": "mlp", "layers": [2, 2, 1]})
    assert list(sizes(run, most=10)) == [5, 9]
    shared: list[int] = []
    found = compare_variance(
        config(ansatz={"name": "ring", "layers": 1}),
        against="layers",
        losses=("mle", "elbo"),
        starts=("uniform", "small + Hadamard"),
        replicas=8,
        share=lambda series: shared.append(len(series)),
    )
    assert [(s.loss, s.start) for s in found] == [
        ("mle", "uniform"),
        ("elbo", "uniform"),
        ("mle", "small + Hadamard"),
        ("elbo", "small + Hadamard"),
    ]
    assert shared == [1, 2, 3, 4]
    assert all(p.variance > 0 for s in found for p in s.scan.points)
    with pytest.raises(Unsupported, match="one depth"):
        compare_variance(config(ansatz={"name": "product"}), against="layers")
    with pytest.raises(Unsupported, match="hidden layers"):
        sizes(config(network={"name": "mlp", "layers": [2, 1]}))


def test_circuits_that_begin_with_hadamards_anyway_are_scanned_without() -> None:
    found = compare_variance(config(ansatz={"name": "iqp", "layers": 1}), losses=("mle",), replicas=8, against="layers")
    assert {s.start for s in found} == {"uniform", "small"}
