"""Explore: all networks at once, by how well they do, and as terrain over the strings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.figures import named
from app.figures.galaxy import galaxy_figure, terrain
from app.jobs import Watch, result
from app.live_chart import live_chart
from app.previews import simulator
from app.views.explore import one_network
from app.views.explore.focus import Focus, View
from qhn_core.analysis.galaxy import Galaxy, accuracies, galaxy, galaxy_of_draws, gray_map
from qhn_core.errors import TooLarge, Unsupported

if TYPE_CHECKING:
    from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]
HEIGHT = 450
#: Networks drawn where all are too many.
DRAWS = 1024
#: Most qubits of a map that is sent to the browser.
_MAPPED = 14


@dataclass(frozen=True, eq=False)
class Found:
    """What the section shows; ``why`` says why there is no galaxy."""

    places: Galaxy | None
    why: str
    maps: list[tuple[str, Array]]


@lru_cache(maxsize=4)
def _accuracies(problem: Problem) -> tuple[Array, Array]:
    return accuracies(problem, "train"), accuracies(problem, "test")


def calculate(focus: Focus, watch: Watch) -> Found:
    """Accuracies of all networks, once a problem; then where q has its mass."""
    problem, q = focus.problem, focus.enumerated
    places: Galaxy | None = None
    why = ""
    try:
        places = galaxy(problem, q, *_accuracies(problem))
    except Unsupported as error:
        why = str(error)
    watch.progress(0.8)
    maps: list[tuple[str, Array]] = []
    if problem.n_bits <= _MAPPED:
        excess = np.maximum(q - problem.posterior, 0.0)
        maps = [
            ("circuit q", gray_map(q)),
            ("posterior", gray_map(problem.posterior)),
            ("q above it", gray_map(excess)),
        ]
    return Found(places, why, maps)


def _draw(focus: Focus, watch: Watch) -> Galaxy:
    """The galaxy of networks drawn from the circuit, above the table."""
    chosen = simulator(focus.config, focus.circuit)
    if chosen is None:
        raise TooLarge(f"{focus.problem.n_bits} qubits: too many to simulate on this machine.")
    rng = np.random.Generator(np.random.Philox(key=[focus.config.seed, focus.step]))
    bits = chosen.build().draw(focus.circuit, focus.theta, DRAWS, rng)[0]
    watch.progress(0.5)
    return galaxy_of_draws(focus.problem, bits)


def _show_drawn(view: View, focus: Focus) -> None:
    job = view.ask(focus.key, "drawn-galaxy", focus.step, lambda watch: _draw(focus, watch))
    found: Galaxy | None = result(job, "Drawing networks and scoring them")
    if found is None:
        return
    _galaxy(found, focus)
    st.caption(
        f"{DRAWS:,} networks drawn from the circuit: {focus.problem.n_bits} weights have too many strings for all of "
        "them. Networks with equal accuracies share a place; area is their share of the draws. The cross is their "
        "mean, its height under the dotted line the generalisation gap."
    )


def show(view: View, focus: Focus) -> None:
    """Galaxy and terrain side by side; above the table the galaxy of drawn networks alone."""
    if focus.q is None:
        _show_drawn(view, focus)
        return
    job = view.ask(focus.key, "galaxy", focus.step, lambda watch: calculate(focus, watch))
    found: Found | None = result(job, "Scoring all networks")
    if found is None:
        return
    left, right = st.columns(2, gap="small")
    with left:
        if found.places is None:
            st.info(found.why, icon=":material/info:")
        else:
            _galaxy(found.places, focus)
    with right:
        if found.maps:
            figure: Any = named(terrain(found.maps, objective=focus.objective), focus.name)
            alt = "Probability of every string under the circuit and under the posterior, as maps on one scale."
            chosen = partial(one_network.choose, focus)
            live_chart(figure, name="terrain", alt=alt, height=HEIGHT, on_click=chosen)
        else:
            st.info(f"Maps are drawn for up to {_MAPPED} weights.", icon=":material/info:")
    st.caption(
        "Left: networks with equal accuracies share a place; area is probability. The cross is the mean of a network "
        "drawn from q, its height under the dotted line the generalisation gap. Right: the stronger the colour the "
        "likelier, from 10⁻⁸; the third map shows where q exceeds the posterior."
    )
    if found.maps:
        one_network.show(focus)


def _galaxy(places: Galaxy, focus: Focus) -> None:
    train, test = places.mean
    alt = (
        f"{int(places.networks.sum()):,} networks in {len(places.mass):,} places; a network drawn from q is right on "
        f"{train:.1%} of the training and {test:.1%} of the test examples."
    )
    figure = named(galaxy_figure(places, objective=focus.objective), focus.name)
    live_chart(figure, name="galaxy", alt=alt, height=HEIGHT)
