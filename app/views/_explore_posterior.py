"""Explore, first section: q against the exact posterior, the evidence identity, and how the weights depend."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.figures import marginal_bars
from app.figures.posterior import choose_strings, dependence_maps, posterior_scatter, top_bars
from app.live_chart import live_chart
from app.views._explore_focus import Focus, View
from app.views._explore_jobs import Watch, result
from app.views._explore_text import digits
from qhn_core.analysis.dependence import dependence
from qhn_core.analysis.evidence import evidence
from qhn_core.analysis.strings import marginals, top_strings

Array = NDArray[np.float64]
HEIGHT = 262
#: Strings compared in bars.
TOP = 10


@dataclass(frozen=True, eq=False)
class Found:
    """Everything that the section shows, without arrays over all strings."""

    kl: float
    log_evidence: float
    elbo: float
    entropy_bits: float
    floor: float
    chosen: tuple[Array, Array, Array]
    top: tuple[list[str], Array, Array, Array]
    marginal: tuple[Array, Array]
    information: dict[str, Array]
    notes: dict[str, str]

    @property
    def residual(self) -> float:
        """|log Z − ELBO − KL|, nats: 0 but for rounding."""
        return abs(self.log_evidence - self.elbo - self.kl)


@lru_cache(maxsize=8)
def _mean_field(problem: Any) -> tuple[Array, float]:
    """Rates (N,) of the best of several mean-field fits, and its KL to the posterior, nats."""
    from qhn_core.baselines import baseline
    from qhn_core.baselines.base import product_distribution

    large = problem.n_bits > 14
    fit = baseline("mean_field", sweeps=20 if large else 200, tolerance=1e-6 if large else 1e-10)
    found = fit.fit(problem, replicas=2 if large else 8, seed=0)
    scores = evidence(np.asarray(found.probs), problem).kl_posterior
    best = int(np.argmin(scores))
    rates = marginals(np.asarray(found.probs)[best])
    return rates, float(evidence(product_distribution(rates[None]), problem).kl_posterior[0])


def calculate(focus: Focus, watch: Watch) -> Found:
    """The numbers; seconds for 20 qubits, milliseconds for a dozen."""
    from qhn_core.baselines.base import product_distribution

    problem, q = focus.problem, focus.enumerated
    at = evidence(q[None], problem)
    watch.progress(0.2)
    rates, floor = _mean_field(problem)
    watch.progress(0.6)
    product, exact = product_distribution(rates[None])[0], problem.posterior
    index = choose_strings(exact, q)
    top = top_strings(exact, count=TOP)
    places = top.bits.astype(np.int64) @ (1 << np.arange(problem.n_bits - 1, -1, -1))
    patterns = ["".join("+" if bit else "−" for bit in bits) for bits in top.bits]
    own, theirs, none = dependence(q), dependence(exact), dependence(product)
    kl = float(at.kl_posterior[0])
    return Found(
        kl=kl,
        log_evidence=float(problem.log_evidence),
        elbo=float(at.elbo[0]),
        entropy_bits=float(at.entropy_bits[0]),
        floor=floor,
        chosen=(exact[index], q[index], product[index]),
        top=(patterns, exact[places], q[places], product[places]),
        marginal=(marginals(q), marginals(exact)),
        information={
            "circuit": own.mutual_information,
            "mean-field": none.mutual_information,
            "posterior": theirs.mutual_information,
        },
        notes={
            "circuit": f"KL to posterior {digits(kl)} nats",
            "mean-field": f"floor of products: {digits(floor)} nats",
            "posterior": f"dependence {digits(float(theirs.total_correlation))} nats",
        },
    )


def show(view: View, focus: Focus) -> None:
    """Tiles, the identity, and four charts."""
    job = view.ask(focus.key, "posterior", focus.step, lambda watch: calculate(focus, watch))
    found: Found | None = result(job, "Comparing with the posterior")
    if found is None:
        return
    _tiles(found)
    left, right = st.columns(2, gap="small")
    total = 2**focus.problem.n_bits
    with left:
        live_chart(
            posterior_scatter(*found.chosen, objective=focus.objective, total=total),
            name="posterior",
            alt=f"q against the exact posterior for {len(found.chosen[0])} strings, with KL {found.kl:.3g} nats.",
            height=HEIGHT,
        )
    patterns, exact, q, product = found.top
    with right:
        live_chart(
            top_bars(
                patterns,
                posterior=exact,
                q=q,
                mean_field=product,
                objective=focus.objective,
                mass=float(exact.sum()),
            ),
            name="strings",
            alt=f"The likeliest string {patterns[0]} has posterior {exact[0]:.3g} and q {q[0]:.3g}.",
            height=HEIGHT,
        )
    left, right = st.columns([1, 1.25], gap="small")
    with left:
        live_chart(
            marginal_bars(
                found.marginal[0], labels=focus.labels, objective=focus.objective, posterior=found.marginal[1]
            ),
            name="marginals",
            alt="Probability of plus for each weight under q and under the posterior.",
            height=HEIGHT,
        )
    with right:
        live_chart(
            dependence_maps(found.information, found.notes, labels=focus.labels),
            name="dependence",
            alt=f"Mutual information of the weights: {'; '.join(f'{k}: {v}' for k, v in found.notes.items())}.",
            height=HEIGHT,
        )


def _tiles(found: Found) -> None:
    tiles = (
        ("KL(q ‖ posterior)", f"{digits(found.kl)} nats", f"Best product distribution: {digits(found.floor)} nats"),
        ("ELBO", f"{digits(found.elbo)} nats", "At β = 1, over all training examples"),
        ("log p(D)", f"{digits(found.log_evidence)} nats", "Log evidence by enumeration: the ELBO's ceiling"),
        ("Entropy", f"{digits(found.entropy_bits)} bits", "Of q over all strings"),
        ("Effective networks", digits(2.0**found.entropy_bits), "2^H: how many networks share the mass of q"),
    )
    for column, (label, value, hint) in zip(st.columns(len(tiles), gap="small"), tiles, strict=True):
        with column:
            st.metric(label, value, help=hint)
    st.html(
        f'<div data-residual="{found.residual:.3e}" style="opacity:.8;font-size:.95rem">'
        f"log p(D) − ELBO − KL = {found.residual:.1e} nats: the identity holds to rounding. "
        f"What is missing to the ceiling is exactly the distance to the posterior.</div>"
    )
