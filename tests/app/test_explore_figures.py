"""Figures of the Explore page, as pure functions, and the small calculations beside them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from app.figures.curves import loss_curves
from app.figures.landscape import density_of_states, landscape_map, line_figure
from app.figures.palette import TOKENS
from app.figures.plain import plain, resolve
from app.figures.posterior import choose_strings, dependence_maps, posterior_scatter, top_strings_figure
from app.figures.spectrum import hidden_case, mmd_parts, spectrum_bars
from app.figures.sweep_map import sweep_figure
from app.figures.trainability import Curve, architecture_bars, architecture_curves, steepness, variance_curves
from app.jobs import Jobs
from app.numbers import digits
from app.views.explore.architecture import short
from app.views.explore.spectrum import by_order
from app.views.explore.sweep import fields_of, numbers
from qhn_core.analysis.spectrum import difference_by_order, hidden_from_bandwidth
from qhn_core.config import RunConfig
from qhn_core.errors import Unsupported
from qhn_core.kernels import HammingKernel

RNG = np.random.default_rng(3)


def checked(figure: dict[str, Any]) -> dict[str, Any]:
    """The figure, after Plotly's own validation in both themes and a trip through JSON."""
    for dark in (False, True):
        text = json.dumps(plain(resolve(figure, dark=dark)), allow_nan=False)
        assert "@" not in text
        go.Figure(json.loads(text))
    return figure


def drawn(figure: dict[str, Any], name: str) -> dict[str, Any]:
    return next(trace for trace in figure["data"] if trace.get("name") == name)


def test_strings_worth_drawing_hold_the_mass_of_both() -> None:
    posterior, q = RNG.dirichlet(np.full(2**14, 0.05), size=2)
    index = choose_strings(posterior, q, count=1500)
    assert len(index) < 4000
    assert len(set(index.tolist())) == len(index)
    for p in (posterior, q):
        assert set(np.argsort(-p)[:500]) <= set(index)
    assert (np.diff(posterior[index]) <= 0).all()
    assert len(choose_strings(posterior[:100], q[:100])) == 100


def test_scatter_clamps_what_a_log_axis_cannot_show() -> None:
    posterior, q = RNG.dirichlet(np.full(64, 0.3), size=2)
    q[:30] = 0.0
    figure = checked(posterior_scatter(posterior, q, None, objective="selbo", total=64))
    assert drawn(figure, "circuit")["y"].min() == 1e-12
    assert drawn(figure, "circuit")["marker"]["color"] == "#009E73"
    assert "all 64" in figure["layout"]["title"]["text"]
    checked(posterior_scatter(posterior, q, posterior, objective="mle", total=9999))


def test_top_strings_and_maps() -> None:
    p = np.array([0.5, 0.3, 0.0])
    figure = checked(
        top_strings_figure(["p1", "p2", "q1"], ["+−", "−+", "++"], posterior=p, q=p, mean_field=p, objective="elbo")
    )
    assert drawn(figure, "circuit")["x"] == ["p1", "p2", "q1"]
    matrix = np.array([[1.0, 0.25], [0.25, 1.0]])
    maps = checked(dependence_maps({"a": matrix, "b": 0 * matrix}, {"a": "KL"}, labels=["u", "v"]))
    assert [t["zmax"] for t in maps["data"]] == [0.25, 0.25], "one scale, without the diagonal"
    assert np.isnan(maps["data"][0]["z"][0, 0])


def test_landscape_line_and_density() -> None:
    x, y = np.linspace(-1, 1, 5), np.linspace(-2, 2, 3)
    path = np.array([[-0.5, 1.0], [0.0, 0.0]])
    figure = checked(landscape_map(x, y, np.zeros((3, 5)), title="t", objective="elbo", path=path))
    assert drawn(figure, "start")["x"] == [-0.5]
    assert drawn(figure, "here")["x"] == [0.0]
    line = checked(line_figure(np.array([0.0, 0.5, 1.0]), np.array([3.0, 2.0, 1.0]), objective="elbo"))
    assert drawn(line, "here")["y"] == [1.0]
    assert line_figure(np.zeros(0), np.zeros(0), objective="elbo")["layout"]["annotations"]
    mass = np.array([0.0, 0.4, 0.6])
    checked(density_of_states(np.arange(4.0), mass, mass, mass, objective="ksd", best=0.0, unit="cost"))


def test_spectra_and_the_hidden_case() -> None:
    kernel = HammingKernel(0.7)
    case = hidden_from_bandwidth(12)
    mmd2 = float(by_order(case.orders, kernel).sum())
    np.testing.assert_allclose(mmd2, kernel.mmd2(case.q, case.pi), rtol=1e-9)
    assert mmd2 < 2e-3 < 2.0 < case.kl, "small MMD, large KL"
    q, pi = RNG.dirichlet(np.ones(32)), np.full(32, 1 / 32)
    found = difference_by_order(q, pi)
    seen = by_order(found.weight, kernel)
    np.testing.assert_allclose(seen.sum(), kernel.mmd2(q, pi), rtol=1e-9)
    checked(spectrum_bars(found.share, found.share, found.share, objective="elbo", mean_order=1.3))
    assert "MMD² = 0.5" in checked(mmd_parts(seen, found.weight, objective="elbo", mmd2=0.5))["layout"]["title"]["text"]
    checked(hidden_case(case.orders, case.orders, kl=case.kl, mmd2=mmd2))


def test_trainability() -> None:
    curves = [
        Curve(loss, start, np.array([5.0, 9.0]), np.array([1e-3, 1e-5]), np.array([1e-4, 1e-6]))
        for loss in ("mle", "ksd")
        for start in ("uniform", "small")
    ]
    figure = checked(variance_curves(curves, against="N", labels={"mle": "MLE"}, here=5.0))
    names = [trace["name"] for trace in figure["data"] if trace.get("showlegend", True)]
    assert names == ["MLE", "ksd", "uniform", "small"]
    assert not checked(variance_curves([], against="N", labels={}, here=None))["data"]
    ratio = np.array([[1.0, 2.0], [0.1, np.nan]])
    checked(steepness(np.array([0, 1]), ratio, objective="mle", total=1))
    assert not steepness(np.zeros(0), np.zeros((0, 1)), objective="mle", total=1)["data"]


def test_architectures() -> None:
    shares = RNG.dirichlet(np.ones(3), size=(4, 5))
    figure = checked(architecture_curves(np.arange(4), shares, ["a", "b", "c"], total=3))
    np.testing.assert_allclose(drawn(figure, "b")["y"], np.median(shares[:, :, 1], axis=1))
    checked(architecture_bars(["a", "b"], np.array([0.3, 0.7]), np.array([0.5, 0.5]), objective="elbo"))
    assert short(("sign, 2-3-1, x", "relu, 2-3-1, x")) == ("sign", "relu")


def test_sweep_map_puts_each_cell_in_its_place_and_leaves_holes(contrast, mixed) -> None:
    axes = {"objective.beta": (0.1, 1), "ansatz.layers": (1, 2, 3)}
    rows = [{"objective.beta": 1, "ansatz.layers": 2, "mean": 0.5, "standard_error": 0.1, "seeds": 3}]
    figure = checked(sweep_figure(rows, axes, metric="loss"))
    z = figure["data"][0]["z"]
    assert z[1, 1] == 0.5
    assert np.isnan(z).sum() == 5
    low = rows[0] | {"objective.beta": 0.1, "mean": 0.25}
    for theme, tokens in TOKENS.items():
        (cells,) = resolve(sweep_figure([*rows, low], axes, metric="loss"), dark=theme == "dark")["data"]
        (_, accent), (_, paper) = cells["colorscale"]
        assert (accent, paper) == (tokens["@accent"], tokens["@paper"])
        for value in (0.25, 0.375, 0.5):
            share = (value - cells["zmin"]) / (cells["zmax"] - cells["zmin"])
            assert contrast(cells["textfont"]["color"], mixed(accent, paper, share)) >= 4.5
    line = checked(sweep_figure(rows, {"ansatz.layers": (1, 2, 3)}, metric="loss"))
    assert line["data"][0]["x"] == ["2"]
    assert sweep_figure([], axes, metric="loss")["layout"]["annotations"]
    unknown = checked(sweep_figure([row | {"mean": float("nan")} for row in rows], axes, metric="loss"))["data"][0]
    assert np.isfinite([unknown["zmin"], unknown["zmax"]]).all()
    assert not any(map(any, unknown["text"]))


def test_values_of_a_sweep() -> None:
    assert numbers("0.1, 1; 1 2e-3") == [0.1, 1, 0.002]
    for wrong in ("", "a", "1, x"):
        with pytest.raises(ValueError, match=r"not a number|no values"):
            numbers(wrong)
    assert {"objective.beta", "ansatz.layers", "dataset.n_train"} <= set(fields_of(RunConfig()))


def test_ksd_is_drawn_in_its_own_unit_without_the_evidence() -> None:
    steps, history = np.arange(3), {name: np.ones((3, 2)) for name in ("loss", "term_ksd", "elbo")}
    for name, curves, unit in (
        ("ksd", {"loss"}, "no unit"),
        ("mle", {"loss", "−ELBO", "−log p(D)"}, "nats"),
    ):
        figure = checked(loss_curves(steps, history, objective=name, log_evidence=-9.0))
        assert {t["name"] for t in figure["data"] if not t["name"].endswith("%")} == curves
        assert unit in figure["layout"]["yaxis"]["title"]["text"]


def test_digits() -> None:
    assert [digits(v) for v in (0.0, 1.234, -12.34, 123456789.0, 1e-9, np.nan)] == [
        *("0", "1.23", "−12.3", "1.2e+08", "1e−09", "–"),
    ]


def test_a_newer_version_waits_and_the_last_result_stays_in_view() -> None:
    import threading

    jobs, gate = Jobs(), threading.Event()

    def slow(watch: Any) -> str:
        gate.wait(10)
        return "two"

    assert jobs.follow(("k",), 1, lambda watch: "one").result == "one"
    shown = jobs.follow(("k",), 2, slow)
    assert (shown.result, shown.stale) == ("one", True)
    assert jobs.follow(("k",), 3, lambda watch: "three").result == "one", "no third is begun meanwhile"
    gate.set()
    pending = jobs.known(("k", 2))
    assert pending is not None
    assert pending.done.wait(10)
    last = jobs.follow(("k",), 3, lambda watch: "three")
    assert (last.result, last.stale) == ("three", False)


def test_what_cannot_be_calculated_says_why() -> None:
    def refuse(watch: Any) -> None:
        raise Unsupported("because")

    assert Jobs().get(("r",), refuse, patience=5.0).message == "because"
