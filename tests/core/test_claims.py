"""The grid behind ``reproduce``: equal tuning, disjoint halves, statistics over the whole grid, honest words."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from qhn_core.analysis.statistics import Verdict
from qhn_core.errors import StoreError
from qhn_core.studies.claims import grid as grids
from qhn_core.studies.claims import run, tuned
from qhn_core.studies.claims.conclusions import comparisons, overall, sentences
from qhn_core.studies.claims.tuned import Judge, Outcome
from qhn_core.trainer import prepare

TINY = replace(
    grids.QUICK,
    scenarios=(replace(grids.QUICK.scenarios[0], layers=(2, 1), n_train=8),),
    seeds=10,
    steps=4,
    rival_steps=5,
)


def test_every_loss_has_as_many_candidates():
    assert {len(c) for c in grids.losses().values()} == {grids.CANDIDATES}
    tunable = [c for name, c in grids.rivals(10).items() if name not in ("best_string", "exact_bayes")]
    assert {len(c) for c in tunable} == {grids.CANDIDATES}


def test_scores_use_disjoint_halves_of_the_held_out_examples():
    setup = prepare(TINY.scenarios[0].config(seeds=2, steps=1, objective={"name": "mle"}, lr=0.1))
    judge = Judge(setup.problem, 2)
    q = np.random.default_rng(0).dirichlet(np.ones(2**setup.problem.n_bits), size=2)
    before = judge.of_probs(q)
    half = len(judge._labels[0]) // 2
    judge._labels = [np.concatenate([y[:half], 1 - y[half:]]) for y in judge._labels]
    after = judge.of_probs(q)
    assert after.validation_nll == before.validation_nll
    np.testing.assert_allclose(after.metrics["accuracy"], 1.0 - before.metrics["accuracy"], atol=1e-12)
    for name in ("cost_gap", "success", "entropy_bits", "kl_posterior"):
        assert np.isfinite(before.metrics[name]).all()


def test_the_setting_with_the_lowest_validation_nll_is_chosen(monkeypatch):
    found = {o.method: o for o in tuned.outcomes(TINY.scenarios[0], TINY)}
    assert set(found) == set(grids.losses()) | set(grids.rivals(1))
    setup = prepare(TINY.scenarios[0].config(seeds=10, steps=4, objective={"name": "mle"}, lr=0.1))
    judge = Judge(setup.problem, 10)
    each = [judge.of_rival("mean_field", c).validation_nll for c in grids.rivals(5)["mean_field"]]
    assert found["mean_field"].validation_nll == min(each)
    assert found["mean_field"].setting == grids.rivals(5)["mean_field"][int(np.argmin(each))]


def planted(shift: float, scenarios: int = 6, seeds: int = 20) -> list[Outcome]:
    rng = np.random.default_rng(3)
    made = []
    for s in range(scenarios):
        luck = rng.normal(size=seeds)
        for method, gain in (("mle", 0.0), ("elbo", shift), ("selbo", 0.0)):
            nll = 0.6 + 0.1 * luck + 0.05 * rng.normal(size=seeds) - gain
            metrics = {"predictive_nll": nll, "accuracy": 0.8 - 0.3 * (nll - 0.6)}
            made.append(Outcome(f"s{s}", method, {}, 0.0, metrics))
    return made


def test_a_planted_difference_is_found_and_a_null_is_not():
    """Null comparisons: 12 in one family at level .05; with this seed none may be called different."""
    found = comparisons(planted(0.1))
    assert {c.verdict for (_, m, _), c in found.items() if m == "elbo"} == {Verdict.BETTER}
    assert {c.verdict for (_, m, _), c in found.items() if m == "selbo"} == {Verdict.NO_DIFFERENCE}
    words = " ".join(sentences(overall(found)))
    assert "ELBO against MLE, predictive test NLL (nats per example): better on average" in words
    worse = comparisons(planted(-0.1))
    assert {c.verdict for (_, m, _), c in worse.items() if m == "elbo"} == {Verdict.WORSE}


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


def test_the_report_is_one_file_with_its_data_beside_it(tmp_path, monkeypatch):
    monkeypatch.setitem(grids.GRIDS, "quick", TINY)
    seen = []
    path = run.reproduce("quick", tmp_path, progress=lambda what, share: seen.append((what, share)))
    checker = _Checker()
    checker.feed(path.read_text())
    assert checker.open == []
    assert checker.links == []
    assert seen[-1][1] == 1.0
    result = json.loads((tmp_path / "quick.json").read_text(), parse_constant=lambda n: pytest.fail(n))
    assert result["about"]["seeds"] == 10
    assert all(sentence in path.read_text() for sentence in result["conclusions"] if "<" not in sentence)
    with (tmp_path / "quick.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert {r["method"] for r in rows} >= {"mle", "elbo", "selbo", "exact_bayes", "logistic_regression"}


def test_an_unwritable_folder_is_said_before_anything_runs(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Choose another --out"):
        run.reproduce("quick", tmp_path / "file" / "x")
