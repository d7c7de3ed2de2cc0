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
from app.figures.shots import estimate_spread, gradient_noise, string_histogram
from app.live_chart import live_chart
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


class Turn(NamedTuple):
    """One position of the dial."""

    drawn: dial.DialEstimates | None
    exact: dial.ExactValues
    device: dial.ExactValues | None


def show(source: Source, device: Device) -> bool:
    """Dial and charts; returns whether more will come by itself."""
    shots, objective = _controls(source)
    pool = _distribution(source, device)
    seen = pool.result if pool is not None else None
    q = source.q if seen is None else seen
    key: tuple[Hashable, ...] = (*source.key, objective.model_dump_json(), shots)
    own = () if seen is None else device.key
    turn = jobs().get(("hardware", "turn", *key, *own), partial(_turn, source, objective, shots, q), patience=3.0)
    noise = _noise_job(source, objective)
    one = None
    if noise is not None and noise.result is not None and shots is not None and shots <= 2048:
        one = jobs().get(("hardware", "one", *key), partial(_one, source, objective, shots), patience=0.4)
    if turn.message:
        st.info(turn.message, icon=":material/info:")
    elif turn.result is not None:
        _charts(source, objective, shots, q, turn.result, noise, one.result if one else None)
    else:
        _waiting()
    _say(source, device, pool, objective)
    return any(job is not None and not job.ready for job in (pool, turn, noise, one))


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
    work = _exact_noise if device.kind == "noise" and source.circuit.n_qubits <= _EXACT_NOISE else _pool
    return jobs().get(("hardware", "pool", *source.key, *device.key), partial(work, source, device), patience=0.6)


def _exact_noise(source: Source, device: Device, watch: Watch) -> Array:
    from qhn_core.analysis.noise import noisy_probs

    one, two, readout = device.noise
    return noisy_probs(source.circuit, source.theta, noise_1q=one, noise_2q=two, readout_error=readout)


def _pool(source: Source, device: Device, watch: Watch) -> Array:
    from qhn_core.analysis.deployment import deploy

    found = deploy(
        source.circuit,
        source.theta,
        source.problem,
        engine=engine_of(device),
        exact_engine=exact_engine(),
        shots=_pool_size(source),
        parts=8 if source.circuit.n_qubits > 10 else 2,
        progress=watch.progress,
        cancelled=watch.cancelled,
    )
    return found.seen


def _pool_size(source: Source) -> int:
    return _POOL if source.circuit.n_qubits <= 10 else _SMALL_POOL


def _turn(source: Source, objective: ObjectiveConfig, shots: int | None, q: Array, watch: Watch) -> Turn:
    exact = dial.exact_values(source.q, source.problem, objective, step=source.step)
    if shots is None:
        return Turn(None, exact, None)
    drawn = dial.estimates(q, source.problem, objective, shots=shots, repeats=_repeats(source), step=source.step)
    device = None if q is source.q else dial.exact_values(q, source.problem, objective, step=source.step)
    return Turn(drawn, exact, device)


def _repeats(source: Source) -> int:
    return next(count for most, count in REPEATS.items() if source.circuit.n_qubits <= most)


def _noise_job(source: Source, objective: ObjectiveConfig) -> Job | None:
    if source.circuit.n_qubits > _GRADIENT or objective.needs_log_q or objective.name not in ("mle", "selbo"):
        return None

    def work(watch: Watch) -> dial.GradientNoise:
        return dial.gradient_noise(
            source.circuit,
            source.theta,
            source.problem,
            objective,
            engine=exact_engine(),
            step=source.step,
            progress=watch.progress,
            cancelled=watch.cancelled,
        )

    return jobs().get(("hardware", "gradient", *source.key, objective.model_dump_json()), work, patience=0.5)


def _one(source: Source, objective: ObjectiveConfig, shots: int, watch: Watch) -> Array:
    from qhn_core.estimators.parameter_shift import ParameterShift

    found = ParameterShift(shots=shots).estimate(
        engine=exact_engine(),
        circuit=source.circuit,
        theta=source.theta[None],
        objective=objective,
        problem=source.problem,
        step=source.step,
        rng=np.random.Generator(np.random.Philox(key=[0, shots])),
    )
    return np.asarray(found.gradient[0] / source.problem.n_train)


def _say(source: Source, device: Device, pool: Job | None, objective: ObjectiveConfig) -> None:
    """One line: what is drawn from, and what a loss cannot do."""
    parts = []
    if pool is not None and not pool.ready:
        parts.append(f"Asking {device.label} … {pool.fraction:.0%}; until then, the ideal circuit.")
    elif pool is not None and pool.message:
        parts.append(f":orange[{pool.message}]")
    elif pool is not None:
        exactly = device.kind == "noise" and source.circuit.n_qubits <= _EXACT_NOISE
        how = "calculated exactly" if exactly else f"as seen in {_pool_size(source):,} draws"
        parts.append(f"Drawn from {device.label}, {how}; dotted: what infinitely many of its shots would give.")
    elif device.remote:
        parts.append("The dial never asks a real device: ideal circuit, shot noise only.")
    if source.objective.needs_log_q and not objective.needs_log_q:
        parts.append("The run's ELBO needs log q(w), which no number of shots tells; shown is a loss that shots give.")
    st.caption(" ".join(parts) or f"Shot noise alone: {_repeats(source)} repetitions at the same angles.")


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
    source: Source,
    objective: ObjectiveConfig,
    shots: int | None,
    q: Array,
    turn: Turn,
    noise: Job | None,
    one: Array | None,
) -> None:
    said = "∞ shots" if shots is None else f"{shots:,} shots"
    first, second = st.columns(2, gap="small")
    with first:
        _histogram(source, shots, said, q, turn)
    with second:
        _gradient(source, objective, shots, said, noise, one)
    third, fourth = st.columns(2, gap="small")
    name = SHORT.get(objective.name, objective.name)
    colour = figures.loss_colour(objective.name)
    biased = " plug-in, biased" if objective.name not in ("mle", "selbo") else ""
    drawn, own = turn.drawn, turn.device
    with third:
        values = np.zeros(0) if drawn is None else drawn.loss
        figure = estimate_spread(
            values,
            turn.exact.loss,
            title=f"{name} estimate,{biased} {said}",
            unit="nats per example",
            colour=colour,
            shots=shots,
            device_value=None if own is None else own.loss,
        )
        live_chart(figure, name="shots-loss", alt=_spoken(name, values, turn.exact.loss, said), height=HEIGHT)
    with fourth:
        values = np.zeros(0) if drawn is None else drawn.mmd2
        figure = estimate_spread(
            values,
            turn.exact.mmd2,
            title=f"MMD² to the prior, unbiased, {said}",
            unit="MMD²(q, π)",
            colour=figures.RIVAL,
            shots=shots,
            device_value=None if own is None else own.mmd2,
        )
        live_chart(figure, name="shots-mmd", alt=_spoken("MMD²", values, turn.exact.mmd2, said), height=HEIGHT)


def _spoken(what: str, values: Array, exact: float, said: str) -> str:
    if not len(values):
        return f"{what} at {said}: exactly {exact:.4g}."
    return (
        f"{len(values)} estimates of {what} from {said}: {values.mean():.4g} ± {values.std():.2g}; exact {exact:.4g}."
    )


def _histogram(source: Source, shots: int | None, said: str, q: Array, turn: Turn) -> None:
    seen = q if turn.drawn is None else turn.drawn.counts / turn.drawn.counts.sum()
    figure = string_histogram(
        source.q,
        seen,
        shots=shots,
        title=f"Strings, {said}",
        colour=figures.loss_colour(source.objective.name),
        expected=None if turn.device is None else q,
    )
    distance = 0.5 * float(np.abs(seen - source.q).sum())
    alt = f"Relative frequencies of the likeliest strings at {said}; total variation from the exact q {distance:.3f}."
    live_chart(figure, name="shots-histogram", alt=alt, height=HEIGHT)


def _gradient(
    source: Source, objective: ObjectiveConfig, shots: int | None, said: str, job: Job | None, one: Array | None
) -> None:
    title = "Parameter-shift gradient"
    found: Any = None if job is None else job.result
    if found is None:
        text = (
            "log q(w) is in its gradient: no number of shots gives it"
            if objective.needs_log_q
            else "Worked out for MLE and SELBO only"
            if objective.name not in ("mle", "selbo")
            else f"Worked out up to {_GRADIENT} qubits"
            if job is None
            else job.message or "Shifting every angle …"
        )
        live_chart(figures.message(title, text), name="shots-gradient", alt=f"{title}: {text}", height=HEIGHT)
        return
    deviation = np.zeros_like(found.unit) if shots is None else found.unit / np.sqrt(shots)
    ratio = float(np.linalg.norm(deviation)) / max(float(np.linalg.norm(found.exact)), 1e-12)
    figure = gradient_noise(
        found.exact,
        deviation,
        one=one,
        title=f"Gradient, {found.circuits} circuits, noise/signal {_short(ratio)}",
        objective=objective.name,
        shots=shots,
    )
    alt = f"Gradient of {len(found.exact)} angles with its standard deviation at {said}; noise over signal {ratio:.2g}."
    live_chart(figure, name="shots-gradient", alt=alt, height=HEIGHT)
