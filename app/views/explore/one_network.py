"""Explore: the network behind one string of the terrain: its weights, its boundary, its cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from app import state
from app.figures.network import network_diagram
from app.live_chart import clicked, live_chart
from app.numbers import digits
from app.pictures import Moment, predictions
from app.views.explore.focus import Focus
from qhn_core.analysis.galaxy import string_at
from qhn_core.bitstrings import from_index
from qhn_core.errors import QHNError

HEIGHT = 300
_CHOSEN = "explore.string"


@dataclass(frozen=True)
class Cost:
    """What is known of one string.

    Args:
        nll: ℓ ÷ n, nats per training example.
        above: ℓ ÷ n above the best string's.
        rank: how many strings cost less, plus one.
        q, posterior: its probabilities.
    """

    nll: float
    above: float
    rank: int
    q: float
    posterior: float


def cost_of(focus: Focus, index: int) -> Cost:
    """The cost of one string and its probabilities."""
    problem, nll = focus.problem, focus.problem.nll
    n, best = problem.n_train, float(problem.best[1])
    return Cost(
        float(nll[index]) / n,
        (float(nll[index]) - best) / n,
        int((nll < nll[index]).sum()) + 1,
        float(focus.enumerated[index]),
        float(problem.posterior[index]),
    )


def choose(focus: Focus) -> None:
    """Remember the string that was clicked in the terrain."""
    found = clicked("terrain")
    if found is None or len(found[1]) != 2:
        return
    try:
        index = string_at(*found[1], focus.problem.n_bits)
    except QHNError:  # no place of this map
        return
    state.remember(_CHOSEN, f"{focus.chosen.key}:{index}")


def chosen(focus: Focus) -> int | None:
    """The string chosen for this run."""
    key, _, index = str(state.recall(_CHOSEN, "")).partition(":")
    known = key == focus.chosen.key and index.isdecimal() and int(index) < 2**focus.problem.n_bits
    return int(index) if known else None


def show(focus: Focus) -> None:
    """The network, its predictions and its cost."""
    index = chosen(focus)
    if index is None:
        st.caption("Click a string in the terrain to see its network, its boundary and its cost.")
        return
    problem = focus.problem
    bits = from_index(index, problem.n_bits)
    signs = "".join("+" if bit else "−" for bit in bits)
    cost = cost_of(focus, index)
    st.markdown(
        f"**{signs}** costs **{digits(cost.nll)} nats per example**, {digits(cost.above)} above the best; number "
        f"{cost.rank:,} of {2**problem.n_bits:,}. q = {cost.q:.3g}, posterior = {cost.posterior:.3g}."
    )
    left, right = st.columns(2, gap="small")
    network: Any = focus.config.network
    if network is not None and hasattr(network, "weights_of"):
        with left:
            figure = network_diagram(network.weights_of(bits), focus.labels)
            live_chart(figure, name="one-network", alt=f"The network {signs}.", height=HEIGHT)
    moment = Moment(focus.config, problem, None, bits[None], title="What it predicts")
    figure, alt = predictions(focus.config)[1](moment)
    with right:
        live_chart(figure, name="one-prediction", alt=alt, height=HEIGHT)
