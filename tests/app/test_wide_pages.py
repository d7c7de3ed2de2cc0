"""What pages say and draw of circuits with hundreds of wires."""

from __future__ import annotations

import numpy as np
import pytest

import qhn_core as qhn
from app import image_pictures, long_circuit, simulability
from app.figures.images import image_strip, tiles, weight_maps
from app.pictures import Moment
from qhn_core.problems.problem import problem


@pytest.fixture(scope="module")
def moment():
    config = qhn.RunConfig.model_validate(
        {
            "dataset": {"name": "digits", "classes": list(range(10)), "side": 8, "n_train": 100, "n_test": 50},
            "network": {"name": "mlp", "layers": [64, 10], "bias": False},
            "ansatz": {"name": "chain", "layers": 2},
            "engine": {"name": "auto"},
            "estimator": {"name": "score_function"},
        }
    )
    task = problem(config.network, config.dataset, tabulate=False)
    draws = np.random.default_rng(0).integers(0, 2, (256, 640)).astype(np.uint8)
    return Moment(config, task, None, draws)


def test_images_are_stacked_from_the_top_with_gaps():
    first = np.arange(4.0).reshape(2, 2)
    found = tiles(np.stack([first, first + 4, first + 8]), columns=2)
    assert found.shape == (5, 5)
    np.testing.assert_array_equal(found[::-1][:2, :2], first)
    np.testing.assert_array_equal(found[::-1][3:, :2], first + 8)
    assert np.isnan(found[2]).all()
    assert np.isnan(found[:, 2]).all()


def test_a_units_picture_holds_its_own_weights(moment):
    figure, text = image_pictures.one_network(moment)
    signs = 2.0 * moment.draws[0].reshape(64, 10) - 1.0
    z = figure["data"][0]["z"][::-1]
    np.testing.assert_array_equal(z[:8, :8], signs[:, 0].reshape(8, 8))
    np.testing.assert_array_equal(z[11:19, 9:17], signs[:, 5].reshape(8, 8))
    assert "640 signs" in text
    figure, text = image_pictures.mean_weights(moment)
    assert np.nanmax(np.abs(figure["data"][0]["z"])) < 0.5
    assert "256 drawn networks" in text


def test_the_strip_shows_what_the_networks_say_together(moment):
    figure, text = image_pictures.tested_images(moment)
    bars = [trace for trace in figure["data"] if trace["type"] == "bar"]
    assert len(bars) == 8
    expected = moment.problem.network.predict_proba(moment.draws[:128], moment.problem.dataset.x_test[:1]).mean(axis=0)
    np.testing.assert_allclose(bars[0]["y"], expected[0])
    assert text.startswith("8 test images")
    assert image_strip(np.zeros((0, 8, 8)), np.zeros((0, 10)), np.zeros(0, int), class_names="0", members=1)


def test_many_units_are_cut_and_said():
    figure = weight_maps(np.zeros((64, 8, 8)), names=[str(k) for k in range(64)], title="Weights")
    assert "first 40 of 64" in figure["layout"]["title"]["text"]


@pytest.mark.parametrize(("units", "columns"), [(10, 4), (40, 8)])
def test_the_name_of_a_unit_stands_above_its_picture_and_on_no_other(units, columns):
    figure = weight_maps(np.zeros((units, 8, 8)), names=[str(k) for k in range(units)], title="Weights")
    z, marks = figure["data"][0]["z"], figure["layout"]["annotations"]
    assert [mark["text"] for mark in marks] == [str(k) for k in range(units)]
    for k, mark in enumerate(marks):
        top, left = round(mark["y"] + 0.5), round(mark["x"] + 0.5)
        assert not np.isnan(z[top - 8 : top, left : left + 8]).any()
        assert np.isnan(z[top : top + 3, left : left + 8]).all()
        assert left == 9 * (k % columns)
    bottom, above = figure["layout"]["yaxis"]["range"]
    assert (bottom, above) == (-0.5, max(mark["y"] for mark in marks) + 3)


def test_units_that_read_no_images_are_rows():
    maps = np.arange(90.0).reshape(3, 1, 30) / 90
    figure = weight_maps(maps, names=["a", "b", "c"], title="Weights")
    np.testing.assert_array_equal(figure["data"][0]["z"][::-1], maps[:, 0])
    axis = figure["layout"]["yaxis"]
    assert dict(zip(axis["tickvals"], axis["ticktext"], strict=True)) == {0: "c", 1: "b", 2: "a"}


def test_a_long_circuit_is_a_window_and_a_profile():
    circuit = qhn.ansatz("chain", n_qubits=200, layers=2)
    theta = qhn.initial_angles(circuit, seed=0)[0]
    figure, text = long_circuit.diagram(circuit, theta, label="Chain", labels=tuple(f"w{i}" for i in range(200)))
    assert figure["layout"]["yaxis"]["ticktext"][0] == "95  w95"
    assert "wires 95 to 104 of 200" in text
    figure, text = long_circuit.profile(circuit, theta)
    assert len(figure["data"][0]["y"]) == 199
    assert "χ up to 2" in text
    assert "Not known" in str(long_circuit.profile(circuit, None)[0]["layout"]["annotations"])
    figure, text = long_circuit.profile(qhn.ansatz("all_to_all", n_qubits=30, layers=2), np.zeros(120))
    assert "needs chi = 2^225" in text


def test_the_meter_names_the_method_that_applies():
    assert "table of 2^13" in simulability.said(qhn.ansatz("linear", n_qubits=13, layers=3))
    assert simulability.said(qhn.ansatz("chain", n_qubits=640, layers=3)).startswith("Exact by bonds, χ = 4")
    assert simulability.said(qhn.ansatz("all_to_all", n_qubits=22, layers=2)).startswith("Exact by state vector")
    assert simulability.said(qhn.ansatz("all_to_all", n_qubits=30, layers=2)).startswith("No exact method")
