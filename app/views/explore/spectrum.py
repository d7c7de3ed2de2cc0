"""Explore: Walsh spectra of the cost and of q − π, and what a kernel bandwidth can and cannot see."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from app import state
from app.figures.spectrum import hidden_case, mmd_parts, spectrum_bars
from app.jobs import result
from app.live_chart import live_chart
from app.numbers import digits
from app.views.explore.focus import Focus, View
from qhn_core.analysis.spectrum import (
    ByOrder,
    Case,
    bandwidth_by_order,
    difference_by_order,
    hidden_from_bandwidth,
    mean_body,
    spectrum_by_order,
)
from qhn_core.kernels import HammingKernel, auto_gamma

Array = NDArray[np.float64]
#: γ offered by the slider.
GAMMAS = tuple(float(f"{g:.2g}") for g in np.geomspace(0.02, 7.0, 27))


@dataclass(frozen=True, eq=False)
class Spectra:
    """Spectra of the cost and of q − π."""

    cost: ByOrder
    difference: ByOrder
    kl_prior: float


@lru_cache(maxsize=8)
def _case(n_bits: int) -> Case:
    """The constructed pair, without its tables."""
    found = hidden_from_bandwidth(n_bits)
    return found._replace(q=np.zeros(0), pi=np.zeros(0))


def calculate(focus: Focus) -> Spectra:
    """The spectra."""
    from qhn_core.analysis.evidence import kl_prior

    problem, q = focus.problem, focus.enumerated
    cost = spectrum_by_order(problem.nll / problem.n_train)
    return Spectra(cost, difference_by_order(q, np.exp(problem.log_prior)), float(kl_prior(q[None], problem)[0]))


def by_order(weight: Array, kernel: HammingKernel) -> Array:
    """Contribution of each order to MMD² from the squared parity gaps summed by order, (N+1,)."""
    n_bits = len(weight) - 1
    order = np.arange(n_bits + 1)
    each = [tau**order * (1.0 - tau) ** (n_bits - order) for tau in kernel.tau]
    return np.mean(each, axis=0) * weight


def show(view: View, focus: Focus) -> None:
    """The slider, two charts of the run, and the constructed case."""
    if focus.problem.n_bits < 2:
        st.info("A spectrum by order needs at least two qubits.")
        return
    own = getattr(focus.config.objective, "gamma", 0.7)
    own = auto_gamma(focus.problem.n_bits) if isinstance(own, str) else own
    with st.container(horizontal=True, gap=24, vertical_alignment="bottom"):
        tiles = st.container(horizontal=True, gap="medium", width="content")
        gamma = _slider(float(own if isinstance(own, (int, float)) else own[0]))
    kernel, n_bits = HammingKernel(gamma), focus.problem.n_bits
    found: Spectra | None = result(
        view.ask(focus.key, "spectrum", focus.step, lambda watch: calculate(focus)), "Transforming"
    )
    case: Case | None = result(
        view.ask(f"N{n_bits}", "hidden", n_bits, lambda watch: _case(n_bits)), "Constructing the case"
    )
    weight = bandwidth_by_order(kernel, n_bits)
    body = mean_body(kernel, n_bits)
    if found is not None:
        _run(focus, found, kernel, weight, body, tiles)
    if case is not None:
        _hidden(case, kernel, weight, n_bits)


def _slider(own: float) -> float:
    options = sorted({*GAMMAS, own})
    held = state.choice("gamma", [f"{g:g}" for g in options], f"{own:g}")
    key = "explore.gamma"
    return float(
        st.select_slider(
            "Kernel exp(−γ · Hamming distance): γ",
            options,
            value=next(g for g in options if f"{g:g}" == held),
            key=key,
            format_func=lambda g: f"{g:g}",
            on_change=lambda: state.keep_choice("gamma", f"{state.widget(key):g}"),
            help="How sharply strings are told apart: at first the run's own γ, or 0.7 where its loss has no kernel.",
        )
    )


def _run(
    focus: Focus, found: Spectra, kernel: HammingKernel, weight: Array, body: float, place: DeltaGenerator
) -> None:
    n_bits = focus.problem.n_bits
    seen = by_order(found.difference.weight, kernel)
    mmd2 = float(seen.sum())
    tiles = (
        (
            "Order seen, Nτ",
            digits(body),
            f"How many weights together the kernel looks at, in the mean: it weighs parities like {n_bits} flips of a "
            f"coin that shows heads with probability τ = (1 − exp(−γ))/2 = {digits(kernel.tau[0])}.",
        ),
        ("Order of the cost", digits(float(found.cost.mean_order)), "How many weights together the cost depends on."),
        ("MMD²(q, π)", digits(mmd2), "How far the circuit is from the prior as this kernel sees it."),
        ("KL(q ‖ π)", f"{digits(found.kl_prior)} nats", "How far the circuit is from the prior: all there is to see."),
    )
    with place:
        for label, value, hint in tiles:
            st.metric(label, value, help=hint, width="content")
    left, right = st.columns(2, gap="small")
    with left:
        live_chart(
            spectrum_bars(found.cost.share, found.difference.share, weight, objective=focus.objective, mean_order=body),
            name="spectrum",
            alt=f"Walsh spectrum by order; the cost's mean order is {float(found.cost.mean_order):.3g}, "
            f"the kernel looks at {body:.3g}.",
            height=270,
        )
    ways = np.array([math.comb(n_bits, k) for k in range(n_bits + 1)], dtype=np.float64)
    with right:
        live_chart(
            mmd_parts(seen, found.difference.weight / ways, objective=focus.objective, mmd2=mmd2),
            name="mmd",
            alt=f"Contribution of each order to MMD², which is {mmd2:.3g}.",
            height=270,
        )


def _hidden(case: Case, kernel: HammingKernel, weight: Array, n_bits: int) -> None:
    mmd2 = float(by_order(case.orders, kernel).sum())
    checks = round(case.kl / math.log(2.0))
    lowest = int(np.flatnonzero(case.orders)[0]) if case.orders.any() else n_bits
    left, right = st.columns([1.4, 1], gap="small", vertical_alignment="center")
    with left:
        live_chart(
            hidden_case(case.orders, weight, kl=case.kl, mmd2=mmd2),
            name="hidden",
            alt=f"A constructed q with KL {case.kl:.3g} nats from the uniform distribution and MMD² {mmd2:.2g}.",
            height=250,
        )
    with right:
        st.markdown(
            f"Constructed: q is uniform on the strings that pass **{checks}** parity checks of at least **{lowest}** "
            f"of the {n_bits} bits, so it uses only 1 in {2**checks:,} strings, and KL(q‖π) = **{case.kl:.2f} nats**. "
            f"A kernel with γ = {kernel.gammas[0]:g} looks at orders near {mean_body(kernel, n_bits):.1f} and sees "
            f"MMD² = **{digits(mmd2)}**: a loss that holds q near π by this kernel would let such a q pass."
        )
