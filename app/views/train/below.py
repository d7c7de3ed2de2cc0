"""The pictures below the curves: what the circuit of one start says at one step, and the circuit itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from app import figures, long_circuit, starts
from app.image_pictures import WIDE, is_wide, mean_weights, one_network, reads_images, tested_images
from app.pictures import Built, Moment, drawn_networks, predictions, weight_labels, weight_marginals
from app.views.train.mounting import USUAL, Chart, Look, mount, waiting
from app.views.train.quick import gradient_of
from app.views.train.shown import Shown

#: What the picture of the predictions is called while there is nothing to draw.
_PREDICTIONS = {"boundary": "Decision boundary", "confusion": "Confusion", "costs": "Cost of the drawn strings"}


def show(shown: Shown, *, choice: str, every: float, look: Look = USUAL, uncoupled: bool = False) -> None:
    """What the circuit says at this step: drawn networks, predictions, marginals, and the circuit itself.

    Args:
        shown: what to show.
        choice: which start, one of :func:`app.starts.options`.
        every: seconds between refreshes.
        look: how large they are.
        uncoupled: draw networks, predictions and marginals as they would be without the gates that couple wires.
    """
    predicted = predictions(shown.config)
    wide = is_wide(shown.config)
    kinds = (
        ("weights", one_network if wide else drawn_networks, "Drawn networks"),
        (*predicted, _PREDICTIONS[predicted[0]]),
        ("marginals", mean_weights if wide else weight_marginals, "Marginals"),
    )
    for column, (name, draw, title) in zip(st.columns([1.3, 1, 1], gap="small"), kinds, strict=True):
        build = partial(picture, choice=choice, draw=draw, title=title, uncoupled=uncoupled)
        with column:
            mount(shown, Chart(name, build, look.pictures, every, f"{choice}{uncoupled}", scale=look.scale))
    if wide and reads_images(shown.config):
        strip = partial(picture, choice=choice, draw=tested_images, title="Test images")
        mount(shown, Chart("images", strip, look.strip, every, choice, scale=look.scale))
    if shown.setup is not None and shown.setup.circuit.n_qubits > WIDE:
        left, right = st.columns(2, gap="small")
        with left:
            profile = partial(_profile, choice=choice)
            mount(shown, Chart("profile", profile, look.pictures, every, choice, scale=look.scale))
        with right:
            cut = partial(_window, choice=choice)
            mount(shown, Chart("circuit", cut, look.pictures, None, choice, {"scrollZoom": True}, look.scale))
    elif shown.setup is not None:
        height = round(look.scale * figures.diagram_height(shown.setup.circuit.n_qubits))
        circuit, option = partial(_circuit, choice=choice, uncoupled=uncoupled), f"{choice}{uncoupled}"
        mount(shown, Chart("circuit", circuit, height, every, option, {"scrollZoom": True}, look.scale))


def start_of(shown: Shown, choice: str) -> int:
    """The number, from 0, of the start that the pictures show."""
    replicas = shown.config.replicas
    active = shown.status is not None and shown.status.active
    steps = (shown.newest or shown).steps
    return starts.start_of(choice, shown.losses, replicas=replicas, active=active, steps=steps)


def moment_of(shown: Shown, choice: str, *, uncoupled: bool = False) -> Moment | None:
    """What the pictures are made of, without the gates that couple wires if asked; None while it is not known."""
    start = start_of(shown, choice)
    shown = shown.without_entanglers() if uncoupled else shown
    problem, draws = shown.problem(start), shown.draws(start)
    if problem is None or draws is None:
        return None
    return Moment(shown.config, problem, shown.q(start), draws, _named(shown, choice, start))


def _named(shown: Shown, choice: str, start: int) -> str:
    """What the titles of pictures say of start and step."""
    said = starts.said(choice, start, shown.config.replicas)
    step = "" if shown.newest is None else f"step {shown.step}"
    return ", ".join(filter(None, (step, said, "no entanglers" if shown.uncoupled else "")))


def picture(
    shown: Shown, choice: str, draw: Callable[[Moment], Built], title: str, *, uncoupled: bool = False
) -> Built:
    """A picture of one start at one step."""
    moment = moment_of(shown, choice, uncoupled=uncoupled)
    return waiting(shown, title) if moment is None else draw(moment)


def _angles(shown: Shown, choice: str) -> Any:
    """The angles of the start that the pictures show, (P,), where they are known."""
    start = start_of(shown, choice)
    return None if shown.theta is None or start >= len(shown.theta) else shown.theta[start]


def _profile(shown: Shown, choice: str) -> Built:
    assert shown.setup is not None  # noqa: S101 -- pictures() asks only then
    figure, alt = long_circuit.profile(shown.setup.circuit, _angles(shown, choice))
    return figures.named(figure, _named(shown, choice, start_of(shown, choice))), alt


def _window(shown: Shown, choice: str) -> Built:
    assert shown.setup is not None  # noqa: S101 -- pictures() asks only then
    circuit = shown.setup.circuit
    theta = _angles(shown, choice)
    figure, alt = long_circuit.diagram(
        circuit,
        theta,
        label=type(shown.config.ansatz).label or circuit.name,
        labels=weight_labels(shown.config, circuit.n_qubits),
    )
    return figures.named(figure, "" if theta is None else _named(shown, choice, start_of(shown, choice))), alt


def _circuit(shown: Shown, choice: str, uncoupled: bool) -> Built:
    setup = shown.setup
    assert setup is not None  # noqa: S101 -- pictures() asks only then
    circuit, theta = setup.circuit, shown.theta
    title = f"Circuit: {type(shown.config.ansatz).label or circuit.name}, {circuit.n_params} angles"
    start = start_of(shown, choice)
    known = theta is not None and start < len(theta)
    figure = figures.circuit_diagram(
        circuit.gates,
        circuit.n_qubits,
        title=title,
        theta=_angles(shown, choice),
        labels=weight_labels(shown.config, circuit.n_qubits),
        gradient=gradient_of(shown, start) if shown.rests and not uncoupled else None,
        faint=uncoupled,
    )
    name = _named(shown, choice, start) if known else ""
    of = f" of {name}" if name else ""
    return figures.named(figure, name), f"{title}{of}: {len(circuit.gates)} gates on {circuit.n_qubits} wires."
