"""Figures: valid for Plotly in both themes, honest about ends and extremes, and small."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from app import figures
from app.figures.circuit import columns
from app.figures.lesson import bars_figure, lines_figure
from app.figures.palette import TOKENS
from app.figures.plain import to_json
from app.figures.race import styles
from app.figures.race_weights import race_weights
from qhn_core.ansatze import ANSATZE
from qhn_core.lessons.outcome import Bars, Lines, Series
from qhn_core.objectives import OBJECTIVES, objective

RNG = np.random.default_rng(0)
STEPS = np.arange(40)
HISTORY = {
    name: RNG.normal(size=(40, 5)) ** 2
    for name in ("loss", "term_nll", "term_kl", "elbo", "predictive_nll_train", "predictive_nll_test", "accuracy_train")
} | {"accuracy_test": RNG.random((40, 5)), "nll_train": np.ones((40, 5)), "nll_test": np.full((40, 5), np.nan)}
BITS = RNG.integers(0, 2, size=(6, 13)).astype(np.uint8)
LABELS = [f"w{i}" for i in range(13)]
GRID = np.linspace(-1, 1, 8)
POINTS = RNG.normal(size=(20, 2))


def boundary(classes: int) -> figures.Figure:
    proba = RNG.dirichlet(np.ones(classes), size=(8, 8))
    y = RNG.integers(0, classes, 20)
    return figures.decision_boundary(
        GRID,
        GRID,
        proba,
        x_train=POINTS,
        y_train=y,
        x_test=POINTS,
        y_test=y,
        class_names=[str(c) for c in range(classes)],
        doubt=RNG.random((8, 8)) / 2,
    )


FIGURES = {
    "loss": lambda: figures.loss_curves(STEPS, HISTORY, objective="elbo", n_train=20, log_evidence=-9.0),
    "loss, first step": lambda: figures.loss_curves(
        STEPS[:1], {k: v[:1] for k, v in HISTORY.items()}, objective="selbo", log_evidence=-9.0, total=250
    ),
    "loss, nothing": lambda: figures.loss_curves(STEPS[:0], {}, objective="mle"),
    "gap": lambda: figures.gap_curves(STEPS, HISTORY, objective="mle"),
    "gap, no test data": lambda: figures.gap_curves(STEPS, HISTORY, objective="mle", metric="expected"),
    "weights": lambda: figures.weight_rows(
        BITS,
        np.array([9, 5, 3, 2, 1, 1]),
        shots=21,
        labels=LABELS,
        objective="ksd",
        probs=np.full(6, 0.1),
        posterior=np.full(6, 0.2),
    ),
    "weights, drawn only": lambda: figures.weight_rows(
        BITS, np.ones(6, dtype=int), shots=6, labels=LABELS, objective="mle"
    ),
    "marginals": lambda: figures.marginal_bars(
        RNG.random(13), labels=LABELS, objective="mle", posterior=RNG.random(13), prior=np.full(13, 0.3)
    ),
    "boundary": lambda: boundary(2),
    "boundary, three classes": lambda: boundary(3),
    "confusion": lambda: figures.confusion(np.array([[9.5, 0.5], [2.0, 8.0]]), class_names=["a", "b"]),
    "costs": lambda: figures.cost_histogram(RNG.random(16), np.full(16, 1 / 16), objective="mle"),
    "costs, drawn": lambda: figures.cost_histogram(RNG.random(16), None, objective="mle", drawn=RNG.random(50)),
    "costs, all alike": lambda: figures.cost_histogram(np.ones(4), None, objective="mle"),
    "circuit": lambda: figures.circuit_diagram(
        ANSATZE.make("iqp", layers=2).build(5).gates, 5, theta=RNG.random(200), labels=LABELS
    ),
}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", FIGURES)
def test_plotly_accepts_every_figure(name: str, dark: bool) -> None:
    """Plotly's own validation refuses unknown properties and values; no token may be left."""
    import plotly.graph_objects as go

    figure = figures.resolve(FIGURES[name](), dark=dark)
    go.Figure(figure)
    text = json.dumps(figures.plain(figure), allow_nan=False)
    assert json.loads(to_json(figure)) == json.loads(text), "the fast way and the slow one"
    assert not re.findall(r'"@[a-z]+"', text)


def test_both_themes_name_the_same_tokens_and_text_has_contrast(contrast) -> None:
    assert TOKENS["light"].keys() == TOKENS["dark"].keys()
    for theme in TOKENS.values():
        assert contrast(theme["@ink"], theme["@paper"]) >= 7
        assert contrast(theme["@muted"], theme["@paper"]) >= 4.5


def test_losses_and_classes_have_different_colours() -> None:
    colours = [figures.loss_colour(name) for name in OBJECTIVES.names()]
    assert not set(colours) & set(figures.CLASSES)
    assert len(set(colours)) == len(colours)


@given(
    values=arrays(np.float64, st.integers(0, 5000), elements=st.floats(-1e6, 1e6)),
    limit=st.integers(4, 800),
)
@settings(max_examples=60, deadline=None)
def test_thinned_curves_keep_ends_and_extremes(values: np.ndarray, limit: int) -> None:
    keep = figures.thin(values, limit)
    assert len(keep) <= max(limit, 4)
    assert (np.diff(keep) > 0).all()
    if len(values):
        assert keep[0] == 0
        assert keep[-1] == len(values) - 1
        assert values[keep].min() == values.min()
        assert values[keep].max() == values.max()


def test_long_histories_stay_small() -> None:
    long = {name: np.tile(value, (2500, 1)) for name, value in HISTORY.items()}
    figure = figures.loss_curves(np.arange(100_000), long, objective="elbo", log_evidence=-9.0)
    assert max(len(trace["x"]) for trace in figure["data"]) <= 800
    assert len(json.dumps(figures.plain(figure))) < 250_000


@given(
    value=arrays(
        np.float64, st.integers(1, 30), elements=st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True)
    )
)
@settings(max_examples=80, deadline=None)
def test_plain_arrays_keep_five_digits_and_drop_what_json_cannot_say(value: np.ndarray) -> None:
    out = figures.plain({"y": value})["y"]
    assert json.loads(to_json({"y": value})) == {"y": out}
    for one, other in zip(value, out, strict=True):
        if np.isfinite(one):
            assert other == pytest.approx(one, rel=1e-4)
        else:
            assert other is None


@pytest.mark.parametrize("name", ANSATZE.names())
@pytest.mark.parametrize("n_qubits", [1, 2, 5])
def test_no_gates_overlap_in_a_diagram(name: str, n_qubits: int) -> None:
    """Each gate has its wires, and those between them, for itself in its column; order on every wire is kept."""
    try:
        circuit = ANSATZE.make(name).build(n_qubits)
    except ValueError:
        assert n_qubits == 1
        return
    placed = columns(circuit.gates, n_qubits)
    taken: set[tuple[int, int]] = set()
    last = dict.fromkeys(range(n_qubits), -1)
    for gate, column in zip(circuit.gates, placed, strict=True):
        for wire in range(min(gate.wires), max(gate.wires) + 1):
            assert (wire, column) not in taken
            taken.add((wire, column))
            assert column > last[wire]
            last[wire] = column


def test_a_diagram_draws_every_gate() -> None:
    circuit = ANSATZE.make("linear", layers=3).build(13)
    figure = figures.circuit_diagram(circuit.gates, 13)
    count = {trace["name"]: len(trace["x"]) for trace in figure["data"]}
    assert count["RY"] == count["RZ"] == 39
    assert count["targets"] == count["controls"] == 36


def test_the_gap_is_test_minus_train() -> None:
    history = {"predictive_nll_train": np.full((3, 2), 0.4), "predictive_nll_test": np.full((3, 2), 0.65)}
    figure = figures.gap_curves(np.arange(3), history, objective="elbo")
    assert "+0.250" in figure["layout"]["title"]["text"]
    train, test = figure["data"]
    assert (train["line"]["dash"], test["line"]["dash"]) == ("solid", "dash")
    assert test["fill"] == "tonexty"
    history["predictive_nll_test"][1] = 0.5
    back = figures.gap_curves(np.arange(0, 30, 10), history, objective="elbo", at=10)["layout"]["title"]["text"]
    assert "+0.100" in back, "that of the step looked at, as the tiles beside it"
    assert "step 10" in back


def test_a_weight_at_one_half_is_seen_on_both_sides_of_the_mark_over_it() -> None:
    values = np.array([0.5, 0.2, 0.51])
    labels, posterior = LABELS[:3], np.full(3, 0.5)
    figure = figures.marginal_bars(values, labels=labels, objective="mle", posterior=posterior)
    look = {"ELBO": styles(["elbo"])[0]}
    race = race_weights({"ELBO": values}, look, labels=labels, posterior=posterior, title="t")
    plot = 200.0  # pixels from 0 to 1
    for bars, mark in (figure["data"], race["data"]):
        ends = np.sort(np.stack([bars["base"], bars["base"] + bars["y"]]), axis=0)
        covered = mark["marker"]["line"]["width"] / 2.0
        assert plot * np.abs(ends[:, 0] - 0.5).min() > covered + 1.5
        assert ends[:, 1] == pytest.approx([0.2, 0.5])
        assert 0.51 < ends[1, 2] < 0.51 + 0.025, "higher by what it lacks in height"
        assert list(bars["customdata"]) == list(values)
    assert all(shape["layer"] == "below" for shape in figure["layout"]["shapes"])


def test_the_evidence_line_is_per_example_and_named() -> None:
    figure = figures.loss_curves(STEPS, HISTORY, objective="elbo", n_train=20, log_evidence=-9.0)
    limit = next(trace for trace in figure["data"] if trace["name"] == "−log p(D)")
    assert limit["y"] == pytest.approx([0.45, 0.45])
    assert "log p(D)" in figure["layout"]["annotations"][0]["text"]


def test_only_what_bounds_the_evidence_is_drawn_as_its_bound() -> None:
    tempered = figures.loss_curves(STEPS, HISTORY, objective="elbo", n_train=20, log_evidence=-9.0)
    lines = {trace["name"]: trace for trace in tempered["data"]}
    assert lines["−ELBO"]["line"]["color"] == lines["−log p(D)"]["line"]["color"] == figures.INK
    assert lines["loss"]["line"]["color"] != figures.INK
    assert "not itself a bound" in tempered["layout"]["title"]["text"]
    bound = figures.loss_curves(STEPS, HISTORY, objective="elbo", n_train=20, log_evidence=-9.0, bounds=True)
    assert "−ELBO" not in {trace["name"] for trace in bound["data"]}, "it is the loss itself"
    assert "not itself a bound" not in bound["layout"]["title"]["text"]
    assert "loss = −ELBO" in bound["layout"]["annotations"][0]["text"]
    assert [objective("elbo", beta=beta).bounds_evidence for beta in (1.0, 0.3)] == [True, False]
    assert not objective("selbo").bounds_evidence


def test_the_name_of_the_evidence_line_keeps_clear_of_the_curves() -> None:
    """Few points: what lies between them is a curve too. "fit" falls to the level and then rises through it."""
    steps, flat = np.array([0, 50, 100]), np.full((3, 1), 2.0)
    fit = np.array([0.9, -0.1, 0.9])[:, None]
    history = {"loss": flat, "term_nll": fit, "term_kl": flat, "elbo": -20.0 * flat}
    figure = figures.loss_curves(steps, history, objective="elbo", n_train=20, log_evidence=-10.0)
    note = figure["layout"]["annotations"][0]
    right = note["x"] if note["xanchor"] == "right" else note["x"] + 0.34
    height = 0.16 * 2.1 * (1 if note["yanchor"] == "bottom" else -1)
    low, high = sorted((0.5, 0.5 + height))
    inside = np.linspace(right - 0.34, right, 50) * 100
    passing = np.interp(inside, steps, fit[:, 0])
    assert not ((passing >= low) & (passing <= high)).any()


@pytest.mark.parametrize("metric", ["predictive", "accuracy", "expected"])
def test_estimates_have_a_band_and_say_so(metric: str) -> None:
    one = {name: np.abs(value[:, :1]) for name, value in HISTORY.items()}
    one["nll_test"] = one["nll_train"] + 1
    errors = {f"{name}_se": np.full((40, 1), 0.25) for name in one}
    loss = figures.loss_curves(STEPS, one | errors, objective="elbo", draws=2048)
    gap = figures.gap_curves(STEPS, one | errors, objective="elbo", metric=metric, draws=2048)
    for figure, count in ((loss, 1), (gap, 2)):
        assert "estimated from 2,048 draws" in str(figure["layout"])
        assert "± 1 standard error" in figure["layout"]["xaxis"]["title"]["text"]
        upper = [trace for trace in figure["data"] if trace["name"] == "+ s.e."]
        lower = [trace for trace in figure["data"] if trace["name"] == "− s.e."]
        assert len(upper) == len(lower) == count
        assert upper[0]["y"] - lower[0]["y"] == pytest.approx(0.5)
    point = {name: value[:1] for name, value in (one | errors).items()}
    single = figures.loss_curves(STEPS[:1], point, objective="elbo", draws=2048)
    assert single["data"][0]["error_y"]["array"] == pytest.approx([0.25])


def test_exact_curves_and_several_starts_have_no_band_of_errors() -> None:
    several = HISTORY | {"loss_se": np.full((40, 5), 0.25)}
    for history in (HISTORY, several):
        figure = figures.loss_curves(STEPS, history, objective="elbo")
        assert not [trace for trace in figure["data"] if "s.e." in trace["name"]]
        assert "standard error" not in str(figure["layout"])


def test_tied_predictions_are_shared_in_the_confusion_matrix() -> None:
    proba = np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]])
    matrix = figures.confusion_counts(proba, np.array([0, 0, 1]))
    assert matrix.tolist() == [[1.5, 0.5], [0.0, 1.0]]


@given(bits=arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.integers(0, 1)))
def test_wire_0_is_the_most_significant_bit(bits: np.ndarray) -> None:
    expected = [int("".join(map(str, row)), 2) for row in bits]
    assert figures.index_of(bits).tolist() == expected


def _caption(figure: dict) -> str:
    return str(figure["layout"]["xaxis"]["title"]["text"])


def test_the_gap_that_is_told_is_the_median_of_the_starts_own() -> None:
    """Of three starts: the medians of train and test lie 0 apart, the starts' own gaps are 1, 2 and −3."""
    train = np.array([[0.0, 1.0, 4.0]]).repeat(3, axis=0)
    history = {"predictive_nll_train": train, "predictive_nll_test": train + np.array([1.0, 2.0, -3.0])}
    title = figures.gap_curves(np.arange(3), history, objective="elbo")["layout"]["title"]["text"]
    assert "Median generalisation gap +1.000" in title
    one = {name: values[:, :1] for name, values in history.items()}
    assert (
        "<b>Generalisation gap +1.000"
        in figures.gap_curves(np.arange(3), one, objective="elbo")["layout"]["title"]["text"]
    )


def test_curves_of_several_starts_say_so_and_those_of_one_do_not() -> None:
    one = {name: value[:, :1] for name, value in HISTORY.items()}
    for draw, said in (
        (figures.loss_curves, "median of 5 starts, band: middle 80 %"),
        (figures.gap_curves, "median of 5 starts, each by itself"),
    ):
        assert said in _caption(draw(STEPS, HISTORY, objective="elbo"))
        assert _caption(draw(STEPS, one, objective="elbo")) == "step"


def test_weighted_terms_are_called_so() -> None:
    for name, term, said in (("elbo", "kl", "β·KL"), ("selbo", "mmd", "λ·MMD²")):
        history = {key: np.ones((3, 2)) for key in ("loss", "term_nll", f"term_{term}")}
        figure = figures.loss_curves(np.arange(3), history, objective=name)
        assert {"fit", said} < {trace["name"] for trace in figure["data"]}


def test_a_median_of_the_evidence_is_called_so() -> None:
    history = {name: np.ones((3, 2)) for name in ("loss", "elbo")}
    for several in (False, True):
        figure = figures.loss_curves(np.arange(3), history, objective="elbo", log_evidence=-9.0, several_data=several)
        assert ("−log p(D): median of the draws" in _caption(figure)) is several


def test_names_of_bars_are_broken_where_they_fit_and_turned_whole_where_they_do_not() -> None:
    few, many = ("−−+−+−", "Exact Bayes"), tuple(f"MLE/SELBO train {k}" for k in range(12))
    for names, shown in ((few, ["−\u2004−\u2004+\u2004−\u2004+<br>−", "Exact<br>Bayes"]), (many, list(many))):
        figure = bars_figure(Bars("T", "x", "y", names, {"q": np.ones(len(names))}, ("ink",)))
        assert figure["data"][0]["x"] == shown
        assert figure["layout"]["xaxis"]["tickangle"] == (0 if names is few else -35)


@pytest.mark.parametrize(("low", "apart"), [(0.3, None), (0.01, 1), (1e-13, 3)])
def test_a_logarithmic_axis_has_few_marks(low: float, apart: int | None) -> None:
    y = np.array([low, 1.0])
    picture = Lines("T", "x", "y", [Series("s", np.array([1.0, 2.0]), y, "ink")], log_y=True)
    assert lines_figure(picture)["layout"]["yaxis"].get("dtick") == apart
