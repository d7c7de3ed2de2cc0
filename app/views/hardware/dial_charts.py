"""The four charts of the shots dial."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st

from app import figures
from app.figures.curves import loss_unit
from app.figures.shots import estimate_spread, gradient_noise, string_histogram
from app.jobs import Job
from app.live_chart import live_chart
from app.views.hardware.dial_work import GRADIENT, Array, Pool, Slope, Turn, shiftable
from app.views.hardware.source import Source
from qhn_core.objectives.base import ObjectiveConfig

HEIGHT = 214


class Slopes(NamedTuple):
    """What the gradient's chart shows."""

    noiseless: Job | None
    noisy: Job | None
    one: Array | None
    perfect: bool  #: whether the device is the noiseless circuit


def _short(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"


def waiting() -> None:
    """The four charts while their numbers are on the way."""
    names = ("histogram", "gradient", "loss", "mmd")
    for pair in (names[:2], names[2:]):
        for column, name in zip(st.columns(2, gap="small"), pair, strict=True):
            with column:
                alt = "Drawing shots, the chart follows"
                live_chart(figures.message("Shots", "Drawing …"), name=f"shots-{name}", alt=alt, height=HEIGHT)


def charts(
    source: Source, objective: ObjectiveConfig, shots: int | None, pool: Pool | None, turn: Turn, slopes: Slopes
) -> None:
    said = "∞ shots" if shots is None else f"{shots:,} shots"
    first, second = st.columns(2, gap="small")
    with first:
        _histogram(source, shots, said, pool, turn)
    with second:
        _gradient(objective, shots, said, slopes)
    third, fourth = st.columns(2, gap="small")
    name = objective.short
    with third:
        finite = shots is not None or (pool is not None and pool.shots is not None)
        biased = "plug-in, biased, " if finite and not objective.polynomial else ""
        figure = estimate_spread(
            np.zeros(0) if turn.drawn is None else turn.drawn.loss,
            turn.exact.loss,
            title=f"{name} estimate, {biased}{said}",
            unit=loss_unit(objective.name),
            colour=figures.loss_colour(objective.name),
            shots=shots,
            device_value=None if turn.device is None else turn.device.loss,
            device_name=_device_name(pool),
        )
        live_chart(figure, name="shots-loss", alt=_spoken(name, turn, "loss", said), height=HEIGHT)
    with fourth:
        figure = estimate_spread(
            np.zeros(0) if turn.drawn is None else turn.drawn.mmd2,
            turn.exact.mmd2,
            title=f"MMD² to the prior, unbiased, {said}",
            unit="MMD²(q, π)",
            colour=figures.RIVAL,
            shots=shots,
            device_value=None if turn.device is None else turn.device.mmd2,
            device_name=_device_name(pool),
        )
        live_chart(figure, name="shots-mmd", alt=_spoken("MMD²", turn, "mmd2", said), height=HEIGHT)


def _device_name(pool: Pool | None) -> str:
    """What the device's value is called: exact, or from how many draws."""
    if pool is None or pool.shots is None:
        return "device"
    return f"{pool.shots:,} draws"


def _spoken(what: str, turn: Turn, field: str, said: str) -> str:
    exact = f"{getattr(turn.exact, field):.4g}"
    device = "" if turn.device is None else f", the noisy device {getattr(turn.device, field):.4g}"
    if turn.drawn is None:
        return f"{what} at {said}: exactly {exact}{' without noise' if device else ''}{device}."
    values = getattr(turn.drawn, field)
    return (
        f"{len(values)} estimates of {what} from {said}: {values.mean():.4g} ± {values.std():.2g}; exact "
        f"{exact}{device}."
    )


def _histogram(source: Source, shots: int | None, said: str, pool: Pool | None, turn: Turn) -> None:
    q = source.q if pool is None else pool.q
    seen = q if turn.drawn is None else turn.drawn.counts / turn.drawn.counts.sum()
    known = "exact, with noise" if pool is None or pool.shots is None else f"{pool.shots:,} device draws"
    bars = "drawn" if shots is not None else "∞ shots" if pool is None else known
    figure = string_histogram(
        source.q,
        seen,
        shots=shots,
        title=f"Strings, {said}",
        drawn=bars,
        colour=figures.loss_colour(source.objective.name),
        expected=None if pool is None or shots is None else pool.q,
        expected_name=known,
    )
    distance = 0.5 * float(np.abs(seen - source.q).sum())
    alt = f"Likeliest strings at {said}, {bars}: total variation from the exact q {distance:.3f}."
    live_chart(figure, name="shots-histogram", alt=alt, height=HEIGHT)


def _gradient(objective: ObjectiveConfig, shots: int | None, said: str, slopes: Slopes) -> None:
    title = "Parameter-shift gradient"
    plain: Slope | None = None if slopes.noiseless is None else slopes.noiseless.result
    noisy: Slope | None = None if slopes.noisy is None else slopes.noisy.result
    slope = plain if noisy is None else noisy
    if slope is None:
        text = _why_no_gradient(objective, slopes.noiseless)
        live_chart(figures.message(title, text), name="shots-gradient", alt=f"{title}: {text}", height=HEIGHT)
        return
    found = slope.noise
    deviation = np.zeros_like(found.unit) if shots is None else found.unit / np.sqrt(shots)
    ratio = float(np.linalg.norm(deviation)) / max(float(np.linalg.norm(found.exact)), 1e-12)
    whose = "Gradient with noise" if noisy is not None else "Gradient" if slopes.perfect else "Noiseless gradient"
    figure = gradient_noise(
        found.exact,
        deviation,
        one=slopes.one,
        title=f"{whose}, {found.circuits} circuits, noise/signal {_short(ratio)}",
        objective=objective.name,
        shots=shots,
        noiseless=None if noisy is None or plain is None else plain.noise.exact,
    )
    alt = f"{whose} of {len(found.exact)} angles with its standard deviation at {said}; noise over signal {ratio:.2g}."
    live_chart(figure, name="shots-gradient", alt=alt, height=HEIGHT)


def _why_no_gradient(objective: ObjectiveConfig, job: Job | None) -> str:
    if objective.needs_log_q:
        return "log q(w) is in its gradient: no number of shots gives it"
    if not shiftable(objective):
        return "Worked out for losses that are polynomial in q only"
    return f"Worked out up to {GRADIENT} qubits" if job is None else job.message or "Shifting every angle …"
