"""Figures of a race as pure functions of arrays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.figures.dependence import dependence_matrices
from app.figures.evidence import evidence_ceiling
from app.figures.race import Side, View, short_names, styles
from app.figures.race_curves import ends, race_curves
from app.figures.race_weights import race_weights

STEPS = np.arange(5.0)


def test_a_second_contender_of_one_loss_has_its_colour_but_another_dash_and_marker() -> None:
    mle, first, second = styles(["mle", "elbo", "elbo"])
    assert first.colour == second.colour != mle.colour
    assert first.dash != second.dash
    assert first.symbol != second.symbol


def test_the_ends_of_the_band_leave_nan_out() -> None:
    values = np.array([[1.0, 2.0, 3.0, np.nan], [np.nan] * 4])
    low, high = ends(values)
    assert (low[0], high[0]) == pytest.approx((1.2, 2.8))
    assert np.isnan([low[1], high[1]]).all()


def test_the_mark_stands_where_the_step_is_and_rivals_are_named() -> None:
    side = Side("MLE", styles(["mle"])[0], STEPS, STEPS[:, None] * np.ones(3), at=2)
    figure = race_curves([side], title="t", unit="u", view=View(total=4, step=2.0), levels={"Exact Bayes": 1.5})
    mark = next(trace for trace in figure["data"] if trace["mode"] == "markers")
    assert (mark["x"], mark["y"]) == ([2.0], [2.0])
    assert [shape["x0"] for shape in figure["layout"]["shapes"] if shape.get("yref") == "paper"] == [2.0]
    (name,) = figure["layout"]["annotations"]
    assert (name["text"], name["x"], name["xanchor"]) == ("Exact Bayes", 1, "left"), "not on the curves"
    assert figure["layout"]["margin"]["r"] > 60


def test_names_of_rivals_do_not_touch() -> None:
    side = Side("MLE", styles(["mle"])[0], STEPS, STEPS[:, None] * np.ones(3))
    levels = {"Best string": 3.0, "Exact Bayes": 3.01, "Mean-field Bernoulli": 3.99, "Logistic regression": 4.0}
    for log in (False, True):
        figure = race_curves([side], title="t", unit="u", view=View(log_y=log), levels=levels)
        places = {note["text"]: note["y"] for note in figure["layout"]["annotations"]}
        assert list(places) == ["Best string", "Exact Bayes", "Mean-field", "Logistic"]
        reach = float(np.log10(4.0)) if log else 4.0
        assert min(np.diff(list(places.values()))) > 0.12 * reach
        assert max(places.values()) <= reach + 1e-9


@pytest.mark.parametrize("log_x", [False, True])
def test_over_seconds_each_contender_has_a_line_of_its_own(log_x: bool) -> None:
    mle, elbo = styles(["mle", "elbo"])
    values = STEPS[:, None] * np.ones(3)
    drawn = [Side("MLE", mle, 0.1 * STEPS, values, at=2), Side("ELBO", elbo, 0.3 * STEPS, values, at=2)]
    shapes = race_curves(drawn, title="t", unit="u", view=View("seconds", log_x, step=2.0))["layout"]["shapes"]
    lines = [(shape["x0"], shape["x1"], shape["line"]["color"]) for shape in shapes]
    assert lines == [(0.2, 0.2, mle.colour), (0.6, 0.6, elbo.colour)]
    assert not race_curves(drawn, title="t", unit="u", view=View("seconds"))["layout"]["shapes"]


def test_the_arrow_of_the_gap_stands_at_the_step_on_a_log_axis_too() -> None:
    side = Side("ELBO", styles(["elbo"])[0], 25.0 * STEPS, -15.0 * np.ones((5, 2)), at=4)
    figure = evidence_ceiling([side], log_evidence=-10.0, kl={"ELBO": 5.0}, view=View(log_x=True), shifted=False)
    (arrow,) = (note for note in figure["layout"]["annotations"] if note.get("showarrow"))
    assert arrow["x"] == arrow["ax"] == pytest.approx(2.0)


def test_long_names_are_cut_in_the_legend_and_two_rows_get_room() -> None:
    titles = ["MLE", "ELBO β=1 · SGD 0.5 momentum 0.3", "SELBO λ=1", "KSD"]
    looks = styles(["mle", "elbo", "selbo", "ksd"])
    drawn = [Side(title, look, STEPS, STEPS[:, None]) for title, look in zip(titles, looks, strict=True)]
    long = race_curves(drawn, title="t", unit="u", view=View(total=4))
    names = [trace["name"] for trace in long["data"] if trace["mode"] == "lines"]
    assert names == ["MLE", "ELBO β=1 · SGD 0.5…", "SELBO λ=1", "KSD"]
    short = race_curves(drawn[::2], title="t", unit="u", view=View(total=4))
    assert long["layout"]["margin"]["t"] > short["layout"]["margin"]["t"]
    evidence = evidence_ceiling(drawn, log_evidence=9.0, kl=dict.fromkeys(titles, 1.5), view=View(), shifted=False)
    assert "ELBO β=1 · SGD 0.5…: KL 1.50" in [trace["name"] for trace in evidence["data"]]
    names = {title: np.full(2, 0.5) for title in titles}
    looks = dict(zip(titles, looks, strict=True))
    weights = [
        race_weights(dict(list(names.items())[:k]), looks, labels=["w0", "w1"], posterior=None, title="t")
        for k in (2, 4)
    ]
    assert weights[1]["layout"]["margin"]["t"] > weights[0]["layout"]["margin"]["t"]
    assert short_names([f"{'x' * 20}{k}" for k in range(2)]) == [f"{'x' * 20}{k}" for k in range(2)]


def test_log_axis_leaves_out_what_is_not_positive() -> None:
    side = Side("MLE", styles(["mle"])[0], STEPS, (STEPS - 1.0)[:, None])
    figure = race_curves([side], title="t", unit="u", view=View(log_y=True, total=4))
    curve = next(trace for trace in figure["data"] if trace["mode"] == "lines")
    assert figure["layout"]["yaxis"]["type"] == "log"
    np.testing.assert_array_equal(np.isnan(curve["y"]), [True, True, False, False, False])


@pytest.mark.parametrize("at", [1, -1])
def test_gap_under_the_ceiling_is_labelled_with_the_kl(at: int) -> None:
    elbo = -10.0 - (5.0 - STEPS)[:, None] * np.ones(2)
    kl = float(-elbo[at, 0] - 10.0)
    side = Side("ELBO", styles(["elbo"])[0], STEPS, elbo, at=at)
    figure = evidence_ceiling([side], log_evidence=-10.0, kl={"ELBO": kl}, view=View(total=4), shifted=False)
    notes = figure["layout"]["annotations"]
    assert any(note["text"] == f"median KL(q‖posterior) = {kl:.2f} nats" for note in notes)
    arrow = next(note for note in notes if note.get("showarrow"))
    assert arrow["y"] - arrow["ay"] == pytest.approx(kl)


def test_matrices_share_one_scale() -> None:
    weak, strong = np.full((2, 2), 0.1), np.full((2, 2), 0.6)
    figure = dependence_matrices({"a": (weak, 0.1), "b": (strong, 1.0)}, labels=["w0", "w1"])
    assert [trace["zmax"] for trace in figure["data"]] == [0.6, 0.6]
    assert not race_curves([], title="t", unit="", view=View())["data"]


def caption(figure: dict) -> str:
    return str(figure["layout"]["xaxis"]["title"]["text"])


def test_curves_of_several_starts_say_what_line_and_band_are() -> None:
    several = Side("MLE", styles(["mle"])[0], STEPS, STEPS[:, None] * np.linspace(1, 2, 11))
    figure = race_curves([several], title="t", unit="u", view=View())
    assert "median of 11 starts, band: middle 80 %" in caption(figure)
    low, high = (next(t["y"] for t in figure["data"] if t["name"] == name) for name in ("10 %", "90 %"))
    assert (low[-1], high[-1]) == pytest.approx((4 * 1.1, 4 * 1.9))
    rivals = race_curves([several], title="t", unit="u", view=View(), levels={"Exact Bayes": 1.5})
    assert "median of 11 starts (rivals too), band" in caption(rivals)
    assert caption(race_curves([several], title="t", unit="u", view=View(seeds=True))).endswith("11 starts</span>")
    one = replace(several, values=STEPS[:, None])
    assert caption(race_curves([one], title="t", unit="u", view=View())) == "step"


def test_the_arrow_under_the_ceiling_is_as_long_as_it_says() -> None:
    """Three starts whose mean KL, 4, is not their median, 2."""
    kl = np.array([1.0, 2.0, 9.0])
    side = Side("ELBO", styles(["elbo"])[0], STEPS, -10.0 - np.ones((5, 1)) * kl)
    median = {"ELBO": float(np.median(kl))}
    figure = evidence_ceiling([side], log_evidence=-10.0, kl=median, view=View(total=4), shifted=False)
    arrow, label = figure["layout"]["annotations"][-2:]
    assert label["text"] == f"median KL(q‖posterior) = {arrow['y'] - arrow['ay']:.2f} nats"
    assert "ELBO: median KL 2.00" in [trace["name"] for trace in figure["data"]]
