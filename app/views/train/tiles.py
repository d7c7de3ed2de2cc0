"""The tiles of the Train page: means over starts at the newest step, as Runs and Compare show them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app import services
from app.controls import rate_text
from app.forms import Form
from app.numbers import digits
from app.views.train import equation
from app.views.train.shown import Shown
from qhn_core.analysis.statistics import mean_interval
from qhn_core.metrics import METRICS

Array = NDArray[np.float64]

#: Bits of entropy beyond which the number of networks is written as a power of two.
LARGE_ENTROPY = 40.0


class Newest(NamedTuple):
    """A metric at the newest step.

    Args:
        mean: over starts.
        error: standard error of ``mean`` from the drawing of strings; NaN where nothing was drawn or it is unknown.
        starts: how many there are.
        said: interval over starts, and what the error is, as sentences.
        interval: ends of the 95 % interval of ``mean`` over starts; NaN where there is none.
    """

    mean: float = float("nan")
    error: float = float("nan")
    starts: int = 1
    said: str = ""
    interval: tuple[float, float] = (float("nan"), float("nan"))

    @property
    def of(self) -> str:
        """What stands behind a tile's label: that it is a mean, and of how many."""
        return f", mean of {self.starts}" if self.starts > 1 else ""

    def text(self, name: str) -> str:
        """The mean as tables write the metric, with its error where it is an estimate: ``0.462 ± 0.012``."""
        both = (self.mean, self.error) if np.isfinite(self.error) else (self.mean,)
        return " ± ".join(METRICS[name].text(x) for x in both)


def newest(shown: Shown | None, name: str) -> Newest:
    """A logged metric at the newest step of what is shown."""
    if shown is None or not len(shown.steps) or name not in shown.history:
        return Newest()
    values, errors = shown.history[name][-1], shown.error(name)
    if np.isnan(values).all():
        return Newest(starts=len(values), said="Not known from drawn strings." if shown.shots else "")
    return _told(shown, name, values, None if errors is None else errors[-1])


def _told(shown: Shown, name: str, values: Array, errors: Array | None) -> Newest:
    draws, said = shown.config.data_draws, []
    over = mean_interval(values, clusters=np.arange(len(values)) % draws if draws > 1 else None)
    if np.isfinite(over.low):
        units = "draws of the data" if draws > 1 else "starts"
        low, high = METRICS[name].text(over.low), METRICS[name].text(over.high)
        said.append(f"95 % interval of the mean over {over.units} {units}: {low} … {high}.")
    error = float("nan")
    if errors is not None and np.isfinite(errors).all():
        error = float(np.sqrt((errors**2).sum()) / len(errors))
    if shown.shots:
        known = "; ± the standard error of that." if np.isfinite(error) else "."
        said.append(f"Estimated from {shown.shots:,} draws{' a start' if len(values) > 1 else ''}{known}")
    return Newest(float(np.nanmean(values)), error, len(values), " ".join(said), (over.low, over.high))


def tiles(form: Form, shown: Shown | None) -> None:
    """Accuracy or cost, distance to the posterior, how many networks are in play, speed."""
    config = shown.config if shown is not None else form.config
    if config is None or config.dataset.needs_network:
        name, label = "accuracy_test", "Test accuracy"
        if shown is not None and len(shown.steps) and np.isnan(shown.history[name]).all():
            name, label = "accuracy_train", "Training accuracy"  # there are no test examples
    else:
        name, label = "cost_gap", "Cost above the best"
    with st.container(horizontal=True, gap=24, vertical_alignment="bottom"):
        _tile(label, newest(shown, name), name)
        _distance(shown)
        _networks(shown)
        rate = shown.status.steps_per_second if shown is not None and shown.status is not None else 0.0
        if shown is not None:
            services.step_times().made(shown.config, rate)
        said = "How many steps a second are made, all starts at once."
        st.metric("Speed", f"{rate_text(rate)} steps/s" if rate > 0 else "–", help=said, width="content")
        equation.switch()


def _distance(shown: Shown | None) -> None:
    """How far the circuit's odds are from what the data say; from the prior where that is not known."""
    found, prior = newest(shown, "kl_posterior"), newest(shown, "kl_prior")
    if np.isnan(found.mean) and np.isfinite(prior.mean):  # the evidence is not known, q(w) of drawn strings is
        _tile("KL to prior", prior, "kl_prior")
    else:
        _tile("KL to posterior", found, "kl_posterior")


def _tile(label: str, found: Newest, name: str) -> None:
    metric = METRICS[name]
    unit = f" {metric.unit}" if metric.unit == "nats" and np.isfinite(found.mean) else ""
    meaning = f"{metric.meaning[:1].upper()}{metric.meaning[1:]}. Unit: {metric.unit}."
    st.metric(f"{label}{found.of}", found.text(name) + unit, help=f"{meaning} {found.said}".strip(), width="content")


def _networks(shown: Shown | None) -> None:
    """How many networks the circuit still mixes: 2^H, H the mean over starts, so that its interval is 2^H's too."""
    bits = newest(shown, "entropy_bits")
    text, said = "–", ""
    if shown is not None and bits.mean > LARGE_ENTROPY:  # the number itself would say less than its logarithm
        text = f"2^({bits.text('entropy_bits')})"
        said = f"Entropy H is the exponent{bits.of}. {bits.said}"
    elif shown is not None and np.isfinite(bits.mean):
        number = 2.0**bits.mean
        text = digits(number)
        if np.isfinite(bits.error):
            text += f" ± {digits(float(np.log(2.0) * number * bits.error))}"
        said = f"Entropy H = {bits.text('entropy_bits')} bits{bits.of}. {bits.said}{_range(bits)}"
    typical = " The geometric mean over starts: a few with many hide no others." if bits.starts > 1 else ""
    words = f"How many networks the circuit still mixes: 2ᴴ.{typical}"
    label = f"Effective networks, typical of {bits.starts}" if bits.starts > 1 else "Effective networks"
    st.metric(label, text, help=f"{words} {said}".strip(), width="content")


def _range(bits: Newest) -> str:
    """The entropy's interval as numbers of networks; empty where there is none."""
    low, high = bits.interval
    return f" In networks: {digits(2.0**low)} … {digits(2.0**high)}." if np.isfinite(low) else ""
