"""The loss as an equation, each term with its number as it stands, and the networks that cost most."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app import starts, state, wide_tables
from app.describe import loss_names
from app.figures import loss_colour
from app.figures.palette import legible
from app.views.train.shown import Shown
from qhn_core.analysis.shares import term_shares

Array = NDArray[np.float64]
#: Term of a loss ÷ n -> how it is written.
TERMS: Mapping[str, str] = {
    "nll": r"\tfrac{1}{n}\,\mathbb{E}_{q}\,\ell(w)",
    "kl": r"\tfrac{\beta}{n}\,\mathrm{KL}(q\,\|\,\pi)",
    "mmd": r"\lambda\,\mathrm{MMD}^2_k(q,\pi)",
    "ksd": r"\tfrac{1}{n}\,\mathrm{KSD}^2(q\,\|\,p(w|D))",
}
#: Networks in the table.
_TOP = 5
_KEY = "view.equation"


def equation(objective: str, row: Mapping[str, float], *, dark: bool = False) -> str:
    """LaTeX of loss ÷ n at one step of one start: its terms, below them their numbers in the loss's colour, the sum.

    Args:
        objective: the loss's name.
        row: ``loss`` and the ``term_…``, nats per example.
        dark: whether the numbers stand on a dark ground.
    """
    names = [name for name in row if name.startswith("term_") and not math.isnan(row[name])]
    colour = legible(loss_colour(objective), dark=dark)
    symbols = [TERMS.get(name.removeprefix("term_"), rf"\text{{{_plain(name)}}}") for name in names] or ["L/n"]
    numbers = [rf"\textcolor{{{colour}}}{{{row[name]:.4f}}}" for name in names]
    left = rf"\tfrac{{1}}{{n}}L_{{\text{{{_plain(loss_names().get(objective, objective))}}}}} &= {' + '.join(symbols)}"
    total = rf"\textcolor{{{colour}}}{{\mathbf{{{row['loss']:.4f}}}}}"
    right = f"{' + '.join(numbers)} = {total}" if len(names) > 1 else total
    return rf"\begin{{aligned}}{left}\\[.3em]&= {right}\end{{aligned}}"


def _plain(name: str) -> str:
    """A term's name without what LaTeX would read as a command."""
    return "".join(c if c.isalnum() else " " for c in name.removeprefix("term_"))


def largest(shares: Array, *, count: int = _TOP) -> NDArray[np.intp]:
    """The strings that add most to a term, or take most away, from the largest down."""
    return np.argsort(-np.abs(shares), kind="stable")[:count]


def switch() -> None:
    """Whether the equation is shown: a switch beside the tiles."""
    st.toggle("Equation", key=_KEY, help="The loss with the number of each of its terms.")


def show(shown: Shown | None) -> None:
    """The equation, where it is asked for."""
    if not state.widget(_KEY, False):
        return
    if shown is None or "loss" not in shown.history or not len(shown.steps):
        st.caption("No step logged yet.")
        return
    losses, replicas = shown.losses, shown.config.replicas
    choice = starts.chosen(replicas)
    active = shown.status is not None and shown.status.active
    start = starts.start_of(choice, losses, replicas=replicas, active=active, steps=(shown.newest or shown).steps)
    row = {
        name: float(values[-1, start]) for name, values in shown.history.items() if name.startswith(("loss", "term"))
    }
    st.latex(equation(shown.config.objective.name, row, dark=st.context.theme.type == "dark"))
    where = ", ".join(filter(None, (starts.said(choice, start, replicas), f"step {int(shown.steps[-1])}")))
    problem, q = shown.problem(start), shown.q(start)
    if problem is None or q is None or not shown.enumerable:
        st.caption(f"Numbers: {where}; nats per example.")
        return
    st.caption(f"Numbers: {where}; nats per example. The networks that contribute most to each term:")
    terms = term_shares(shown.config.objective, q, problem, step=int(shown.steps[-1]))
    for column, (name, shares) in zip(st.columns(max(1, len(terms)), gap="small"), terms.items(), strict=False):
        with column:
            st.latex(TERMS.get(name, rf"\text{{{_plain(name)}}}"))
            rows = [
                f"| `{_pattern(int(w), problem.n_bits)}` | {q[w]:.3g} | {problem.nll[w] / problem.n_train:.3g} "
                f"| {shares[w]:+.3g} |".replace("-", "−")
                for w in largest(shares)
            ]
            st.markdown("| network | q(w) | ℓ(w) ÷ n | adds |\n|---|---|---|---|\n" + "\n".join(rows))
    wide_tables.reach()


def _pattern(index: int, n_bits: int) -> str:
    return "".join("+" if (index >> k) & 1 else "−" for k in range(n_bits - 1, -1, -1))
