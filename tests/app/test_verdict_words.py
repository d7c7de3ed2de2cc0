"""The verdict in words: what a person would say, and nothing that was not shown."""

from __future__ import annotations

import numpy as np
import pytest

from app.controls import rate_text
from app.figures.race import Style
from app.views.compare.data import Lane
from app.views.compare.sentences import headlines, p_text, sentence
from qhn_core.analysis.statistics import Comparison, Verdict
from qhn_core.studies.race.memory import RaceRows

GOOD, BAD, NONE, FEW = Verdict.BETTER, Verdict.WORSE, Verdict.NO_DIFFERENCE, Verdict.TOO_FEW


def comparison(metric: str, verdict: Verdict, contender: str = "ELBO β=1") -> Comparison:
    return Comparison(metric, contender, "MLE", 20, -0.0351, -0.0502, -0.0204, -1.1, 0.0004, 0.0031, verdict)


def test_the_headline_is_what_a_person_would_say() -> None:
    found = [
        comparison("predictive_nll_test", NONE),
        comparison("accuracy_test", NONE),
        comparison("gap", GOOD),
        comparison("kl_posterior", GOOD),
    ]
    assert headlines(found) == [
        "ELBO β=1 overfits less and lies nearer the posterior than MLE; that it predicts better was not shown."
    ]


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ({"predictive_nll_test": GOOD, "accuracy_test": NONE}, "ELBO β=1 predicts better than MLE."),
        ({"predictive_nll_test": BAD, "gap": GOOD}, "ELBO β=1 overfits less, but predicts worse than MLE."),
        (
            {"predictive_nll_test": GOOD, "accuracy_test": BAD, "success": BAD},
            "ELBO β=1 puts less of its mass near the optimum than MLE; that it predicts better was not shown.",
        ),
        (
            {"cost_gap": BAD, "success": GOOD, "gap": NONE},
            "ELBO β=1 puts more of its mass near the optimum, but draws networks of higher training cost than MLE; "
            "that it predicts better was not shown.",
        ),
        (
            {"cost_gap": BAD, "success": NONE, "kl_posterior": GOOD},
            "ELBO β=1 lies nearer the posterior, but draws networks of higher training cost than MLE; "
            "that it predicts better was not shown.",
        ),
        (
            {"predictive_nll_test": GOOD, "accuracy_test": BAD},
            "ELBO β=1 against MLE: better in predictive NLL, test, worse in accuracy, test; "
            "that it predicts better was not shown.",
        ),
        ({"gap": NONE}, "ELBO β=1 differs from MLE in nothing that matters here, as far as these seeds can show."),
        ({"gap": FEW}, "ELBO β=1 against MLE: 20 independent seeds are too few to say anything."),
    ],
)
def test_headlines_claim_only_what_was_shown(verdicts: dict[str, Verdict], said: str) -> None:
    assert headlines([comparison(metric, verdict) for metric, verdict in verdicts.items()]) == [said]


def test_every_contender_has_its_own() -> None:
    found = [comparison("gap", GOOD), comparison("gap", BAD, "SELBO λ=1")]
    assert headlines(found) == [
        "ELBO β=1 overfits less than MLE; that it predicts better was not shown.",
        "SELBO λ=1 overfits more than MLE; that it predicts better was not shown.",
    ]


def test_a_comparison_names_its_metric_as_the_tables_do() -> None:
    text = sentence(comparison("predictive_nll_test", GOOD))
    assert text.startswith("**Predictive NLL, test:** ELBO β=1 is better than MLE (difference −0.035 nats per example,")
    assert "corrected p ≤ 0.0031," in text
    assert "_" not in text
    assert "(exploratory)" in sentence(comparison("gap", GOOD), exploratory=True)


@pytest.mark.parametrize(
    ("p", "said"),
    [
        (1.0, "p > 0.99"),
        (0.5, "p ≤ 0.50"),
        (0.15, "p ≤ 0.15"),
        (0.1501, "p ≤ 0.16"),
        (0.0123, "p ≤ 0.013"),
        (0.0031, "p ≤ 0.0031"),
        (0.00005, "p ≤ 0.00005"),
    ],
)
def test_p_is_a_bound_that_holds(p: float, said: str) -> None:
    assert p_text(p) == said


def test_a_rate_is_known_from_the_second_logged_step_on() -> None:
    def lane(steps: list[int], seconds: list[float]) -> Lane:
        return Lane(
            "MLE", Style("#000", "solid", "circle"), RaceRows(np.array(steps), np.array(seconds), {}), len(steps) - 1
        )

    assert rate_text(lane([], []).rate) == rate_text(lane([0], [0.6]).rate) == "–"
    assert rate_text(lane([0, 49], [0.6, 2.0]).rate) == "25"
