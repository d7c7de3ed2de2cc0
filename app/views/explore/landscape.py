"""Explore: the loss around the angles, and how many strings there are at each cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app import state
from app.figures import named
from app.figures.landscape import density_of_states, drawn_costs, landscape_map, line_figure
from app.jobs import Watch, result
from app.live_chart import live_chart
from app.numbers import digits
from app.views.explore.focus import MOST_QUBITS, Focus, View
from qhn_core.analysis.landscape import Plane, Slice, path_plane, random_plane, slice_line, slice_plane

Array = NDArray[np.float64]
PLANES = {"path": "Plane of the training path", "random": "Random plane"}
BINS = 60
#: Strings drawn at each point where 2^N cannot be enumerated, and for the costs of networks.
DRAWS, NETWORKS = 16, 256
#: Angles of a circuit whose random plane spans ±π; that of a larger one is wider, so that an angle moves as far.
_ANGLES = 64


@dataclass(frozen=True, eq=False)
class Around:
    """The loss on a plane and on the line from the start."""

    plane: Plane
    grid: Slice
    line: Slice | None
    path: Array | None  #: the way in the plane, (K, 2)
    here: tuple[float, float]


def resolution(n_qubits: int) -> int:
    """Points along one side of the grid, so that it takes about a second, ten for the largest."""
    if n_qubits > MOST_QUBITS:
        return 11
    return 31 if n_qubits <= 13 else 21 if n_qubits <= 15 else 15 if n_qubits <= 17 else 9


def around(focus: Focus, kind: str, watch: Watch) -> Around:
    """The calculation of the slice."""
    from qhn_core.engines import engine

    side = resolution(focus.problem.n_bits)
    draws = DRAWS if focus.q is None else 0
    common = {"engine": engine("auto"), "step": focus.step, "draws": draws, "cancelled": watch.cancelled}
    way = focus.way.theta if focus.way is not None and len(focus.way.theta) > 2 else None
    if kind == "path" and way is not None:
        plane = path_plane(way)
        path, here = plane.project(way), plane.project(focus.theta)
        x, y = (_span(np.append(path[:, k], here[k]), side) for k in (0, 1))
    else:
        plane, path, here = random_plane(focus.theta, seed=0), None, np.zeros(2)
        reach = np.pi * max(1.0, np.sqrt(len(focus.theta) / _ANGLES))
        x = y = np.linspace(-reach, reach, side)
    grid = slice_plane(
        plane,
        focus.circuit,
        focus.problem,
        focus.config.objective,
        x=x,
        y=y,
        progress=lambda f: watch.progress(0.85 * f),
        **common,  # type: ignore[arg-type]
    )
    line = None
    if not np.array_equal(focus.first, focus.theta):
        at = np.linspace(-0.5, 1.5, 81 if side > 15 else 31 if focus.q is not None else 21)
        line = slice_line(
            focus.first,
            focus.theta,
            focus.circuit,
            focus.problem,
            focus.config.objective,
            at=at,
            **common,  # type: ignore[arg-type]
        )
    return Around(plane, grid, line, path, (float(here[0]), float(here[1])))


def _span(values: Array, side: int) -> Array:
    low, high = float(values.min()), float(values.max())
    pad = max(0.35 * (high - low), 0.3)
    return np.linspace(low - pad, high + pad, side)


@dataclass(frozen=True, eq=False)
class Density:
    """Mass by cost."""

    edges: Array
    counts: Array
    q: Array
    posterior: Array
    best: float
    near: int  #: strings within 0.02 nats per example of the best


def density(focus: Focus) -> Density:
    """Histograms over the cost per example."""
    problem = focus.problem
    cost = problem.nll / problem.n_train
    low, high = float(cost.min()), float(cost.max())
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    counts = np.histogram(cost, edges)[0] / cost.size
    q, posterior = (np.histogram(cost, edges, weights=w)[0] for w in (focus.enumerated, problem.posterior))
    return Density(edges, counts, q, posterior, low, int((cost <= low + 0.02).sum()))


@dataclass(frozen=True, eq=False)
class Costs:
    """ℓ per example of networks drawn from the prior and from q, nats."""

    edges: Array
    prior: Array  #: share of them in each bin, (K,)
    q: Array
    means: tuple[float, float]  #: of prior and q
    better: float  #: share of the prior's networks that cost less than the mean of those from q


def drawn(focus: Focus) -> Costs:
    """The density of states as far as draws tell it: where the prior's networks lie, and where those of q."""
    from qhn_core.engines import engine

    problem, rng = focus.problem, np.random.Generator(np.random.Philox(key=[focus.config.seed, focus.step]))
    rates = problem.prior.rates(problem.n_bits)
    prior = (rng.random((NETWORKS, problem.n_bits)) < rates).astype(np.uint8)
    own, _ = engine("auto").draw(focus.circuit, focus.theta, NETWORKS, rng)
    costs = [problem.nll_at(bits) / problem.n_train for bits in (prior, own)]
    low, high = (float(f(np.concatenate(costs))) for f in (np.min, np.max))
    edges = np.linspace(low, high if high > low else low + 1.0, BINS // 2 + 1)
    shares = tuple(np.histogram(cost, edges)[0] / NETWORKS for cost in costs)
    means = (float(costs[0].mean()), float(costs[1].mean()))
    return Costs(edges, shares[0], shares[1], means, float((costs[0] < means[1]).mean()))


def show(view: View, focus: Focus) -> None:
    """The slice, the line, and the density of states."""
    options = list(PLANES) if focus.way is not None and len(focus.way.theta) > 2 else ["random"]
    kind = state.choice("plane", options, options[0])
    left, right = st.columns([1.25, 1], gap="small")
    with left:
        if len(options) > 1:
            kind = (
                st.segmented_control(
                    "Plane",
                    options,
                    default=kind,
                    format_func=lambda name: PLANES[name],
                    key="explore.plane",
                    on_change=lambda: state.keep_choice("plane", state.widget("explore.plane")),
                    label_visibility="collapsed",
                    required=True,
                    help="Two directions of all angles: the two in which training moved most, or two at random.",
                )
                or kind
            )
        job = view.ask(focus.key, f"landscape.{kind}", focus.step, lambda watch: around(focus, kind, watch))
        found: Around | None = result(job, "Computing the loss on the plane")
        if found is not None:
            _map(focus, found)
    with right:
        if found is not None and found.line is not None:
            live_chart(
                line_figure(found.line.x, found.line.loss, objective=focus.objective),
                name="line",
                alt="Loss along the straight line from the initial angles to those shown.",
                height=215,
            )
        if focus.q is None:
            _drawn(view, focus)
            return
        states: Density | None = result(
            view.ask(focus.key, "density", focus.step, lambda watch: density(focus)), "Sorting the strings"
        )
        if states is not None:
            _density(focus, states)


def _map(focus: Focus, found: Around) -> None:
    if found.path is not None:
        title = f"Loss around the training path ({found.plane.share:.0%} of its movement)"
    else:
        title = "Loss on a random plane"
    if focus.q is None:
        title += f", from {DRAWS} draws a point"
    low, high = float(found.grid.loss.min()), float(found.grid.loss.max())
    live_chart(
        named(
            landscape_map(
                found.grid.x,
                found.grid.y,
                found.grid.loss,
                title=title,
                objective=focus.objective,
                path=found.path,
                here=found.here,
            ),
            focus.name,
        ),
        name="landscape",
        alt=f"{title}: from {low:.3g} to {high:.3g} nats per example.",
        height=405,
    )


def _unit(focus: Focus) -> str:
    return "cost" if focus.config.network is None else "ℓ per example, nats"


def _drawn(view: View, focus: Focus) -> None:
    """Costs of drawn networks where the strings are too many to sort."""
    job = view.ask(focus.key, "costs", focus.step, lambda watch: drawn(focus))
    found: Costs | None = result(job, "Drawing networks")
    if found is None:
        return
    live_chart(
        drawn_costs(found.edges, found.prior, found.q, objective=focus.objective, unit=_unit(focus), draws=NETWORKS),
        name="costs",
        alt=f"Costs of drawn networks: {found.means[0]:.3g} on average from the prior, {found.means[1]:.3g} from q.",
        height=215,
    )
    st.caption(
        f"Means {digits(found.means[0])} from the prior and {digits(found.means[1])} from the circuit. "
        f"{found.better:.0%} of {NETWORKS} networks from the prior cost less than the circuit's mean. "
        "Sorting all strings, and the posterior, need a table, which ends at 20 qubits."
    )


def _density(focus: Focus, states: Density) -> None:
    unit = _unit(focus)
    live_chart(
        density_of_states(
            states.edges,
            states.counts,
            states.q,
            states.posterior,
            objective=focus.objective,
            best=states.best,
            unit=unit,
        ),
        name="density",
        alt=f"Density of states; {states.near} strings lie within 0.02 of the lowest cost {states.best:.3g}.",
        height=215,
    )
    st.caption(
        f"{states.near:,} of {2**focus.problem.n_bits:,} strings lie within 0.02 of the lowest cost, "
        f"{digits(states.best)}."
    )
