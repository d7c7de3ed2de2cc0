"""Figures of shots, devices and noise: what they show, what they call it, and whether it can be read."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from app import figures
from app.figures import devices, noise, shots
from app.figures.palette import TOKENS

VALUES = np.random.default_rng(1).normal(0.69, 0.01, 200)
LINE: dict[str, Any] = {"title": "MLE", "unit": "nats", "colour": "#D55E00"}


@pytest.mark.parametrize("n_bits", [1, 4, 5, 11])
@pytest.mark.parametrize("kind", ["uniform", "spread", "few"])
def test_the_likeliest_strings_are_those_of_a_full_sort(n_bits: int, kind: str) -> None:
    rng = np.random.default_rng(n_bits)
    size = 2**n_bits
    ideal = {
        "uniform": np.full(size, 1 / size),
        "spread": rng.dirichlet(np.ones(size)),
        "few": np.eye(1, size, size // 2)[0],
    }[kind]
    seen = rng.dirichlet(np.ones(size))
    expected = np.lexsort((-seen, -np.round(ideal, 9)))[: shots.TOP]
    np.testing.assert_array_equal(shots.shown_strings(ideal, seen), expected)
    assert len(shots.shown_strings(ideal)) == min(size, shots.TOP)


def named(figure: figures.Figure, start: str) -> dict[str, Any]:
    """The trace whose name begins so."""
    return next(trace for trace in figure["data"] if str(trace["name"]).startswith(start))


@pytest.mark.parametrize("shown", ["infinite", "finite"])
def test_a_noisy_device_keeps_its_own_value_at_any_number_of_shots(shown: str) -> None:
    finite = shown == "finite"
    values = VALUES if finite else np.zeros(0)
    figure = shots.estimate_spread(values, 0.563, shots=1024 if finite else None, device_value=0.69, **LINE)
    go.Figure(figures.resolve(figure))
    assert named(figure, "device 0.69")["x"].tolist() == [0.69, 0.69]
    assert named(figure, "ideal 0.563")["x"].tolist() == [0.563, 0.563]
    low, high = figure["layout"]["xaxis"]["range"]
    assert low < 0.563 < 0.69 < high
    text = " ".join(note["text"] for note in figure["layout"]["annotations"])
    assert "exact" not in text
    assert ("device's" in text) is not finite


def test_the_ideal_device_at_infinity_is_exact() -> None:
    figure = shots.estimate_spread(np.zeros(0), 0.563, shots=None, **LINE)
    assert "the exact value" in figure["layout"]["annotations"][0]["text"]
    assert [trace["name"] for trace in figure["data"]] == ["exact 0.563"]


@pytest.mark.parametrize("exact", [0.69, 0.6901, 0.5])
def test_lines_of_the_dial_are_named_where_nothing_covers_them(exact: float) -> None:
    figure = shots.estimate_spread(VALUES, exact, shots=1024, **LINE)
    assert figure["layout"]["showlegend"]
    assert not figure["layout"]["annotations"], "names beside lines collide where the values are close"
    assert [t["name"] for t in figure["data"] if t.get("showlegend", True)] == [f"exact {exact:.3g}", "mean"]


def test_draws_that_stand_for_a_device_are_called_draws() -> None:
    q = np.full(8, 1 / 8)
    figure = shots.string_histogram(q, q, shots=64, title="", expected=q, expected_name="4,096 device draws")
    names = [trace["name"] for trace in figure["data"]]
    assert names == ["drawn", "exact q", "4,096 device draws"]
    assert figure["layout"]["yaxis"]["title"]["text"] == "% of draws"
    assert "draws" not in shots.string_histogram(q, q, shots=None, title="")["layout"]["yaxis"]["title"]["text"]


def axis_texts(figure: figures.Figure) -> str:
    return " ".join(figure["layout"][a]["title"]["text"] for a in ("xaxis", "yaxis"))


@pytest.mark.parametrize("name", ["ksd", "mle"])
def test_only_losses_in_nats_have_axes_in_nats(name: str) -> None:
    grid = np.array([0.0, 0.1])
    drawn = [
        noise.noise_curve(grid, grid, objective=name),
        devices.device_loss(np.arange(2), np.ones((2, 1)), objective=name, title="", total=2),
        shots.gradient_noise(grid, grid, one=None, title="", objective=name, shots=64),
    ]
    for figure in drawn:
        assert ("nats" in axis_texts(figure)) is (name == "mle")
        assert ("no unit" in axis_texts(figure)) is (name == "ksd")
        assert figure["layout"]["yaxis"]["exponentformat"] == "power", "500µ is no number of a loss"


def test_a_noisy_gradient_stands_beside_the_ideal_one() -> None:
    some = np.array([0.1, -0.2])
    figure = shots.gradient_noise(some, some, one=some, title="", objective="mle", shots=64, noiseless=2 * some)
    go.Figure(figures.resolve(figure))
    np.testing.assert_array_equal(named(figure, "noisy")["y"], some)
    np.testing.assert_array_equal(named(figure, "ideal")["y"], 2 * some)


def test_the_distance_of_shots_alone_is_drawn_and_named() -> None:
    grid = np.array([0.0, 0.1, 0.2])
    figure = noise.distance_curve(grid, 0.3 + grid, floor=0.215, shots=1024)
    assert named(figure, "shots alone (1,024)")["y"].tolist() == [0.215, 0.215]
    assert figure["layout"]["showlegend"]
    assert len(noise.distance_curve(grid, grid)["data"]) == 1


def test_numbers_of_devices_stand_beside_the_plot() -> None:
    rows = [("one drawn network", (0.75, 0.003), (0.746, 0.003)), ("all of them together", (0.8, 0.01), (0.7, 0.02))]
    figure = devices.score_bars(rows, title="Test accuracy", unit="share correct")
    go.Figure(figures.resolve(figure))
    notes = figure["layout"]["annotations"]
    assert [note["text"] for note in notes] == ["0.750 ± 0.003", "0.800 ± 0.010", "0.746 ± 0.003", "0.700 ± 0.020"]
    assert all(note["xref"] == "paper" and note["x"] >= 1 and note["xanchor"] == "left" for note in notes)
    assert figure["layout"]["margin"]["r"] > 100
    assert all("text" not in trace for trace in figure["data"])
    low, high = figure["layout"]["xaxis"]["range"]
    assert low < 0.68 < 0.81 < high
    places = sorted(note["y"] for note in notes)
    assert min(np.diff(places)) > 0.3, "a line of text each"


@pytest.mark.parametrize("seen", [0.01, 0.2, 0.99])
def test_distances_stand_over_their_bars_where_no_edge_cuts_them(seen: float) -> None:
    figure = devices.distance_bars(seen, 0.1234, 0.1567)
    go.Figure(figures.resolve(figure))
    notes = figure["layout"]["annotations"]
    assert [note["text"] for note in notes] == ["shots alone 0.123,<br>95 % below 0.157", f"device {seen:.3f}"]
    assert all((note["xref"], note["x"], note["xanchor"]) == ("paper", 0, "left") for note in notes)
    assert all("text" not in trace for trace in figure["data"])
    assert figure["layout"]["xaxis"]["range"][1] > max(seen, 0.1567)


@pytest.mark.parametrize("theme", TOKENS)
def test_numbers_of_the_confusion_matrix_can_be_read_in_every_cell(theme: str, contrast, mixed) -> None:
    tokens = TOKENS[theme]
    figure = figures.resolve(figures.confusion(np.diag([9.0, 8.0]), class_names=["a", "b"]), dark=theme == "dark")
    (cells,) = figure["data"]
    (_, low), (_, high) = cells["colorscale"]
    assert (low, high) == (tokens["@paper"], tokens["@accent"])
    for share in np.linspace(0, 1, 21):
        assert contrast(cells["textfont"]["color"], mixed(low, high, share / cells["zmax"])) >= 4.5


@pytest.mark.parametrize("theme", TOKENS)
def test_signs_of_drawn_networks_can_be_read(theme: str, contrast) -> None:
    bits = np.array([[0, 1, 1], [1, 0, 1]], dtype=np.uint8)
    figure = figures.resolve(
        figures.weight_rows(bits, np.array([3, 2]), shots=5, labels=["a", "b", "c"], objective="mle"),
        dark=theme == "dark",
    )
    cells, signs = named(figure, "weights"), named(figure, "signs")
    assert "texttemplate" not in cells
    for x, y, text, colour in zip(signs["x"], signs["y"], signs["text"], signs["textfont"]["color"], strict=True):
        bit = bits[int(y) - 1, ["a", "b", "c"].index(x)]
        assert text == "−+"[bit]
        assert contrast(colour, cells["colorscale"][bit][1]) >= 4.5
    assert figure["layout"]["xaxis"]["range"] == [-0.5, 2.5]


@pytest.mark.parametrize("split", ["test", "train"])
def test_the_title_of_the_confusion_matrix_fits_a_third_of_a_page(split: str) -> None:
    figure = figures.confusion(np.diag([90.0, 80.0]), class_names=["a", "b"], split=split)
    assert len(figure["layout"]["title"]["text"].removeprefix("<b>").removesuffix("</b>")) <= 26
    assert split in figure["layout"]["xaxis"]["title"]["text"]
