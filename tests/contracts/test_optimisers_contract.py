"""What every registered optimiser promises."""

from __future__ import annotations

import numpy as np
import pytest

from qhn_core.optimisers import OPTIMISERS

TARGETS = np.array([[0.5, -1.0, 0.2], [1.5, 0.0, -0.7]])


def loss(theta, replicas):
    d = theta - TARGETS[replicas]
    return (1.0 - np.cos(d)).sum(axis=1), np.sin(d)


def advance(config, theta, state, first, last):
    for step in range(first, last):
        value, gradient = loss(theta, np.arange(2))
        theta, state = config.step(theta, gradient, state, step=step, closure=loss, value=value)
    return theta, state


@pytest.fixture(params=OPTIMISERS.names())
def config(request):
    return OPTIMISERS.parse(request.param)


def start():
    return np.zeros((2, 3))


def test_lowers_the_loss_of_every_replica(config):
    theta, _ = advance(config, start(), config.init(start()), 0, 40)
    assert (loss(theta, np.arange(2))[0] < loss(start(), np.arange(2))[0]).all()


def test_state_is_finite_named_arrays_of_fixed_shape_with_a_replica_axis(config):
    before = config.init(start())
    _, after = advance(config, start(), before, 0, 5)
    assert before.keys() == after.keys()
    for name, array in after.items():
        assert array.shape == before[name].shape, name
        assert array.dtype == before[name].dtype, name
        assert array.shape[0] == 2, name
        assert np.isfinite(array).all(), name


def test_leaves_its_arguments_alone(config):
    theta, state = advance(config, start(), config.init(start()), 0, 3)
    copies = {name: array.copy() for name, array in state.items()}
    value, gradient = loss(theta, np.arange(2))
    kept_theta, kept_gradient = theta.copy(), gradient.copy()
    config.step(theta, gradient, state, step=3, closure=loss, value=value)
    np.testing.assert_array_equal(theta, kept_theta)
    np.testing.assert_array_equal(gradient, kept_gradient)
    for name, array in copies.items():
        np.testing.assert_array_equal(state[name], array, err_msg=name)


@pytest.mark.parametrize("pause", [1, 2, 7])
def test_resumes_to_the_last_bit_from_copied_arrays(config, pause):
    whole, _ = advance(config, start(), config.init(start()), 0, 12)
    theta, state = advance(config, start(), config.init(start()), 0, pause)
    copied = {name: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape) for name, a in state.items()}
    resumed, _ = advance(config, theta.copy(), copied, pause, 12)
    np.testing.assert_array_equal(resumed, whole)


def test_a_replica_does_not_depend_on_the_others(config):
    together, _ = advance(config, start(), config.init(start()), 0, 8)

    def first_only(theta, replicas):
        return loss(theta, replicas)

    theta, state = start()[:1], config.init(start()[:1])
    for step in range(8):
        value, gradient = loss(theta, np.arange(1))
        theta, state = config.step(theta, gradient, state, step=step, closure=first_only, value=value)
    np.testing.assert_array_equal(theta[0], together[0])


def test_config_has_label_help_and_round_trips(config):
    assert config.label
    assert OPTIMISERS.parse(config.model_dump(mode="json")) == config
    for name, field in type(config).model_fields.items():
        assert name == "name" or field.description, name
