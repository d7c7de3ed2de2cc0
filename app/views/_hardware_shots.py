"""The shots dial: what any number of shots, from ∞ to 32, shows at the same angles."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app import figures, state
from app.describe import SHORT
from app.figures.curves import loss_unit
from app.figures.shots import estimate_spread, gradient_noise, string_histogram
from app.live_chart import live_chart
from app.resting import gently
from app.views._explore_jobs import Job, Watch, jobs
from app.views._hardware_device import Device, engine_of, exact_engine
from app.views._hardware_source import Source
from qhn_core.analysis import dial
from qhn_core.objectives.base import ObjectiveConfig

Array = NDArray[np.float64]
#: Positions of the dial; None stands for ∞.
SHOTS: dict[str, int | None] = {"∞": None} | {str(2**k): 2**k for k in range(13, 4, -1)}
#: Estimates drawn at each position: largest N -> how many, so that the charts follow the dial at once.
REPEATS = {17: 200, 18: 100, 20: 50}
HEIGHT = 214
#: Largest N at which a device's own distribution is calculated exactly, and gradient noise is worked out.
_EXACT_NOISE, _GRADIENT = 9, 14
#: Draws that stand for a device's distribution where that cannot be calculated: few where each is simulated at length.
_POOL, _SMALL_POOL = 4096, 1024
#: Circuits whose noisy distributions a gradient keeps.
_KEPT = 2048


class Pool(NamedTuple):
    """A device's distribution, exact or as relative frequencies."""

    q: Array  #: (2**N,)
    shots: int | None  #: how many draws it holds; None where it is exact


class Turn(NamedTuple):
    """One position of the dial."""

    drawn: dial.DialEstimates | None
    exact: dial.ExactValues
    device: dial.ExactValues | None


class Slope(NamedTuple):
    """A gradient with its noise, and what draws more of it."""

    noise: dial.GradientNoise
    engine: Any


class _Slopes(NamedTuple):
    """What the gradient's chart shows."""

    noiseless: Job | None
    noisy: Job | None
    one: Array | None
    perfect: bool  #: whether the device is the noiseless circuit


def show(source: Source, device: Device) -> bool:
    """Dial and charts; returns whether more will come by itself."""
    shots, objective = _controls(source)
    asked = _distribution(source, device)
    pool: Pool | None = asked.result if asked is not None else None
    key: tuple[Hashable, ...] = (*source.key, objective.model_dump_json(), shots)
    own = () if pool is None else device.key
    turn = jobs().get(("hardware", "turn", *key, *own), partial(_turn, source, objective, shots, pool), patience=3.0)
    noiseless, noisy = _slope(source, objective), _noisy_slope(source, device, objective)
    slope = noisy if noisy is not None and noisy.result is not None else noiseless
    one = None
    if slope is not None and slope.result is not None and shots is not None and shots <= 2048:
        whose = device.key if slope is noisy else ()
        work = partial(_one, source, objective, shots, slope.result.engine)
        one = jobs().get(("hardware", "one", *key, *whose), work, patience=0.4)
    if turn.message:
        st.info(turn.message, icon=":material/info:")
    elif turn.result is not None:
        slopes = _Slopes(noiseless, noisy, one.result if one else None, device.perfect)
        _charts(source, objective, shots, pool, turn.result, slopes)
    else:
        _waiting()
    _say(source, device, asked, objective, noisy)
    return any(job is not None and not job.ready for job in (asked, turn, noiseless, noisy, one))


def _controls(source: Source) -> tuple[int | None, ObjectiveConfig]:
    left, right = st.columns([3, 1], gap="medium", vertical_alignment="bottom")
    with left:
        text = st.select_slider(
            "Shots", list(SHOTS), state.choice("shots", tuple(SHOTS), "1024"), key="hardware.dial", width="stretch"
        )
        state.keep_choice("shots", text)
    with right:
        objective = loss_choice(source, "dial_loss")
    return SHOTS[str(text)], objective


def loss_choice(source: Source, name: str, *, avoid_elbo: bool = True) -> ObjectiveConfig:
    """The loss to look at: the run's own, MLE or SELBO; at first SELBO in place of the ELBO, which no shots give."""
    offered = losses(source)
    own = source.objective.name
    first = "selbo" if avoid_elbo and source.objective.needs_log_q else own
    names = list(offered)
    picked = st.selectbox(
        "Loss",
        names,
        names.index(state.choice(name, names, first)),
        format_func=lambda n: SHORT.get(n, n),
        key=state.form_key(f"hardware.{name}", name),
    )
    state.keep_choice(name, picked)
    return offered[str(picked)]


def losses(source: Source) -> dict[str, ObjectiveConfig]:
    """The run's own loss, and those that shots can train."""
    from qhn_core.objectives import OBJECTIVES

    beta = getattr(source.objective, "beta", None)
    weight = {"lam": float(beta)} if isinstance(beta, (int, float)) else {}
    return {"mle": OBJECTIVES.make("mle"), "selbo": OBJECTIVES.make("selbo", **weight)} | {
        source.objective.name: source.objective
    }


def _distribution(source: Source, device: Device) -> Job | None:
    """The device's own distribution at theta; None for ideal devices and those that are not asked unbidden."""
    if device.perfect or device.remote or device.config is None:
        return None
    work = _exact_noise if _calculable(source, device) else _pool
    return jobs().get(("hardware", "pool", *source.key, *device.key), partial(work, source, device), patience=0.6)


def _calculable(source: Source, device: Device) -> bool:
    """Whether the device's distribution is calculated rather than drawn from."""
    return device.kind == "noise" and not device.perfect and source.circuit.n_qubits <= _EXACT_NOISE


def _exact_noise(source: Source, device: Device, watch: Watch) -> Pool:
    from qhn_core.analysis.noise import noisy_probs

    one, two, readout = device.noise
    return Pool(noisy_probs(source.circuit, source.theta, noise_1q=one, noise_2q=two, readout_error=readout), None)


def _pool(source: Source, device: Device, watch: Watch) -> Pool:
    from qhn_core.analysis.deployment import deploy

    found = deploy(
        source.circuit,
        source.theta,
        source.problem,
        engine=engine_of(device),
        exact_engine=exact_engine(),
        shots=_pool_size(source),
        parts=32 if source.circuit.n_qubits > 10 else 2,
        progress=gently(watch.progress),
        cancelled=watch.cancelled,
    )
    return Pool(found.seen, _pool_size(source))


def _pool_size(source: Source) -> int:
    return _POOL if source.circuit.n_qubits <= 10 else _SMALL_POOL


def _turn(source: Source, objective: ObjectiveConfig, shots: int | None, pool: Pool | None, watch: Watch) -> Turn:
    exact = dial.exact_values(source.q, source.problem, objective, step=source.step)
    own = None if pool is None else _own_values(source, objective, pool)
    if shots is None:
        return Turn(None, exact, own)
    drawn = dial.estimates(
        source.q if pool is None else pool.q,
        source.problem,
        objective,
        shots=shots,
        repeats=_repeats(source),
        step=source.step,
        pool=None if pool is None else pool.shots,
    )
    return Turn(drawn, exact, own)


def _own_values(source: Source, objective: ObjectiveConfig, pool: Pool) -> dial.ExactValues:
    """What infinitely many shots of the device would give: exactly, or estimated from its draws."""
    if pool.shots is None:
        return dial.exact_values(pool.q, source.problem, objective, step=source.step)
    return dial.drawn_values(pool.q, pool.shots, source.problem, objective, step=source.step)


def _repeats(source: Source) -> int:
    return next(count for most, count in REPEATS.items() if source.circuit.n_qubits <= most)


def _slope(source: Source, objective: ObjectiveConfig) -> Job | None:
    """The gradient of the noiseless circuit and its shot noise; None where there is none."""
    if source.circuit.n_qubits > _GRADIENT or not _shiftable(objective):
        return None
    key = ("hardware", "gradient", *source.key, objective.model_dump_json())
    return jobs().get(key, partial(_gradient_noise, source, objective, None), patience=0.5)


def _noisy_slope(source: Source, device: Device, objective: ObjectiveConfig) -> Job | None:
    """The same on the device, where its distributions can be calculated."""
    if not _calculable(source, device) or not _shiftable(objective):
        return None
    key = ("hardware", "gradient", *source.key, *device.key, objective.model_dump_json())
    return jobs().get(key, partial(_gradient_noise, source, objective, device.noise), patience=0.3)


def _shiftable(objective: ObjectiveConfig) -> bool:
    return dial.unbiased(objective)


def _gradient_noise(
    source: Source, objective: ObjectiveConfig, noise: tuple[float, float, float] | None, watch: Watch
) -> Slope:
    from qhn_core.analysis.noise_training import NoisyEngine

    engine: Any = exact_engine() if noise is None else NoisyEngine(*noise, keep=_KEPT)
    found = dial.gradient_noise(
        source.circuit,
        source.theta,
        source.problem,
        objective,
        engine=engine,
        step=source.step,
        at_once=None if noise is None else 2,
        progress=watch.progress if noise is None else gently(watch.progress),
        cancelled=watch.cancelled,
    )
    return Slope(found, engine)


def _one(source: Source, objective: ObjectiveConfig, shots: int, engine: Any, watch: Watch) -> Array:
    from qhn_core.estimators.parameter_shift import ParameterShift

    found = ParameterShift(shots=shots).estimate(
        engine=engine,
        circuit=source.circuit,
        theta=source.theta[None],
        objective=objective,
        problem=source.problem,
        step=source.step,
        rng=np.random.Generator(np.random.Philox(key=[0, shots])),
    )
    return np.asarray(found.gradient[0] / source.problem.n_train)


def _say(source: Source, device: Device, asked: Job | None, objective: ObjectiveConfig, noisy: Job | None) -> None:
    """What is drawn from, and what a loss cannot do, in few words."""
    parts = []
    if asked is not None and not asked.ready:
        parts.append(f"Asking {device.label} … {asked.fraction:.0%}; until then, the ideal circuit.")
    elif asked is not None and asked.message:
        parts.append(f":orange[{asked.message}]")
    elif asked is not None:
        parts.append(_drawn_from(device, asked.result, objective))
    elif device.remote:
        parts.append("The dial never asks a real device: ideal circuit, shot noise only.")
    if noisy is not None and not noisy.ready:
        parts.append(f"Gradient with noise … {noisy.fraction:.0%}.")
    elif not device.perfect and noisy is None and _shiftable(objective):
        parts.append("The gradient is the noiseless circuit's.")
    if source.objective.needs_log_q and not objective.needs_log_q:
        parts.append("The run's ELBO needs log q(w), which no number of shots tells; shown is a loss that shots give.")
    st.caption(" ".join(parts) or f"Shot noise alone: {_repeats(source)} repetitions at the same angles.")


def _drawn_from(device: Device, pool: Pool | None, objective: ObjectiveConfig) -> str:
    """Where the device's distribution comes from, and so what the dotted lines are."""
    if pool is None or pool.shots is None:
        return f"Drawn from {device.label}, calculated exactly; dotted: what infinitely many of its shots would give."
    how = "without bias" if dial.unbiased(objective) else "(MMD² without bias, the loss by plug-in, biased)"
    return f"Drawn from {pool.shots:,} draws of {device.label}; dotted: its own value, estimated from these {how}."


def _short(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"


def _waiting() -> None:
    """The four charts while their numbers are on the way."""
    names = ("histogram", "gradient", "loss", "mmd")
    for pair in (names[:2], names[2:]):
        for column, name in zip(st.columns(2, gap="small"), pair, strict=True):
            with column:
                alt = "Drawing shots, the chart follows"
                live_chart(figures.message("Shots", "Drawing …"), name=f"shots-{name}", alt=alt, height=HEIGHT)


def _charts(
    source: Source, objective: ObjectiveConfig, shots: int | None, pool: Pool | None, turn: Turn, slopes: _Slopes
) -> None:
    said = "∞ shots" if shots is None else f"{shots:,} shots"
    first, second = st.columns(2, gap="small")
    with first:
        _histogram(source, shots, said, pool, turn)
    with second:
        _gradient(objective, shots, said, slopes)
    third, fourth = st.columns(2, gap="small")
    name = SHORT.get(objective.name, objective.name)
    with third:
        finite = shots is not None or (pool is not None and pool.shots is not None)
        biased = "plug-in, biased, " if finite and not dial.unbiased(objective) else ""
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


def _gradient(objective: ObjectiveConfig, shots: int | None, said: str, slopes: _Slopes) -> None:
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
    if not _shiftable(objective):
        return "Worked out for MLE, SELBO and KSD only"
    return f"Worked out up to {_GRADIENT} qubits" if job is None else job.message or "Shifting every angle …"
