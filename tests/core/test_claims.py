"""The study behind ``reproduce``: equal rules of tuning, disjoint rows, kept trials, honest words."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from qhn_core.analysis.statistics import Verdict
from qhn_core.commands.reproduce import one_of
from qhn_core.errors import DataError, InvalidArgument, StoreError
from qhn_core.studies.claims import grid as grids
from qhn_core.studies.claims import run, study
from qhn_core.studies.claims.conclusions import comparisons, overall, powers, sentences, word
from qhn_core.studies.claims.depth import replays
from qhn_core.studies.claims.draws import draws
from qhn_core.studies.claims.ledger import Ledger
from qhn_core.studies.claims.methods import (
    BY_NAME,
    CANDIDATES,
    METHODS,
    MORE_RATES,
    UNTUNED,
    Axis,
    Method,
    edge_shares,
    longer,
    objective,
)
from qhn_core.studies.claims.trials import Prepared, Trial, circuit_config, from_plain, key, to_plain
from qhn_core.studies.claims.tuned import edges_left, tuned, usual

TINY = replace(
    grids.QUICK,
    scenarios=tuple(replace(s, layers=(2, 1), n_train=8) for s in grids.QUICK.scenarios[:2]),
    seeds=10,
    steps=4,
    rival_steps=5,
    methods=("mle", "elbo", "selbo", "product_elbo", "best_string", "mean_field", "simulated_annealing"),
)


# --- settings ---------------------------------------------------------------------------------------------------


def test_every_method_that_has_settings_starts_with_as_many_candidates():
    for method in METHODS:
        if method.axes:
            assert len(method.settings()) == CANDIDATES
            assert all(axis.values == tuple(sorted(axis.values)) for axis in method.axes)
            assert all(axis.low <= axis.values[0] <= axis.values[-1] <= axis.high for axis in method.axes)


def test_usual_settings_are_among_the_candidates_so_that_they_cost_nothing():
    for method, setting in UNTUNED.values():
        assert setting in BY_NAME[method].settings()


def test_the_stricter_check_gives_mle_more_settings_between_its_own_and_beyond():
    rates = BY_NAME["mle"].axes[0].values
    both = sorted({*rates, *MORE_RATES})
    assert len(both) == 2 * CANDIDATES
    assert both[::2] == list(rates)
    assert both[-1] > rates[-1]


def test_an_axis_grows_where_its_end_is_best_in_more_than_a_fifth():
    method = Method("m", "M", "rival", axes=(Axis("lr", (0.1, 0.2, 0.4), 0.01, 1.0),))
    at = {"low": {"lr": 0.1}, "middle": {"lr": 0.2}, "high": {"lr": 0.4}}
    fifth = [at["high"]] * 2 + [at["middle"]] * 8
    more = [at["high"]] * 3 + [at["middle"]] * 7
    both = [at["high"]] * 3 + [at["low"]] * 3 + [at["middle"]] * 4
    assert longer(method, fifth) == method
    assert longer(method, more).axes[0].values == (0.1, 0.2, 0.4, 0.8)
    assert longer(method, both).axes[0].values == (0.05, 0.1, 0.2, 0.4, 0.8)
    assert edge_shares(method.axes[0], [0.1, 0.4, 0.4, 0.2]) == (0.25, 0.5)


def test_an_axis_never_grows_beyond_its_bound():
    method = Method("m", "M", "rival", axes=(Axis("lr", (0.1, 0.4, 0.9), 0.05, 1.0),))
    assert longer(method, [{"lr": 0.9}, {"lr": 0.1}]) == method


def test_a_grid_is_widened_by_the_rule_and_says_what_is_left(tmp_path):
    """MLE's rates shortened so that the best one lies at the end: the grid goes beyond it."""
    small = replace(TINY, scenarios=TINY.scenarios[:1], steps=8, rounds=2, methods=("mle",))
    found = tuned(small, Ledger(tmp_path / "t.jsonl"))
    values = found.methods["mle"].axes[0].values
    assert len(values) > CANDIDATES
    assert len(found.spent) == len(values)
    (left,) = edges_left(found)
    assert left[:2] == ("mle", "lr")
    assert found.chosen[0].setting["lr"] in values


# --- data -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits"])
def test_no_test_row_of_one_seed_is_used_for_choosing_or_training_by_another(name):
    scenario = next(s for s in grids.FULL.scenarios if s.source == name)
    found = draws(scenario, 4)
    # Some rows of these tables are equal (two flowers of iris, averaged pixels); nothing tells them apart.
    every = Counter(tuple(row) for row in np.concatenate([found[0].dataset.x_train, found[0].dataset.x_test]))
    single = {row for row, times in every.items() if times == 1}
    assert len(single) > 0.9 * sum(every.values())
    judged = {tuple(row) for d in found for row in d.dataset.x_test[d.validation :]} & single
    seen = {tuple(row) for d in found for row in d.dataset.x_test[: d.validation]}
    trained = {tuple(row) for d in found for row in d.dataset.x_train}
    assert judged
    assert not judged & (seen | trained)
    assert not np.array_equal(found[0].dataset.x_train, found[1].dataset.x_train)
    for d in found:
        assert len(d.dataset.y_train) == scenario.n_train
        assert set(d.dataset.y_test[d.validation :]) == {0, 1}
        assert 0.2 < d.dataset.y_test[: d.validation].mean() < 0.8


def test_generated_examples_are_fresh_for_every_seed_and_scenario():
    found = [d.dataset for s in grids.FULL.scenarios[:2] for d in draws(s, 3)]
    rows = [tuple(row) for dataset in found for row in np.concatenate([dataset.x_train, dataset.x_test])]
    assert len(set(rows)) == len(rows)


def test_label_noise_is_on_training_labels_only():
    noisy = next(s for s in grids.FULL.scenarios if s.source == "iris")
    clean = replace(noisy, label_noise=0.0)
    assert noisy.seed != clean.seed
    table = {tuple(x): y for d in draws(clean, 12) for x, y in zip(d.dataset.x_test, d.dataset.y_test, strict=True)}
    wrong = [
        sum(
            table[tuple(x)] != y for x, y in zip(d.dataset.x_train, d.dataset.y_train, strict=True) if tuple(x) in table
        )
        for d in draws(noisy, 6)
    ]
    assert max(wrong) <= round(noisy.label_noise * noisy.n_train)
    assert sum(wrong) > 0


def test_too_many_training_rows_of_a_finite_table_are_refused():
    with pytest.raises(DataError, match=r"n_train.*half"):
        draws(replace(next(s for s in grids.FULL.scenarios if s.source == "iris"), n_train=45), 2)


def test_ten_sources_make_the_clusters():
    assert len({s.source for s in grids.FULL.scenarios}) == 10
    titles = [s.title for s in grids.FULL.scenarios]
    assert len(set(titles)) == len(titles)


# --- trials -----------------------------------------------------------------------------------------------------


def test_choosing_and_judging_use_disjoint_examples():
    prepared = Prepared(TINY.scenarios[0], replace(TINY, seeds=2))
    q = np.random.default_rng(0).dirichlet(np.ones(2**prepared.problem.n_bits), size=2)
    judge = prepared.judge
    before = judge.of_probs(q)
    half = judge.validation[0]
    judge.labels = [np.concatenate([y[:half], 1 - y[half:]]) for y in judge.labels]
    after = judge.of_probs(q)
    np.testing.assert_array_equal(after.validation, before.validation)
    np.testing.assert_allclose(after.metrics["accuracy"], 1.0 - before.metrics["accuracy"], atol=1e-12)
    for name in ("cost_gap", "success", "entropy_bits", "kl_posterior"):
        assert np.isfinite(before.metrics[name]).all()


def test_the_setting_with_the_lowest_validation_nll_is_chosen(tmp_path):
    found = {t.method: t for t in tuned(replace(TINY, rounds=0), Ledger(tmp_path / "t.jsonl")).chosen[:7]}
    prepared = Prepared(TINY.scenarios[0], TINY)
    each = [prepared.trial(BY_NAME["mean_field"], s).validation_nll for s in BY_NAME["mean_field"].settings()]
    assert found["mean_field"].validation_nll == min(each)
    assert found["mean_field"].setting == BY_NAME["mean_field"].settings()[int(np.argmin(each))]


def test_a_drawn_grid_draws_as_many_strings_as_its_rivals_evaluate():
    grid = grids.EQUAL
    assert grid.drawn * grid.steps == grid.rival_steps
    assert all(grid.rival_steps < 2 ** (9 if s.layers == (2, 2, 1) else 10) for s in grid.scenarios)
    config = circuit_config(grid.scenarios[0], grid, BY_NAME["selbo"], {"lam": 0.3, "lr": 0.05})
    assert (config.estimator.name, config.estimator.shots) == ("score_function", grid.drawn)
    spent = {BY_NAME[name].spends for name in grid.methods if BY_NAME[name].kind == "rival"}
    assert spent == {"evaluations", "steps"}


def test_the_product_circuit_has_no_entangling_gate():
    config = circuit_config(grids.FULL.scenarios[0], grids.FULL, BY_NAME["product_elbo"], {"beta": 1.0, "lr": 0.1})
    assert config.ansatz.name == "product"
    assert objective(BY_NAME["product_elbo"], {"beta": 1.0, "lr": 0.1}) == {"name": "elbo", "beta": 1.0}


def test_starts_that_share_a_draw_are_averaged():
    grid = replace(grids.DEMONSTRATION, scenarios=TINY.scenarios[:1], seeds=3, starts=2, steps=3)
    trial = Prepared(grid.scenarios[0], grid).trial(BY_NAME["mle"], {"lr": 0.1})
    assert trial.metrics["accuracy"].shape == (3,)
    six = replace(grid, starts=1, seeds=3)
    assert key(grid.scenarios[0], grid, BY_NAME["mle"], {"lr": 0.1}) != key(
        grid.scenarios[0], six, BY_NAME["mle"], {"lr": 0.1}
    )


def test_what_a_trial_depends_on_is_in_its_key():
    scenario, method, setting = TINY.scenarios[0], BY_NAME["elbo"], {"beta": 1.0, "lr": 0.1}
    same = key(scenario, TINY, method, setting)
    others = [
        key(replace(scenario, n_train=9), TINY, method, setting),
        key(scenario, replace(TINY, steps=5), method, setting),
        key(scenario, replace(TINY, seeds=11), method, setting),
        key(scenario, replace(TINY, drawn=2), method, setting),
        key(scenario, TINY, BY_NAME["product_elbo"], setting),
        key(scenario, TINY, method, {"beta": 1.0, "lr": 0.2}),
    ]
    assert len({same, *others}) == 7
    assert same == key(scenario, replace(TINY, rival_steps=99), method, dict(reversed(setting.items())))


# --- keeping ----------------------------------------------------------------------------------------------------


def test_an_interrupted_study_goes_on_where_it_was(tmp_path):
    grid = replace(TINY, scenarios=TINY.scenarios[:1])
    whole = tuned(grid, Ledger(tmp_path / "whole.jsonl"))
    lines = (tmp_path / "whole.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "half.jsonl").write_text("".join(lines[:5]) + lines[5][:40])
    resumed = Ledger(tmp_path / "half.jsonl")
    assert len(resumed) == 5
    again = tuned(grid, resumed)
    for a, b in zip(whole.chosen, again.chosen, strict=True):
        assert (a.method, a.setting) == (b.method, b.setting)
        for name in a.metrics:
            np.testing.assert_array_equal(a.metrics[name], b.metrics[name])
    assert len(Ledger(tmp_path / "half.jsonl")) == len(lines)


def test_kept_trials_are_not_run_again(tmp_path):
    ledger = Ledger(tmp_path / "t.jsonl")
    first = usual(TINY, ledger)
    assert {name: len(own) for name, own in first.items()} == dict.fromkeys(UNTUNED, 2)
    before = (tmp_path / "t.jsonl").read_text()
    usual(TINY, Ledger(tmp_path / "t.jsonl"))
    assert (tmp_path / "t.jsonl").read_text() == before


def test_a_trial_survives_the_way_through_json():
    metrics = {"predictive_nll": np.array([0.1, 0.2]), "success": np.array([np.nan, 0.5])}
    trial = Trial("s", "xor", "mle", {"lr": 0.1}, np.array([0.3, 1 / 3]), metrics, 1.5)
    back = from_plain(json.loads(json.dumps(to_plain(trial))))
    np.testing.assert_array_equal(back.validation, trial.validation)
    np.testing.assert_array_equal(back.metrics["success"], metrics["success"])


# --- words ------------------------------------------------------------------------------------------------------


def planted(shift: float, scenarios: int = 6, seeds: int = 20) -> list[Trial]:
    rng = np.random.default_rng(3)
    made = []
    for s in range(scenarios):
        luck = rng.normal(size=seeds)
        for method, gain in (("mle", 0.0), ("elbo", shift), ("selbo", 0.0)):
            nll = 0.6 + 0.1 * luck + 0.05 * rng.normal(size=seeds) - gain
            metrics = {"predictive_nll": nll, "accuracy": 0.8 - 0.3 * (nll - 0.6)}
            made.append(Trial(f"s{s}", f"source {s}", method, {}, np.zeros(seeds), metrics))
    return made


def test_a_planted_difference_is_found_and_a_null_is_not():
    """Null comparisons: 12 in one family at level .05; with this seed none may be called different."""
    found = comparisons(planted(0.1))
    assert {c.verdict for (_, m, _), c in found.found.items() if m == "elbo"} == {Verdict.BETTER}
    assert {c.verdict for (_, m, _), c in found.found.items() if m == "selbo"} == {Verdict.NO_DIFFERENCE}
    rows = overall(found)
    words = " ".join(sentences(rows))
    assert "ELBO against MLE, predictive test NLL, nats per example: better on these scenarios" in words
    nothing = [r for r in rows if r.method == "selbo"]
    assert [word(r, r.family) for r in nothing] == ["not distinguishable"] * 2
    worse = comparisons(planted(-0.1))
    assert {c.verdict for (_, m, _), c in worse.found.items() if m == "elbo"} == {Verdict.WORSE}
    (nll,) = [r for r in rows if (r.method, r.metric) == ("elbo", "predictive_nll")]
    assert nll.sources_better == 6
    assert nll.family is not None
    assert nll.family.low < nll.sources.low < -0.1 < nll.sources.high < nll.family.high


def test_power_is_told_from_the_noise_that_was_seen():
    """Noise of .07 over 20 seeds: .15 nats are nearly always found, .05 in some scenarios."""
    found = powers(comparisons(planted(0.0)))
    assert found["elbo"][0.15] > 0.95
    assert found["elbo"][0.05] < found["elbo"][0.10] <= found["elbo"][0.15]


def test_replays_are_the_predecessors_circuit_optimiser_and_starts():
    sizes = {name: [run.network.n_bits for run in runs] for name, runs in replays().items()}
    assert {n for bits in sizes.values() for n in bits} == {10, 17}
    for runs in replays().values():
        for one in runs:
            assert (one.ansatz.name, one.optimiser.name, one.objective.name) == ("brickwork", "lbfgs", "mle")
            assert one.replicas == 10
            assert one.ansatz.init == "uniform"


# --- report -----------------------------------------------------------------------------------------------------


class _Checker(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.links += [v for k, v in attrs if k in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.links += [v for k, v in attrs if k in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def tiny(monkeypatch):
    """Every grid and the depth study, small enough for a test."""
    methods = ("mle", "elbo", "selbo", "product_elbo", "simulated_annealing")
    monkeypatch.setattr(study, "FULL", replace(TINY, name="full", rounds=1))
    monkeypatch.setattr(study, "QUICK", TINY)
    monkeypatch.setattr(study, "EQUAL", replace(TINY, name="equal-budget", drawn=2, methods=methods))
    monkeypatch.setattr(study, "DEMONSTRATION", replace(TINY, name="demonstration", seeds=5, starts=2))
    points = [
        study.Depth(pair, method, layers, np.array([0.9, 0.8, 0.1]), np.zeros(3))
        for pair in ("0 or 1", "3 or 8")
        for method in ("mle", "elbo")
        for layers in (1, 2)
    ]
    monkeypatch.setattr(study, "depth_points", lambda ledger, progress=None: points)


@pytest.mark.parametrize("name", ["quick", "full", "untuned", "equal-budget"])
def test_the_report_is_one_file_with_its_data_beside_it(name, tiny, tmp_path):
    seen = []
    path = run.reproduce(name, tmp_path, progress=lambda what, share: seen.append((what, share)))
    checker = _Checker()
    checker.feed(path.read_text())
    assert checker.open == []
    assert checker.links == []
    assert [share for _, share in seen] == sorted(share for _, share in seen)
    result = json.loads((tmp_path / f"{name}.json").read_text(), parse_constant=lambda n: pytest.fail(n))
    assert all(sentence in path.read_text() for sentence in result["conclusions"] if "<" not in sentence)
    for source in ("2506.05888", "2301.08292", "2403.07059", "2203.17089", "What would change our mind"):
        assert source in path.read_text()
    with (tmp_path / f"{name}.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    expected = {
        "quick": {"tuned", "untuned"},
        "full": {"tuned", "more rates for MLE", "untuned", "demonstration", "equal budget"},
        "untuned": {"untuned", "demonstration"},
        "equal-budget": {"equal budget"},
    }
    assert {row["table"] for row in rows} == expected[name]
    assert (tmp_path / f"{name}-depth.csv").exists() == (name == "full")


def test_more_rates_for_mle_choose_at_least_as_well_and_leave_the_claimants_alone(tiny, tmp_path):
    found = study.full(Ledger(tmp_path / "t.jsonl"), None)
    plain, strict = ({(t.scenario, t.method): t for t in part.trials} for part in (found.main, found.stricter))
    assert {method for _, method in strict} == {"mle", "elbo", "selbo"}
    for (scenario, method), trial in strict.items():
        before = plain[scenario, method]
        assert trial is before if method != "mle" else trial.validation_nll <= before.validation_nll
    rows = {(row.method, row.metric): row for row in found.stricter.rows}
    assert all(row.family is not None for row in rows.values())


def test_an_unwritable_folder_is_said_before_anything_runs(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Choose another --out"):
        run.reproduce("quick", tmp_path / "file" / "x")


def test_the_command_runs_one_study_and_says_so_when_asked_for_two():
    flags = dict.fromkeys(study.STUDIES, False)
    assert one_of(flags) == "full"
    assert one_of(flags | {"untuned": True}) == "untuned"
    with pytest.raises(InvalidArgument, match="one after the other"):
        one_of(flags | {"quick": True, "equal-budget": True})
