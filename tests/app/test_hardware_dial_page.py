"""The shots dial and the noise study through AppTest: what is shown of a noisy device, and what it is called."""

from __future__ import annotations

import json
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import services
from tests.app import pages
from tests.app.pages import charts, drawn, title, until, words

SMALL: dict[str, Any] = {
    "dataset": {"name": "moons", "n_train": 10, "n_test": 40},
    "network": {"name": "mlp", "layers": [2, 1]},
    "ansatz": {"name": "linear", "layers": 1},
    "objective": {"name": "ksd"},
    "steps": 8,
}
NOISY = {"device": "noise", "p1": "10000", "p2": "100000", "ro": "50000"}
SNAPSHOT = {"device": "snapshot", "backend": "fake_manila"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QHN_DATA", str(tmp_path_factory.mktemp("dial")))
        st.cache_resource.clear()
        yield pages.trained(SMALL)
        services.supervisor().shutdown()
        st.cache_resource.clear()


def caption(page: AppTest) -> str:
    return words(page, "caption")


def settled(**query: str) -> AppTest:
    """The page, with everything calculated."""
    page = pages.opened("hardware", **query)
    until(page, lambda: "…" not in caption(page) and "shots-loss" in charts(page))
    return page


def names(page: AppTest, chart: str) -> list[str]:
    return [trace["name"] for trace in charts(page)[chart]["figure"]["data"]]


def test_at_infinity_the_noisy_device_shows_its_own_values(trained: str) -> None:
    page = settled(run=trained, shots="∞", dial_loss="mle", **NOISY)
    for chart in ("shots-loss", "shots-mmd"):
        ideal, device = charts(page)[chart]["figure"]["data"]
        assert ideal["name"].startswith("ideal")
        assert device["name"].startswith("device")
        assert abs(ideal["x"][0] - device["x"][0]) > 1e-3
    assert names(page, "shots-histogram")[0] == "exact, with noise"
    assert "drawn" not in names(page, "shots-histogram")
    assert "noisy device" in charts(page)["shots-loss"]["alt"]


def test_draws_are_called_draws(trained: str) -> None:
    page = settled(run=trained, shots="1024", dial_loss="selbo", **SNAPSHOT)
    assert names(page, "shots-histogram")[2] == "4,096 device draws"
    assert names(page, "shots-loss")[-1].startswith("4,096 draws")
    assert "Drawn from 4,096 draws of fake_manila" in caption(page)
    assert "without bias" in caption(page)
    everywhere = json.dumps(charts(page))
    assert "exact, with noise" not in everywhere


def test_the_gradient_is_the_devices_own_or_says_whose_it_is(trained: str) -> None:
    page = settled(run=trained, shots="1024", dial_loss="mle", **NOISY)
    assert "Gradient with noise" in title(page, "shots-gradient")
    curves = {t["name"]: t["y"] for t in charts(page)["shots-gradient"]["figure"]["data"]}
    assert max(abs(a - b) for a, b in zip(curves["ideal"], curves["noisy"], strict=True)) > 1e-4
    page = settled(run=trained, shots="1024", dial_loss="mle", **SNAPSHOT)
    assert "Noiseless gradient" in title(page, "shots-gradient")
    assert "The gradient is the noiseless circuit's" in caption(page)
    page = settled(run=trained, shots="1024", dial_loss="mle")
    assert title(page, "shots-gradient").startswith("Gradient,")


def test_the_ksd_has_no_unit_no_bias_and_a_gradient(trained: str) -> None:
    page = settled(run=trained, shots="64", dial_loss="ksd")
    chart = charts(page)["shots-loss"]["figure"]["layout"]
    assert chart["xaxis"]["title"]["text"] == "KSD² ÷ n, no unit"
    assert "biased" not in title(page, "shots-loss")
    assert "one estimate" in names(page, "shots-gradient")


def test_the_elbo_says_that_it_is_a_plug_in(trained: str) -> None:
    run = pages.trained(SMALL | {"objective": {"name": "elbo"}})
    page = settled(run=run, shots="64", dial_loss="elbo", **SNAPSHOT)
    assert "estimate, plug-in, biased, 64 shots" in title(page, "shots-loss")
    assert "the loss by plug-in, biased" in caption(page)


def test_a_sampled_noise_study_draws_the_floor(trained: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.views.hardware import noise as hardware_noise

    monkeypatch.setattr(hardware_noise, "EXACT", 2)
    monkeypatch.setattr(hardware_noise, "SHOTS", 64)
    page = pages.opened("hardware", run=trained, view="noise", noise_loss="mle")
    until(page, lambda: drawn(page, "noise-distance"))
    assert names(page, "noise-distance") == ["under noise", "shots alone (64)"]
    assert "Finite shots alone" in caption(page)
