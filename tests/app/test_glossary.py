"""The glossary explains what pages say: every number, loss, gradient, optimiser and rival that they name."""

from __future__ import annotations

import pytest

from app.views.learn.glossary import terms
from qhn_core.baselines import BASELINES
from qhn_core.estimators import ESTIMATORS
from qhn_core.metrics import METRICS
from qhn_core.objectives import OBJECTIVES
from qhn_core.optimisers import OPTIMISERS

#: Names of metrics that are made of words explained on their own.
_MADE_OF = {
    "nll": ("NLL",),
    "predictive": ("predictive", "NLL"),
    "accuracy": ("accuracy",),
    "tie": ("tie",),
    "entropy": ("entropy",),
    "kl": ("KL divergence", "prior", "posterior"),
    "mmd2": ("MMD", "bandwidth γ", "kernel"),
    "cost": ("best string", "cost table"),
    "grad": ("gradient",),
    "gap": ("generalisation gap",),
    "steps": ("steps to the threshold",),
    "iw": ("importance-weighted bound",),
}


@pytest.mark.parametrize("name", list(METRICS))
def test_every_number_is_explained(name: str) -> None:
    first = name.split("_")[0]
    assert set(_MADE_OF.get(first, (METRICS[name].label, first))) & set(terms()), name
    assert set(_MADE_OF.get(first, ())) <= set(terms())


@pytest.mark.parametrize("registry", [OBJECTIVES, ESTIMATORS, OPTIMISERS, BASELINES])
def test_every_variant_is_explained(registry: object) -> None:
    text = "\n".join(f"{term} {meaning}" for term, meaning in terms().items()).lower()
    for name in registry.names():  # type: ignore[attr-defined]
        label = registry[name].label or name  # type: ignore[index]
        bare = label.split(" (")[0].replace("Fixed ", "").replace(" Bernoulli", "").lower()
        assert any(word in text for word in (bare, bare.replace("-", " "), label.lower())), label


def test_terms_are_in_order_and_short() -> None:
    names = [term.replace("β", "beta").replace("λ", "lambda").replace("ρ", "rho").lower() for term in terms()]
    assert names == sorted(names)
    assert max(map(len, terms().values())) < 240
