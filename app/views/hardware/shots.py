"""The shots dial: what any number of shots, from ∞ to 32, shows at the same angles."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial
from typing import Any

import streamlit as st

from app import state
from app.describe import loss_names
from app.jobs import Job, jobs
from app.views.hardware.device import Device
from app.views.hardware.dial_charts import Slopes, charts, waiting
from app.views.hardware.dial_work import (
    Pool,
    distribution,
    noisy_slope,
    one_estimate,
    repeats_of,
    shiftable,
    slope,
    turn_of,
)
from app.views.hardware.source import Source
from qhn_core.objectives.base import ObjectiveConfig

#: Positions of the dial; None stands for ∞.
SHOTS: dict[str, int | None] = {"∞": None} | {str(2**k): 2**k for k in range(13, 4, -1)}


def show(source: Source, device: Device) -> bool:
    """Dial and charts; returns whether more will come by itself."""
    shots, objective = _controls(source)
    asked = distribution(source, device)
    pool: Pool | None = asked.result if asked is not None else None
    key: tuple[Hashable, ...] = (*source.key, objective.model_dump_json(), shots)
    own = () if pool is None else device.key
    turn = jobs().get(("hardware", "turn", *key, *own), partial(turn_of, source, objective, shots, pool), patience=3.0)
    noiseless, noisy = slope(source, objective), noisy_slope(source, device, objective)
    shown = noisy if noisy is not None and noisy.result is not None else noiseless
    one = None
    if shown is not None and shown.result is not None and shots is not None and shots <= 2048:
        whose = device.key if shown is noisy else ()
        work = partial(one_estimate, source, objective, shots, shown.result.engine)
        one = jobs().get(("hardware", "one", *key, *whose), work, patience=0.4)
    if turn.message:
        st.info(turn.message, icon=":material/info:")
    elif turn.result is not None:
        slopes = Slopes(noiseless, noisy, one.result if one else None, device.perfect)
        charts(source, objective, shots, pool, turn.result, slopes)
    else:
        waiting()
    _say(source, device, asked, objective, noisy)
    return any(job is not None and not job.ready for job in (asked, turn, noiseless, noisy, one))


def _controls(source: Source) -> tuple[int | None, ObjectiveConfig]:
    left, right = st.columns([3, 1], gap="medium", vertical_alignment="bottom")
    with left:
        text = st.select_slider(
            "Shots",
            list(SHOTS),
            state.choice("shots", tuple(SHOTS), "1024"),
            key="hardware.dial",
            width="stretch",
            help="How many networks are measured for each estimate: four times as many halve its scatter.",
        )
        state.keep_choice("shots", text)
    with right:
        objective = loss_choice(source, "dial_loss")
    return SHOTS[str(text)], objective


def loss_choice(source: Source, name: str, *, avoid_elbo: bool = True, width: int | None = None) -> ObjectiveConfig:
    """The loss to look at: the run's own, or one that shots give; at first its stand-in where none give it.

    Args:
        source: the run.
        name: what the choice is called in the page's link.
        avoid_elbo: whether a loss that needs log q is replaced at first.
        width: of the menu, pixels; by default that of its column.
    """
    offered = losses(source)
    own = source.objective.name
    first = source.objective.stand_in if avoid_elbo and source.objective.needs_log_q else own
    names = list(offered)
    picked = st.selectbox(
        "Loss",
        names,
        names.index(state.choice(name, names, first if first in names else names[0])),
        format_func=lambda n: loss_names().get(n, n),
        key=state.form_key(f"hardware.{name}", name),
        help="The loss whose estimate and gradient are looked at.",
        width="stretch" if width is None else width,
    )
    state.keep_choice(name, picked)
    return offered[str(picked)]


def losses(source: Source) -> dict[str, ObjectiveConfig]:
    """The run's own loss, and those that shots can train."""
    from qhn_core.objectives import OBJECTIVES

    own = source.objective
    weight = getattr(own, own.weight) if own.weight else None
    found: dict[str, ObjectiveConfig] = {}
    for name in OBJECTIVES.names():
        kind = OBJECTIVES[name]
        if not kind.needs_log_q:
            same: dict[str, Any] = {}
            if kind.weight and isinstance(weight, (int, float)):
                same[kind.weight] = float(weight)
            if "gamma" in kind.model_fields and not source.enumerated:
                same["gamma"] = "auto"  # 0.7 sees nothing of hundreds of bits
            found[name] = OBJECTIVES.make(name, **same)
    return found | {own.name: own}


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
    elif not device.perfect and noisy is None and shiftable(objective):
        parts.append("The gradient is the noiseless circuit's.")
    if source.objective.needs_log_q and not objective.needs_log_q:
        parts.append(
            f"The run's {source.objective.short} needs log q(w), which no number of shots tells; "
            "shown is a loss that shots give."
        )
    st.caption(" ".join(parts) or f"Shot noise alone: {repeats_of(source)} repetitions at the same angles.")


def _drawn_from(device: Device, pool: Pool | None, objective: ObjectiveConfig) -> str:
    """Where the device's distribution comes from, and so what the dotted lines are."""
    if pool is None or pool.shots is None:
        return f"Drawn from {device.label}, calculated exactly; dotted: what infinitely many of its shots would give."
    how = "without bias" if objective.polynomial else "(MMD² without bias, the loss by plug-in, biased)"
    return f"Drawn from {pool.shots:,} draws of {device.label}; dotted: its own value, estimated from these {how}."
