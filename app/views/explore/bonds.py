"""Explore: entanglement of every cut and dependence of neighbours, exact at any width."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app.figures.bonds import decided_bits, neighbour_dependence, schmidt_spectra
from app.figures.profile import entanglement_profile
from app.jobs import result
from app.live_chart import live_chart
from app.long_circuit import window
from app.numbers import digits
from app.views.explore.focus import Focus, View
from qhn_core.analysis.bonds import DRAWS, Bonds, Estimated, bonds_of

HEIGHT = 250


def show(view: View, focus: Focus) -> None:
    """Tiles, profile, spectra, neighbours and marginals."""
    if focus.problem.n_bits < 2:
        st.info("Entanglement needs at least two qubits.", icon=":material/info:")
        return
    job = view.ask(focus.key, "bonds", focus.step, lambda watch: bonds_of(focus.circuit, focus.theta, q=focus.q))
    found: Bonds | None = result(job, "Following the bonds")
    if found is None:
        return
    _tiles(found)
    left, right = st.columns(2, gap="small")
    with left:
        mean, most = float(found.entropy.mean()), float(found.entropy.max())
        live_chart(
            entanglement_profile(
                found.entropy, found.chi, title="Entanglement of every cut", window=window(focus.circuit)
            ),
            name="profile",
            alt=f"Entropy of {len(found.entropy)} cuts: {mean:.3f} bits on average, {most:.3f} at most.",
            height=HEIGHT,
        )
    with right:
        live_chart(
            schmidt_spectra(found.spectra),
            name="schmidt",
            alt=f"Schmidt coefficients of {len(found.spectra)} cuts, at most {max(map(len, found.spectra))} each.",
            height=HEIGHT,
        )
    left, right = st.columns(2, gap="small")
    with left:
        at = int(np.argmax(found.information))
        live_chart(
            neighbour_dependence(found.information, objective=focus.objective),
            name="neighbours",
            alt=f"Mutual information of neighbours: {float(found.information.max()):.3g} bits at most, "
            f"between wires {at} and {at + 1}.",
            height=HEIGHT,
        )
    with right:
        sure = float((np.abs(found.marginals - 0.5) > 0.4).mean())
        live_chart(
            decided_bits(found.marginals, objective=focus.objective),
            name="decided",
            alt=f"{sure:.0%} of {len(found.marginals)} weights have a sign with probability above 0.9.",
            height=HEIGHT,
        )
    drawn = f" but H(q) and the total correlation, which are estimated from {DRAWS} drawn strings"
    st.caption(
        "Of the state that the bits are measured on: gates at the end that no measurement sees are left out. "
        f"Everything here is exact{drawn if found.q_entropy.error else ''}."
    )


def _tiles(found: Bonds) -> None:
    apart = Estimated(*(value / np.log(2.0) for value in found.total_correlation))
    tiles = (
        ("Largest entropy of a cut", f"{digits(float(found.entropy.max()))} bits", "Of log₂ χ bits at most"),
        ("Largest χ", f"{int(found.chi.max())}", "Bond dimension of the circuit; 1 for a product circuit"),
        ("Neighbours' information", f"{digits(float(found.information.sum()))} bits", "Summed over all pairs"),
        ("H(q)", _said(found.q_entropy), "Entropy of the distribution over networks"),
        (
            "Total correlation",
            _said(apart),
            "Sum of the weights' own entropies less H(q): the KL from q to the nearest product distribution, and so "
            "what a circuit without entangling gates cannot do",
        ),
    )
    for column, (label, value, hint) in zip(st.columns([1.1, 0.7, 1.1, 1.1, 1.2], gap="small"), tiles, strict=True):
        with column:
            st.metric(label, value, help=hint)


def _said(value: Estimated) -> str:
    """A number of bits, with its error where it is estimated."""
    return f"{value.mean:.3g} ± {value.error:.1g} bits" if value.error else f"{digits(value.mean)} bits"
