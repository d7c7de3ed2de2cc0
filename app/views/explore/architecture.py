"""Explore: the probability of each architecture in superposition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from app import state
from app.figures.trainability import architecture_bars, architecture_curves
from app.live_chart import live_chart
from app.views.explore.focus import Focus, View
from qhn_core.analysis.metrics import ARCHITECTURE
from qhn_core.config import RunConfig

#: What the offered example trains: two activations and two widths, four architectures on 15 qubits.
EXAMPLE: dict[str, Any] = {
    "network": {
        "name": "mlp_superposed",
        "layers": [2, 3, 1],
        "activation": "sign",
        "other_activation": "relu",
        "choose_width": True,
        "other_width": 1,
    },
    "steps": 200,
    "replicas": 8,
}


def show(view: View, focus: Focus) -> None:
    """Curves over training, and the bars at the step shown; an example where the architecture is fixed."""
    network: Any = focus.config.network
    labels = short(network.architectures) if network is not None else ()
    if not labels:
        _offer()
        return
    left, right = st.columns([1.4, 1], gap="small")
    history = focus.chosen.history
    names = [f"{ARCHITECTURE}{k}" for k in range(len(labels))]
    with left:
        if all(name in history for name in names):
            shares = np.stack([history[name] for name in names], axis=-1)
            figure = architecture_curves(focus.chosen.steps, shares, labels, total=focus.config.steps)
        else:
            figure = architecture_curves(np.zeros(0), np.zeros((0, 1, len(labels))), labels, total=focus.config.steps)
        live_chart(figure, name="architecture", alt=f"Probability of {len(labels)} architectures by step.", height=400)
    with right:
        if focus.q is None or focus.problem.table is None:
            st.caption("Too many qubits to enumerate the posterior of the architectures.")
            return
        mass = network.architecture_probabilities(np.stack([focus.q, focus.problem.posterior]))
        best = int(np.argmax(mass[0]))
        live_chart(
            architecture_bars(labels, mass[0], mass[1], objective=focus.objective),
            name="architectures",
            alt=f"At step {focus.step} the likeliest architecture is {labels[best]} with {mass[0, best]:.2f}.",
            height=360,
        )
        st.caption(
            f"Start {focus.replica + 1} at step {focus.step}. The posterior's bars are the exact Bayesian answer: "
            "evidence of each architecture, summed over its weights."
        )


def short(labels: Sequence[str]) -> tuple[str, ...]:
    """The labels without the parts that all of them share."""
    parts = [label.split(", ") for label in labels]
    kept = [k for k, column in enumerate(zip(*parts, strict=True)) if len(set(column)) > 1]
    return tuple(", ".join(row[k] for k in kept) for row in parts)


def _offer() -> None:
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown(
            "**This run's architecture is fixed.** With the network *Perceptron with superposed architecture* extra "
            "qubits choose activation, width or weight alphabet, and training shifts probability between them."
        )
        if st.button(
            "Set up such a run in Train",
            type="primary",
            icon=":material/tune:",
            key="explore.superpose",
            help="Settings for a network whose size is drawn by the circuit, too",
        ):
            state.show_run(None)
            state.adopt(RunConfig.model_validate(EXAMPLE))
            st.switch_page("views/train/page.py")
