"""A race gives each contender the history it would have alone, from the same angles and the same data."""

from __future__ import annotations

import numpy as np
import pytest

import qhn_core as qhn
from qhn_core.errors import ConfigError
from qhn_core.studies.race import race
from qhn_core.studies.race.config import RaceConfig

BASE = {
    "dataset": {"name": "xor", "n_train": 8, "n_test": 20},
    "network": {"name": "mlp", "layers": [2, 2, 1]},
    "ansatz": {"name": "linear", "layers": 1},
    "steps": 6,
    "replicas": 3,
    "data_draws": 3,
}
SIDES = [
    {"objective": {"name": "mle"}},
    {"objective": {"name": "elbo", "beta": {"kind": "linear", "start": 0.0, "end": 1.0, "steps": 4}}},
    {"objective": {"name": "selbo"}, "ansatz": {"name": "brickwork", "layers": 2}},
    {"label": "shots", "objective": {"name": "mle"}, "estimator": {"name": "parameter_shift", "shots": 32}},
]


def run(config: RaceConfig):
    setup = race.prepare(config)
    state = race.init(setup)
    rows = [[] for _ in setup.setups]
    while not state.done:
        state, infos = race.step(setup, state)
        for kept, info in zip(rows, infos, strict=True):
            if info is not None and info.row is not None:
                kept.append(info.row)
    return setup, state, rows


def test_each_contender_has_the_history_it_would_have_alone():
    config = RaceConfig.parse({"base": BASE, "contenders": SIDES})
    setup, state, rows = run(config)
    assert setup.groups == ((0, 1), (2,), (3,))
    for run_config, kept, final in zip(config.configs(), rows, state.states, strict=True):
        alone = qhn.train(run_config)
        np.testing.assert_array_equal(alone.theta, final.theta)
        for name, values in alone.history.items():
            np.testing.assert_array_equal(np.stack([row[name] for row in kept]), values, err_msg=name)
    assert all(seconds > 0 for seconds in state.seconds)


def test_contenders_start_alike_and_each_seed_has_its_own_data():
    setup, _, rows = run(RaceConfig.parse({"base": BASE, "contenders": SIDES[:2]}))
    np.testing.assert_array_equal(rows[0][0]["nll_test"], rows[1][0]["nll_test"])
    tables = setup.setups[0].problem.nll
    assert not np.allclose(tables[0], tables[1])
    np.testing.assert_array_equal(tables, setup.setups[1].problem.nll)


def test_link_and_json_round_trip():
    config = RaceConfig.parse({"base": BASE, "contenders": SIDES, "rivals": ["exact_bayes"]})
    assert RaceConfig.from_url(config.to_url()) == config
    assert RaceConfig.parse(config.to_dict()) == config


@pytest.mark.parametrize(
    ("optimiser", "title"),
    [
        ({"name": "adam", "lr": 0.01}, "MLE · Adam 0.01"),
        ({"name": "adam", "lr": 0.01, "clip": 1.0}, "MLE · Adam 0.01 clip 1"),
        ({"name": "sgd", "nesterov": True}, "MLE · SGD 0.5 nesterov"),
        ({"name": "adam", "lr": {"kind": "cosine", "start": 0.1, "end": 0.0, "steps": 3}}, "MLE · Adam cosine"),
        ({"name": "adam", "lr": 0.05}, "MLE"),  # what the race has
    ],
)
def test_an_optimiser_of_its_own_is_named_where_it_differs_and_travels_in_the_link(optimiser, title):
    sides = [{"objective": {"name": "elbo", "beta": 1.0}}, {"objective": {"name": "mle"}, "optimiser": optimiser}]
    base = BASE | {"optimiser": {"name": "adam", "lr": 0.05}}
    config = RaceConfig.parse({"base": base, "contenders": sides})
    assert config.contenders[1].title == title
    assert RaceConfig.from_url(config.to_url()) == config
    assert config.configs()[1].optimiser.model_dump().items() >= optimiser.items()
    assert config.configs()[0].optimiser == config.base.optimiser


def test_one_loss_races_with_two_optimisers():
    sides = [{"objective": {"name": "mle"}}, {"objective": {"name": "mle"}, "optimiser": {"name": "lbfgs"}}]
    config = RaceConfig.parse({"base": BASE, "contenders": sides})
    setup = race.prepare(config)
    state = race.init(setup)
    while not state.done:
        state, _ = race.step(setup, state)
    for side, at in zip(config.configs(), state.states, strict=True):
        np.testing.assert_array_equal(at.theta, qhn.train(side).theta)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"contenders": []}, "contenders"),
        ({"contenders": [SIDES[0]] * 5}, "contenders"),
        ({"contenders": [SIDES[0], SIDES[0]]}, "label"),
        ({"contenders": [{"objective": {"name": "elb"}}]}, "elbo"),
        ({"rivals": ["alchemy"]}, "straight_through"),
        ({"base": {"steps": 0}}, "steps"),
        ({"colour": 1}, "colour"),
    ],
)
def test_wrong_races_are_refused_by_name(change, word):
    with pytest.raises(ConfigError, match=word):
        RaceConfig.parse({"base": BASE, "contenders": SIDES[:1]} | change)


def test_a_race_as_text_is_short_and_reads_back():
    config = RaceConfig.parse({"base": BASE, "contenders": SIDES, "judged_step": 5, "rivals": []})
    text = config.to_yaml()
    assert RaceConfig.from_yaml(text) == config
    assert len(text.splitlines()) < 30
    assert "\n  dataset: {name: xor, " in text
    assert "\n- {label: shots, " in text
    with pytest.raises(ConfigError, match="Invalid race: contenders: expected 1 or more entries"):
        RaceConfig.from_yaml("contenders: []")
