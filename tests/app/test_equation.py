"""The loss as an equation: its numbers are the run's own, and add up."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from app.figures.palette import TOKENS, legible, loss_colour
from app.views.train.equation import equation, largest
from qhn_core.config import RunConfig
from qhn_core.objectives import OBJECTIVES
from qhn_core.results import train

SMALL: dict[str, Any] = {"network": {"name": "mlp", "layers": [2, 1, 1]}, "steps": 3, "replicas": 2}
LOSSES: list[dict[str, Any]] = [{"name": "mle"}, {"name": "elbo", "beta": 0.5}, {"name": "selbo"}, {"name": "ksd"}]


@pytest.mark.parametrize("objective", LOSSES, ids=lambda o: o["name"])
def test_the_terms_of_every_loss_add_up(objective: dict[str, Any]) -> None:
    history = train(RunConfig.parse(SMALL | {"objective": objective})).history
    row = {name: float(values[-1, 1]) for name, values in history.items()}
    text = equation(objective["name"], {k: v for k, v in row.items() if k.startswith(("loss", "term"))})
    numbers = [float(n) for n in re.findall(r"\{(?:\\mathbf\{)?(-?\d+\.\d{4})", text)]
    assert numbers[-1] == pytest.approx(row["loss"], abs=1e-4)
    if len(numbers) > 1:
        assert sum(numbers[:-1]) == pytest.approx(numbers[-1], abs=3e-4)
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("objective", OBJECTIVES.names())
def test_numbers_in_a_losss_colour_can_be_read(objective: str, dark: bool) -> None:
    text, paper = legible(loss_colour(objective), dark=dark), TOKENS["dark" if dark else "light"]["@paper"]
    light, deep = sorted((_luminance(text), _luminance(paper)), reverse=True)
    assert (light + 0.05) / (deep + 0.05) >= 4.5


def _luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb`` (WCAG 2.2)."""
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def test_a_new_loss_s_term_is_written_as_words() -> None:
    text = equation("frugal_2", {"loss": 1.0, "term_nll": 0.25, "term_price\\of_it": 0.75})
    assert r"\text{price of it}" in text
    assert "\\of" not in text


def test_the_networks_listed_are_those_that_add_or_take_most() -> None:
    assert largest(np.array([0.1, -0.6, 0.3, 0.0]), count=3).tolist() == [1, 2, 0]
