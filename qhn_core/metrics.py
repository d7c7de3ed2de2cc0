"""The one table of metrics: what each is called, its unit, which way is better, and whether it has an error.

Trainer, statistics, store, sweeps, pages and reports read it: a metric is added here, and computed in
:mod:`qhn_core.analysis.metrics`. Losses are in nats per training example (÷ n; n = 1 for a cost table) unless the unit
says otherwise; NaN stands where a quantity does not exist.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Direction = Literal["lower", "higher"]
_NATS, _SHARE = "nats per example", "share correct"


class Metric(NamedTuple):
    """One quantity that is reported."""

    name: str  #: of the history's array
    label: str  #: in titles and menus
    short: str  #: in heads of tables, where there is little room
    unit: str  #: empty for a number without one
    meaning: str  #: its definition
    better: Direction | None = None  #: which way; None where neither is meant
    judged: bool = True  #: whether contenders with different losses may be compared by it
    error: bool = True  #: whether it has a standard error ``<name>_se`` where it is estimated from drawn strings
    form: str = ".3f"  #: how a table writes it

    def text(self, value: float, *, sign: bool = False) -> str:
        """``value`` as tables write it, with a true minus sign, and its sign if asked; a dash for none."""
        if not math.isfinite(value):
            return "–"
        return format(value, f"+{self.form}" if sign else self.form).replace("-", "−")

    @property
    def title(self) -> str:
        """Label and unit: ``KL to posterior (nats)``."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


_LOGGED = (
    Metric(
        "loss",
        "Loss",
        "Loss",
        _NATS,
        "what training makes small: the objective ÷ n, with its β, λ at that step",
        "lower",
        False,
    ),
    Metric(
        "nll_train",
        "Expected NLL, train",
        "E NLL, train",
        _NATS,
        "how surprised a drawn network is by a training label: E_q of −log p(y|x,w)",
        "lower",
    ),
    Metric(
        "nll_test",
        "Expected NLL, test",
        "E NLL, test",
        _NATS,
        "how surprised a drawn network is by a test label: E_q of −log p(y|x,w)",
        "lower",
    ),
    Metric(
        "predictive_nll_train",
        "Predictive NLL, train",
        "NLL, train",
        _NATS,
        "how surprised all networks together are by a training label: −log E_q p(y|x,w)",
        "lower",
    ),
    Metric(
        "predictive_nll_test",
        "Predictive NLL, test",
        "NLL, test",
        _NATS,
        "how surprised all networks together are by a test label: −log E_q p(y|x,w)",
        "lower",
    ),
    Metric(
        "accuracy_train",
        "Accuracy, train",
        "Accuracy, train",
        _SHARE,
        "how often the networks' common vote is right on training examples; a tie counts 1/(number tied)",
        "higher",
    ),
    Metric(
        "accuracy_test",
        "Accuracy, test",
        "Accuracy, test",
        _SHARE,
        "how often the networks' common vote is right on test examples; a tie counts 1/(number tied)",
        "higher",
    ),
    Metric(
        "tie_share",
        "Ties, test",
        "Ties",
        "share of test points",
        "how often the common vote is undecided between classes",
        "lower",
        False,
    ),
    Metric(
        "entropy_bits",
        "Entropy",
        "Entropy",
        "bits",
        "how undecided the circuit is between networks: H[q]; 2^H of them are effectively in play",
        form=".2f",
    ),
    Metric(
        "kl_prior",
        "KL to prior",
        "KL to prior",
        "nats",
        "how far the circuit's odds lie from what was believed before: KL(q‖π), not ÷ n",
        form=".2f",
    ),
    Metric(
        "kl_posterior",
        "KL to posterior",
        "KL to posterior",
        "nats",
        "how far the circuit's odds lie from what the data say of the networks: KL(q‖p(w|D)), not ÷ n",
        "lower",
        error=False,
        form=".2f",
    ),
    Metric(
        "mmd2",
        "MMD² to prior",
        "MMD²",
        "",
        "how far the circuit is from the prior as the run's kernel sees it: MMD²(q, π) (γ = 0.7 if it has none)",
        form=".3g",
    ),
    Metric(
        "elbo",
        "ELBO",
        "ELBO",
        "nats",
        "how well the circuit explains the data, less its distance from the prior: −Σ q(ℓ + log q − log π), not ÷ n; "
        "below log Z by the KL to the posterior",
        "higher",
        form=".2f",
    ),
    Metric(
        "iw_bound",
        "Importance-weighted bound",
        "IW bound",
        "nats",
        "how likely the data are at least, told from draws alone: log of the mean of p(D,w)/q(w) over the K drawn "
        "networks, not ÷ n. Below log Z on average and nearer to it than the ELBO; its bias is about half its squared "
        "error where that is small, else unknown",
        "higher",
        judged=False,
        form=".2f",
    ),
    Metric(
        "cost_gap",
        "Cost above the best",
        "Cost gap",
        _NATS,
        "how much worse drawn networks fit than the best one: (E_q ℓ − min ℓ) ÷ n",
        "lower",
    ),
    Metric(
        "success",
        "Mass near the optimum",
        "Success",
        "probability",
        "how likely one draw is about as good as the best: mass of q within 0.02 nats per example of it",
        "higher",
    ),
    Metric(
        "grad_norm",
        "Gradient norm",
        "Gradient",
        "",
        "how steep the loss is: Euclidean norm of its gradient",
        error=False,
        form=".2g",
    ),
)
_DERIVED = (
    Metric(
        "gap",
        "Generalisation gap, test − train",
        "Gap",
        _NATS,
        "how much worse test than training examples are predicted: predictive NLL, test − train",
        "lower",
        error=False,
    ),
    Metric(
        "steps_to_threshold",
        "Steps to the threshold",
        "Steps",
        "",
        "how soon a chosen metric passes a chosen value",
        "lower",
        error=False,
        form=".0f",
    ),
)

#: Names of the quantities of every logged step, in the order of tables and exports.
LOGGED: tuple[str, ...] = tuple(metric.name for metric in _LOGGED)
#: Those with a standard error where they are estimated from drawn strings.
WITH_ERROR: tuple[str, ...] = tuple(metric.name for metric in _LOGGED if metric.error)
#: Name -> metric: the logged ones, and those that are worked out from them.
METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in (*_LOGGED, *_DERIVED)})
#: Name -> direction of those by which contenders with different losses are compared.
JUDGED: Mapping[str, Direction] = MappingProxyType(
    {metric.name: metric.better for metric in METRICS.values() if metric.better is not None and metric.judged}
)
#: What the names of a loss's terms, and of the architectures' probabilities, begin with in a history.
TERM, ARCHITECTURE = "term_", "architecture_"


#: Quantiles over starts between which every band of curves lies.
BAND = (0.1, 0.9)


def median_of(*starts: int, band: bool = False, too: str = "") -> str:
    """What curves of so many starts each are, and their band; empty where each is of one.

    ``median of 16 starts, band: middle 80 %``; with ``too``, what else is drawn as a median: ``(rivals too)``.
    """
    if max(starts, default=1) < 2:
        return ""
    counts = " or ".join(map(str, sorted(set(starts))))
    also = f" ({too} too)" if too else ""
    return f"median of {counts} starts{also}" + (f", band: middle {100 * (BAND[1] - BAND[0]):.0f} %" if band else "")


def direction(name: str) -> int:
    """+1 where more is better, −1 where less is, 0 where neither is meant."""
    metric = METRICS.get(name)
    return 0 if metric is None or metric.better is None else 1 if metric.better == "higher" else -1


def parts_of(name: str) -> tuple[str, ...]:
    """The logged metrics that :func:`values_of` needs for one."""
    return ("predictive_nll_test", "predictive_nll_train") if name == "gap" else (name,)


def values_of(history: Mapping[str, Array], name: str) -> Array | None:
    """One metric of a history {name: (T, B)}, worked out where it is not logged as such; None where it is not known."""
    if name != "gap":
        return history.get(name)
    test, train = (history.get(part) for part in parts_of(name))
    return None if test is None or train is None else test - train


def median_start(loss: Array) -> int:
    """The start, from 0, whose loss (B,) is closest to the median; the first of equals. Not all may be NaN."""
    found: np.integer = np.nanargmin(np.abs(loss - np.nanmedian(loss)))
    return int(found)
