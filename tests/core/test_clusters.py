"""Statistics of many scenarios, with planted truths: coverage by clusters, power, the family's correction, trends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qhn_core.analysis.clusters import (
    cluster_interval,
    cluster_means,
    fixed_interval,
    power,
    share_interval,
    trend_p_value,
)
from qhn_core.errors import InvalidArgument

SOURCES = np.repeat(list("abcdefgh"), 3)


def test_cluster_interval_by_hand():
    from scipy.stats import t

    found = cluster_interval([1.0, 3.0, 5.0, 5.0, -1.0], ["a", "a", "b", "b", "c"])
    means = np.array([2.0, 5.0, -1.0])
    half = t.ppf(0.975, 2) * means.std(ddof=1) / np.sqrt(3)
    assert found == pytest.approx((2.0, 2.0 - half, 2.0 + half, 3, 2, 1))
    assert np.isnan(cluster_interval([1.0, 2.0], ["a", "a"]).low)


def test_scenarios_of_one_source_are_no_sample_of_sources():
    """Truth 0 for sources, but each source leans its own way. By clusters a 95 % interval misses 0 in 5 % of studies;
    with scenarios as if independent far more often. 2000 studies: 5 % ± 3 standard errors is 3.5 to 6.5 %."""
    rng = np.random.default_rng(0)
    missed = {"clusters": 0, "scenarios": 0}
    for _ in range(2000):
        lean = dict(zip("abcdefgh", rng.normal(0.0, 1.0, 8), strict=True))
        values = np.array([lean[s] for s in SOURCES]) + rng.normal(0.0, 0.3, SOURCES.size)
        for name, labels in (("clusters", SOURCES), ("scenarios", np.arange(SOURCES.size))):
            one = cluster_interval(values, labels)
            missed[name] += not one.low <= 0.0 <= one.high
    assert 0.035 < missed["clusters"] / 2000 < 0.065
    assert missed["scenarios"] / 2000 > 0.15


def test_a_family_of_four_misses_together_as_often_as_stated():
    """Four intervals of correlated quantities, all truths 0: any of them misses in at most 5 % of 2000 studies (+ 3 SE:
    6.5 %), and uncorrected ones clearly more often."""
    rng = np.random.default_rng(1)
    any_missed = {1: 0, 4: 0}
    for _ in range(2000):
        shared = rng.normal(size=8)
        quantities = [0.5 * shared + rng.normal(size=8) for _ in range(4)]
        for family in (1, 4):
            found = [cluster_interval(q, list("abcdefgh"), family=family) for q in quantities]
            any_missed[family] += any(not one.low <= 0.0 <= one.high for one in found)
    assert any_missed[4] / 2000 < 0.065
    assert any_missed[1] / 2000 > 0.12


def test_family_widens_and_keeps_the_mean():
    from scipy.stats import t

    values = [0.1, 0.4, 0.2, 0.9]
    one, four = (cluster_interval(values, list("abcd"), family=m) for m in (1, 4))
    assert one.mean == four.mean
    assert (four.high - four.mean) / (one.high - one.mean) == pytest.approx(t.ppf(1 - 0.05 / 8, 3) / t.ppf(0.975, 3))


def test_fixed_interval_covers_the_mean_of_the_fixed_scenarios():
    """Scenario effects differ much and are fixed; only seeds are random. 95 % of 2000 intervals cover, ± 3 SE."""
    rng = np.random.default_rng(2)
    effects = np.array([-2.0, 0.0, 1.0, 3.0, 4.0])
    inside, widths = 0, []
    for _ in range(2000):
        strata = [rng.normal(e, 0.5 + 0.2 * k, 10) for k, e in enumerate(effects)]
        found = fixed_interval(strata)
        inside += found.low <= effects.mean() <= found.high
        widths.append(found.high - found.low)
    assert 0.935 < inside / 2000 < 0.965
    assert np.mean(widths) < cluster_interval(effects, list("abcde")).high - effects.mean()


def test_fixed_interval_of_one_stratum_is_students():
    from scipy.stats import t

    x = np.array([1.0, 2.0, 4.0, 7.0])
    half = t.ppf(0.975, 3) * x.std(ddof=1) / 2.0
    assert fixed_interval([x])[:3] == pytest.approx((x.mean(), x.mean() - half, x.mean() + half))


def test_power_is_the_level_without_an_effect_and_rises_with_one():
    """Noise of standard deviation .1 over 16 seeds: an effect of .15 (6 standard errors) is all but always found in a
    family of 20, one of .01 hardly ever; without an effect the family-wise 5 % bounds the share of false ones."""
    rng = np.random.default_rng(3)
    noise = [rng.normal(0.0, 0.1, 16) for _ in range(10)]
    shares = [power(noise, effect, family=20) for effect in (0.0, 0.01, 0.08, 0.15)]
    assert shares[0] < 0.02
    assert shares[1] < 0.05
    assert shares[1] < shares[2] < shares[3]
    assert shares[3] > 0.95
    assert shares == [power(noise, effect, family=20) for effect in (0.0, 0.01, 0.08, 0.15)]


def test_power_does_not_depend_on_the_difference_that_was_seen():
    rng = np.random.default_rng(4)
    noise = [rng.normal(0.0, 0.1, 16) for _ in range(4)]
    assert power([d + 5.0 for d in noise], 0.1, family=8) == power(noise, 0.1, family=8)


def test_a_larger_family_is_less_powerful():
    rng = np.random.default_rng(5)
    noise = [rng.normal(0.0, 0.1, 16) for _ in range(6)]
    assert power(noise, 0.09, family=200) < power(noise, 0.09, family=6)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 30), st.floats(0.05, 0.95), st.data())
def test_share_interval_holds_the_share_and_is_symmetric(trials, confidence, data):
    successes = data.draw(st.integers(0, trials))
    low, high = share_interval(successes, trials, confidence=confidence)
    assert 0.0 <= low <= successes / trials <= high <= 1.0
    mirrored = share_interval(trials - successes, trials, confidence=confidence)
    assert (low, high) == pytest.approx((1.0 - mirrored[1], 1.0 - mirrored[0]), abs=1e-9)


def test_share_interval_covers_at_least_as_often_as_stated():
    """Exactly, by the binomial law: coverage at every share of a grid is at least 95 %."""
    from scipy.stats import binom

    ends = [share_interval(k, 10) for k in range(11)]
    for p in np.linspace(0.01, 0.99, 99):
        covered = sum(binom.pmf(k, 10, p) for k, (low, high) in enumerate(ends) if low <= p <= high)
        assert covered >= 0.95


def test_a_planted_trend_is_found_and_a_flat_line_is_not():
    """Flat shares of .8 at five depths, 200 studies of 20 starts: at most 5 % + 3 SE (9.6 %) below .05."""
    rng = np.random.default_rng(6)
    false = sum(
        trend_p_value({d: rng.random(20) < 0.8 for d in (1, 2, 3, 4, 6)}, permutations=400) <= 0.05 for _ in range(200)
    )
    assert false / 200 < 0.096
    rising = {d: rng.random(40) < share for d, share in ((1, 0.3), (2, 0.5), (4, 0.7), (6, 0.9))}
    assert trend_p_value(rising) < 0.001
    assert trend_p_value({1: [1, 1], 2: [1, 1]}) == 1.0


def test_what_cannot_be_is_refused():
    with pytest.raises(InvalidArgument, match="strata"):
        fixed_interval([[1.0]])
    with pytest.raises(InvalidArgument, match="clusters"):
        cluster_means([1.0, 2.0], ["a"])
    with pytest.raises(InvalidArgument, match="family"):
        power([np.ones(3), np.ones(3)], 0.1, family=1)
    with pytest.raises(InvalidArgument, match="values"):
        cluster_interval([1.0, float("nan")], ["a", "b"])
    with pytest.raises(InvalidArgument, match="successes"):
        share_interval(3, 2)
