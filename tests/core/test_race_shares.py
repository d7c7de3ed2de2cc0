"""A race shared out over a class: every share is one unit of it, and what is pooled is what one machine would find."""

from __future__ import annotations

import numpy as np
import pytest

import qhn_core as qhn
from qhn_core.analysis.statistics import Verdict, compare, mean_interval
from qhn_core.errors import Unsupported
from qhn_core.studies.race import race
from qhn_core.studies.race.config import RaceConfig
from qhn_core.studies.race.shares import judge, pool, share_of

BASE = {
    "dataset": {"name": "xor", "n_train": 8, "n_test": 20, "seed": 5},
    "network": {"name": "mlp", "layers": [2, 1]},
    "ansatz": {"name": "linear", "layers": 1},
    "steps": 4,
    "replicas": 6,
    "data_draws": 3,
}
SIDES = [{"objective": {"name": "mle"}}, {"objective": {"name": "elbo"}}, {"objective": {"name": "selbo"}}]
WHOLE = RaceConfig.parse({"base": BASE, "contenders": SIDES, "rivals": [], "judged_step": 3})


def test_share_k_has_draw_k_of_the_data_and_starts_of_its_own() -> None:
    drawn = race.prepare(WHOLE).setups[0].problem
    starts = set()
    for k in range(3):
        share = share_of(WHOLE, k, "draw")
        assert (share.base.replicas, share.base.data_draws, share.judged_at) == (2, 1, 3)
        assert share.contenders == WHOLE.contenders
        setup = race.prepare(share)
        np.testing.assert_array_equal(setup.setups[0].problem.nll, drawn.parts[k].nll)  # type: ignore[union-attr]
        first = race.init(setup).states
        np.testing.assert_array_equal(first[0].theta, first[1].theta)
        starts.add(first[0].theta.tobytes())
    assert len(starts) == 3
    assert len({share_of(WHOLE, k, "seed").base.dataset.seed for k in range(3)}) == 1  # type: ignore[union-attr]


def test_data_that_are_not_drawn_are_refused_a_draw_and_not_a_start() -> None:
    table = {"dataset": {"name": "cost_table", "costs": [0.0, 1.0, 2.0, 3.0]}, "network": None, "steps": 4}
    config = RaceConfig.parse({"base": table, "contenders": SIDES[:2], "rivals": []})
    with pytest.raises(Unsupported, match="not drawn"):
        share_of(config, 0, "draw")
    assert share_of(config, 2, "seed").base.seed == 2


def test_pooling_is_the_paired_comparison_and_lost_shares_cost_width_alone() -> None:
    rng = np.random.Generator(np.random.Philox(key=[1, 2]))
    values = {"MLE": rng.normal(0.5, 0.1, 30)}
    values["ELBO"] = values["MLE"] - 0.05 + rng.normal(0, 0.02, 30)
    found = [{name: {"predictive_nll_test": float(v[k])} for name, v in values.items()} for k in range(30)]
    (one,) = pool(found, ["MLE", "ELBO"], "predictive_nll_test")
    assert one.growing[-1] == mean_interval(values["ELBO"] - values["MLE"])
    widths = np.array([s.high - s.low for s in one.growing])
    assert widths[-1] < widths[0] / 5
    (said,) = judge(found, ["MLE", "ELBO"], "predictive_nll_test")
    sides = {name: {"predictive_nll_test": v} for name, v in values.items()}
    assert said == compare(sides, reference="MLE", metrics={"predictive_nll_test": "lower"})[0]
    assert said.verdict is Verdict.BETTER

    found[3]["ELBO"]["predictive_nll_test"] = float("nan")
    (fewer,) = pool(found[:20], ["MLE", "ELBO"], "predictive_nll_test")
    assert fewer.growing[-1].units == 19
    assert judge(found[:20], ["MLE", "ELBO"], "predictive_nll_test")[0].units == 19
    assert pool(found[:1], ["MLE", "ELBO"], "predictive_nll_test")[0].growing == ()


def test_a_share_is_a_race_like_any_other() -> None:
    share = share_of(WHOLE, 1, "draw")
    setup = race.prepare(share)
    state = race.init(setup)
    while not state.done:
        state, _ = race.step(setup, state)
    alone = qhn.train(share.configs()[1])
    np.testing.assert_array_equal(state.states[1].theta, alone.theta)
