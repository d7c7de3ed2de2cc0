"""The methods that are compared, and the settings that each may choose from: one list for running and for telling.

Every method that has settings starts with sixteen candidates: sixteen values of one setting, or four values of each of
two. Where a method's best value lies at the end of an axis in more than a fifth of the scenarios, that axis is made
longer by one value (:func:`longer`), for all alike, and again until it does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Literal

#: γ of the SELBO's kernel.
GAMMA = 0.7
#: Candidates of a method that has settings, before any axis is made longer: as many for all.
CANDIDATES = 16
#: Share of scenarios with the best value at one end of an axis, above which the axis is made longer there.
EDGE_SHARE = 0.2
Kind = Literal["circuit", "product", "rival"]
#: Setting name -> value.
Setting = Mapping[str, float]


@dataclass(frozen=True)
class Axis:
    """Values of one setting, rising; none beyond ``low`` and ``high`` is ever tried."""

    name: str
    values: tuple[float, ...]
    low: float
    high: float


@dataclass(frozen=True)
class Method:
    """One method.

    Args:
        name: how tables of numbers call it; the baseline's name for a rival.
        label: how people read it.
        kind: ``circuit`` with entangling gates, ``product`` (the same without them), or classical ``rival``.
        objective: the loss of a circuit, by name; empty for a rival.
        axes: what is tuned; none for a method without settings.
        budget: what it is allowed to look at, in words; ``{steps}`` and ``{evaluations}`` are the grid's.
        spends: the rival's option that bounds its likelihood evaluations; empty where there is none.
        options: a rival's settings that are not tuned.
    """

    name: str
    label: str
    kind: Kind
    objective: str = ""
    axes: tuple[Axis, ...] = ()
    budget: str = ""
    spends: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    def settings(self) -> list[dict[str, float]]:
        """Every combination of the axes' values."""
        return [
            dict(zip((a.name for a in self.axes), values, strict=True))
            for values in product(*(a.values for a in self.axes))
        ]


_SIXTEEN_RATES = Axis(
    "lr", (0.025, 0.035, 0.05, 0.07, 0.1, 0.14, 0.2, 0.28, 0.4, 0.57, 0.8, 1.13, 1.6, 2.26, 3.2, 4.5), 1e-3, 10.0
)
_RATES = Axis("lr", (0.05, 0.15, 0.45, 1.35), 1e-3, 10.0)
_BETAS = Axis("beta", (0.1, 0.3, 1.0, 3.0), 1e-3, 100.0)
_LAMBDAS = Axis("lam", (0.03, 0.1, 0.3, 1.0), 1e-3, 1000.0)
_TABLE = "exact q over all 2^N strings, {steps} times"
_ONCE = "the table of all 2^N strings, once"
_EVALUATIONS = "{evaluations} likelihood evaluations"


def _losses(kind: Kind, prefix: str, label: str) -> tuple[Method, ...]:
    return (
        Method(f"{prefix}mle", f"MLE{label}", kind, "mle", (_SIXTEEN_RATES,), _TABLE),
        Method(f"{prefix}elbo", f"ELBO{label}", kind, "elbo", (_BETAS, _RATES), _TABLE),
        Method(f"{prefix}selbo", f"SELBO{label}", kind, "selbo", (_LAMBDAS, _RATES), _TABLE),
    )


METHODS: tuple[Method, ...] = (
    *_losses("circuit", "", ""),
    *_losses("product", "product_", ", product circuit"),
    Method(
        "random_probabilities",
        "Fixed random probabilities",
        "rival",
        axes=(
            Axis(
                "concentration",
                (0.0003, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0),
                1e-5,
                100.0,
            ),
        ),
        budget="{evaluations} vectors over all 2^N strings",
        spends="draws",
    ),
    Method("random_search", "Random search", "rival", budget=_EVALUATIONS, spends="evaluations"),
    Method("best_string", "Best string, enumerated", "rival", budget=_ONCE),
    Method("exact_bayes", "Exact Bayes, enumerated", "rival", budget=_ONCE),
    Method(
        "mean_field",
        "Mean-field Bernoulli",
        "rival",
        axes=(
            Axis(
                "beta",
                (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0),
                1e-3,
                100.0,
            ),
        ),
        budget=_ONCE + "; 8 starts, coordinate ascent to convergence",
        options={"tolerance": 1e-6},
    ),
    Method(
        "straight_through",
        "Straight-through (BinaryConnect)",
        "rival",
        axes=(
            replace(
                _SIXTEEN_RATES,
                values=(0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.45, 0.6, 0.8, 1.2, 1.7, 2.4),
            ),
        ),
        budget=_EVALUATIONS + ", with gradients",
        spends="steps",
    ),
    Method(
        "bayesbinn",
        "BayesBiNN",
        "rival",
        axes=(
            Axis("beta", (0.03, 0.1, 0.3, 1.0), 1e-3, 100.0),
            Axis("temperature", (0.1, 0.3, 1.0, 3.0), 0.01, 10.0),
        ),
        budget=_EVALUATIONS + ", with gradients",
        spends="steps",
        options={"lr": 0.1, "draws": 1},
    ),
    Method(
        "simulated_annealing",
        "Simulated annealing",
        "rival",
        axes=(
            Axis(
                "hot",
                (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.7, 8.0, 11.0, 16.0, 23.0, 32.0, 45.0),
                0.06,
                1e5,
            ),
        ),
        budget=_EVALUATIONS,
        spends="evaluations",
    ),
    Method(
        "logistic_regression",
        "Logistic regression",
        "rival",
        axes=(
            Axis(
                "C",
                (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.6, 1.0, 2.0, 3.0, 6.0, 10.0, 30.0, 100.0, 300.0),
                1e-6,
                1e6,
            ),
        ),
        budget="real weights, solved to convergence",
    ),
)
BY_NAME: dict[str, Method] = {method.name: method for method in METHODS}
#: What the others are compared with, and the two halves of the claim.
REFERENCE, CLAIMANTS = "mle", ("elbo", "selbo")

#: Learning rates that the reference tries besides in the check whether a gain is its tuning: one between each two
#: neighbours of its axis, and one beyond its end. With them it has more to choose from than a claimant.
MORE_RATES = tuple(
    float(f"{math.sqrt(low * high):.3g}")
    for low, high in zip(_SIXTEEN_RATES.values, (*_SIXTEEN_RATES.values[1:], 9.0), strict=True)
)

#: Untuned: the usual learning rate, and each weight as a reader would set it without looking.
USUAL_RATE = 0.05
UNTUNED: dict[str, tuple[str, dict[str, float]]] = {
    "mle": ("mle", {"lr": USUAL_RATE}),
    "elbo β=0.3": ("elbo", {"beta": 0.3, "lr": USUAL_RATE}),
    "elbo β=1": ("elbo", {"beta": 1.0, "lr": USUAL_RATE}),
    "selbo λ=0.3": ("selbo", {"lam": 0.3, "lr": USUAL_RATE}),
    "selbo λ=1": ("selbo", {"lam": 1.0, "lr": USUAL_RATE}),
}


def objective(method: Method, setting: Setting) -> dict[str, Any]:
    """The loss of a circuit as a configuration."""
    extra = {"gamma": GAMMA} if method.objective == "selbo" else {}
    weights = {name: value for name, value in setting.items() if name != "lr"}
    return {"name": method.objective, **weights, **extra}


def longer(method: Method, chosen: Sequence[Setting]) -> Method:
    """The method with each axis one value longer at every end where more than EDGE_SHARE of ``chosen`` lie.

    The new value continues the axis geometrically, by the ratio of its two outermost values; where that would pass the
    axis' own bound, it stays as it is.

    Args:
        method: as it was tuned.
        chosen: the best setting of each scenario.
    """
    return replace(
        method, axes=tuple(_longer(axis, [setting[axis.name] for setting in chosen]) for axis in method.axes)
    )


def _longer(axis: Axis, chosen: Sequence[float]) -> Axis:
    values = list(axis.values)
    low, high = edge_shares(axis, chosen)
    below, above = values[0] ** 2 / values[1], values[-1] ** 2 / values[-2]
    if low > EDGE_SHARE and below >= axis.low:
        values.insert(0, float(f"{below:.4g}"))
    if high > EDGE_SHARE and above <= axis.high:
        values.append(float(f"{above:.4g}"))
    return replace(axis, values=tuple(values))


def edge_shares(axis: Axis, chosen: Iterable[float]) -> tuple[float, float]:
    """Share of ``chosen`` at the lowest and at the highest value of the axis; NaN for none."""
    best = list(chosen)
    if not best:
        return math.nan, math.nan
    ends = (axis.values[0], axis.values[-1])
    return best.count(ends[0]) / len(best), best.count(ends[1]) / len(best)
