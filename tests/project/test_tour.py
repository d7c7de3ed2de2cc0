"""README's tour tells a story that the program then shows: its configurations are run, and its directions asserted."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest

import qhn_core as qhn
from qhn_core.metrics import values_of

#: Real data, few and noisy examples: the second story.
CANCER: dict[str, Any] = {
    "dataset": {"name": "breast_cancer", "n_train": 15, "label_noise": 0.1, "components": 4},
    "network": {"name": "mlp", "layers": [4, 2, 1], "activation": "sign"},
    "replicas": 20,
    "data_draws": 20,
    "log_every": 250,
}


@lru_cache(maxsize=8)
def ended(story: str, loss: str, weight: float = 1.0) -> dict[str, np.ndarray]:
    """Metric -> values of all starts after the last step, (B,)."""
    objective = {"name": loss} | ({"beta": weight} if loss == "elbo" else {"lam": weight} if loss == "selbo" else {})
    base = CANCER if story == "cancer" else {"log_every": 250}
    history = qhn.train(qhn.RunConfig.model_validate(base | {"objective": objective})).history
    names = ("gap", "entropy_bits", "kl_posterior", "predictive_nll_test")
    return {name: values_of(history, name)[-1] for name in names}  # type: ignore[index]


def test_one_thing_changed_from_elbo_to_mle() -> None:
    """Step 3: the loss alone is changed, at the default settings."""
    elbo, mle = ended("first", "elbo", 0.3), ended("first", "mle")
    assert np.exp2(mle["entropy_bits"]).mean() < 0.5 * np.exp2(elbo["entropy_bits"]).mean(), "MLE collapses"
    assert mle["kl_posterior"].mean() > elbo["kl_posterior"].mean(), "farther from the posterior"
    assert mle["gap"].mean() > elbo["gap"].mean(), "and overfits more"


@pytest.mark.parametrize(("loss", "weight"), [("elbo", 1.0), ("selbo", 1.0)])
def test_fifteen_noisy_examples_of_real_data(loss: str, weight: float) -> None:
    """Step 3, on real data: gap and test NLL of MLE against the others, over twenty draws of the data."""
    mle, other = ended("cancer", "mle"), ended("cancer", loss, weight)
    assert np.median(other["gap"]) < np.median(mle["gap"])
    assert (other["predictive_nll_test"] - mle["predictive_nll_test"]).mean() < 0
