"""Statistics with known answers: a planted difference is found, a null not more often than stated."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qhn_core.analysis.statistics import (
    MINIMUM_UNITS,
    Verdict,
    compare,
    effect_size,
    holm,
    mean_interval,
    minimum_units,
    paired_interval,
    sign_flip_p_value,
    steps_to_threshold,
)
from qhn_core.errors import InvalidArgument
from qhn_core.metrics import JUDGED


def test_planted_difference_is_found_with_its_direction_and_size() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(0.6, 0.1, 20)
    runs = {
        "mle": {"predictive_nll_test": base, "accuracy_test": 1 - base},
        "elbo": {"predictive_nll_test": base - 0.05 + rng.normal(0, 0.03, 20), "accuracy_test": 1 - base},
        "selbo": {"predictive_nll_test": base + 0.05 + rng.normal(0, 0.03, 20), "accuracy_test": 1 - base},
    }
    found = {(c.contender, c.metric): c for c in compare(runs, reference="mle")}
    assert len(found) == 4
    better, worse = found["elbo", "predictive_nll_test"], found["selbo", "predictive_nll_test"]
    assert better.verdict is Verdict.BETTER
    assert worse.verdict is Verdict.WORSE
    assert better.low < -0.05 < better.high < 0.0
    assert better.effect_size < -1.0
    assert found["elbo", "accuracy_test"].verdict is Verdict.NO_DIFFERENCE
    assert found["elbo", "accuracy_test"].p_adjusted == 1.0
    assert "elbo is better than mle" in better.sentence
    assert "no difference" in found["elbo", "accuracy_test"].sentence


def test_null_is_called_a_difference_no_more_often_than_stated() -> None:
    # 1000 experiments of 12 seeds, two contenders, four metrics, nothing planted. At a true rate of 5 % the number of
    # experiments with any false verdict exceeds 5 % + 4 standard errors (7.8 %) about three times in 100,000.
    rng = np.random.default_rng(1)
    metrics = ["nll_test", "predictive_nll_test", "accuracy_test", "kl_posterior"]
    false = 0
    for _ in range(1000):
        runs = {name: {m: rng.standard_t(5, 12) for m in metrics} for name in ("mle", "elbo", "selbo")}
        found = compare(runs, reference="mle")
        assert len(found) == 8
        false += any(c.verdict in (Verdict.BETTER, Verdict.WORSE) for c in found)
    assert false / 1000 < 0.05 + 4 * math.sqrt(0.05 * 0.95 / 1000)


def test_starts_on_one_data_draw_do_not_count_as_independent() -> None:
    # Ten draws of the data, each with its own luck for the contender, eight starts a draw, no true difference.
    rng = np.random.default_rng(2)
    clusters = np.repeat(np.arange(10), 8)
    naive = clustered = 0
    for _ in range(400):
        gap = rng.normal(size=10)[clusters] + 0.3 * rng.normal(size=80)
        runs = {"mle": {"nll_test": np.zeros(80)}, "elbo": {"nll_test": gap}}
        naive += compare(runs, reference="mle")[0].verdict is not Verdict.NO_DIFFERENCE
        clustered += compare(runs, reference="mle", clusters=clusters)[0].verdict is not Verdict.NO_DIFFERENCE
    assert naive / 400 > 0.4
    assert clustered / 400 < 0.05 + 4 * math.sqrt(0.05 * 0.95 / 400)


def test_few_units_give_no_verdict_however_clear_the_numbers() -> None:
    def runs(n: int) -> dict:
        return {"mle": {"nll_test": np.zeros(n)}, "elbo": {"nll_test": -1.0 - 0.01 * np.arange(n)}}

    assert compare(runs(MINIMUM_UNITS - 1), reference="mle")[0].verdict is Verdict.TOO_FEW
    assert "too few" in compare(runs(3), reference="mle")[0].sentence
    assert compare(runs(MINIMUM_UNITS), reference="mle")[0].verdict is Verdict.BETTER
    by_draw = compare(runs(40), reference="mle", clusters=np.arange(40) % 4)[0]
    assert (by_draw.units, by_draw.verdict) == (4, Verdict.TOO_FEW)


@pytest.mark.parametrize("comparisons", [1, 4, 22, 100])
def test_minimum_is_where_a_unanimous_result_can_pass(comparisons: int) -> None:
    fewest = minimum_units(comparisons)
    assert 2.0 ** (1 - fewest) <= 0.05 / comparisons
    assert fewest == MINIMUM_UNITS or 2.0 ** (2 - fewest) > 0.05 / comparisons


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=9))
def test_sign_flip_p_value_is_the_enumeration(differences: list[float]) -> None:
    d = np.array(differences)
    sums = [abs(np.dot(s, d)) for s in itertools.product((1, -1), repeat=d.size)]
    assert sign_flip_p_value(d) == pytest.approx(np.mean(np.array(sums) >= abs(d.sum())))


def test_sampled_sign_flips_agree_with_the_normal_limit() -> None:
    from scipy.stats import norm

    d = np.random.default_rng(3).normal(0.25, 1.0, 60)
    expected = 2 * norm.sf(abs(d.sum()) / np.sqrt((d**2).sum()))
    assert sign_flip_p_value(d) == pytest.approx(expected, abs=0.012)


@pytest.mark.parametrize("n", [8, 12, 20])
def test_bootstrap_interval_covers_as_often_as_stated(n: int) -> None:
    # 95 % nominal; allowed 91.5 to 98 %: the studentised bootstrap's own error at small n, plus 3 standard errors.
    rng = np.random.default_rng(n)
    inside = 0
    for _ in range(800):
        low, high = paired_interval(rng.normal(0.3, 1.0, n))
        inside += low <= 0.3 <= high
    assert 0.915 < inside / 800 < 0.98


def test_interval_of_many_ties_falls_back_to_student() -> None:
    from scipy.stats import t

    d = np.array([0.0] * 9 + [0.1])
    half = t.ppf(0.975, 9) * d.std(ddof=1) / np.sqrt(10)
    assert paired_interval(d) == pytest.approx((d.mean() - half, d.mean() + half))
    assert paired_interval(np.full(5, 0.2)) == pytest.approx((0.2, 0.2))


def test_mean_interval_is_students_and_skips_nan() -> None:
    from scipy.stats import t

    x = np.array([1.0, 2.0, 4.0, np.nan])
    found = mean_interval(x)
    half = t.ppf(0.975, 2) * np.std([1, 2, 4], ddof=1) / np.sqrt(3)
    assert found == pytest.approx((7 / 3, 7 / 3 - half, 7 / 3 + half, 3))
    assert mean_interval([np.nan]).units == 0
    assert mean_interval([1.0, 3.0, 10.0, 20.0], clusters=[0, 0, 1, 1])[::3] == (8.5, 2)


def test_effect_size_is_cohens_with_hedges_correction() -> None:
    d = np.array([1.0, 2.0, 3.0, 4.0])
    assert effect_size(d) == pytest.approx(2.5 / d.std(ddof=1) * (1 - 3 / 11))
    assert effect_size(np.zeros(4)) == 0.0
    assert effect_size(np.full(4, -0.5)) == -math.inf
    assert math.isnan(effect_size([0.1, 0.5]))


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def test_same_data_give_the_same_numbers() -> None:
    rng = np.random.default_rng(6)
    runs = {k: {"nll_test": rng.normal(size=30)} for k in ("a", "b")}
    assert compare(runs, reference="a") == compare(runs, reference="a")


def test_metric_that_nobody_has_is_no_comparison() -> None:
    rng = np.random.default_rng(7)
    none = np.full(10, np.nan)
    runs = {k: {"nll_test": none, "cost_gap": rng.normal(size=10)} for k in ("a", "b")}
    found = {c.metric: c for c in compare(runs, reference="a")}
    assert found["nll_test"].verdict is Verdict.TOO_FEW
    assert found["cost_gap"].p_adjusted == found["cost_gap"].p_value


def test_steps_to_threshold_with_replicas_that_never_arrive() -> None:
    values = np.array([[3.0, 3.0, np.nan, 0.5], [1.0, 2.0, 2.0, 2.0], [0.2, 1.5, 0.9, 2.0]])
    found = steps_to_threshold(values, [0, 10, 20], threshold=1.0)
    np.testing.assert_array_equal(found.steps, [10, np.inf, 20, 0])
    np.testing.assert_array_equal(found.restricted, [10, 21, 20, 0])
    assert (found.share, found.median) == (0.75, 15.0)
    assert steps_to_threshold(values[:, 1:2], [0, 10, 20], threshold=1.0).median == math.inf
    up = steps_to_threshold(values, [0, 10, 20], threshold=2.0, better="higher")
    np.testing.assert_array_equal(up.steps, [0, 0, 10, 10])


def test_unequal_seeds_and_unknown_reference_are_refused() -> None:
    runs = {"a": {"nll_test": np.zeros(4)}, "b": {"nll_test": np.zeros(5)}}
    with pytest.raises(InvalidArgument, match="same seeds"):
        compare(runs, reference="a")
    with pytest.raises(InvalidArgument, match="reference"):
        compare(runs, reference="c")


def test_directions_cover_what_is_judged() -> None:
    assert JUDGED["accuracy_test"] == JUDGED["success"] == "higher"
    assert JUDGED["cost_gap"] == JUDGED["predictive_nll_test"] == "lower"
    assert "entropy_bits" not in JUDGED
