"""Explore, first section: q against the exact posterior, the evidence identity, and how the weights depend."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.figures import index_of, marginal_bars
from app.figures.posterior import choose_strings, dependence_maps, posterior_scatter, top_strings_figure
from app.jobs import Watch, result
from app.live_chart import live_chart
from app.numbers import digits
from app.views.explore.focus import Focus, View
from qhn_core.analysis.dependence import dependence
from qhn_core.analysis.evidence import evidence
from qhn_core.analysis.strings import marginals, top_strings
from qhn_core.bitstrings import from_index

Array = NDArray[np.float64]
HEIGHT = 262
#: Likeliest strings of each that are compared.
TOP = 8


@dataclass(frozen=True, eq=False)
class Found:
    """Everything that the section shows, without arrays over all strings."""

    kl: float
    log_evidence: float
    elbo: float
    entropy_bits: float
    floor: float
    chosen: tuple[Array, Array, Array]
    top: tuple[list[str], list[str], Array, Array, Array]
    marginal: tuple[Array, Array]
    information: dict[str, Array]
    notes: dict[str, str]

    @property
    def residual(self) -> float:
        """|log Z − ELBO − KL|, nats: 0 but for rounding."""
        return abs(self.log_evidence - self.elbo - self.kl)


@lru_cache(maxsize=8)
def _mean_field(problem: Any) -> tuple[Array, float]:
    """Rates (N,) of the mean-field fit with the largest ELBO of several, and its KL to the posterior, nats."""
    from qhn_core.baselines import baseline
    from qhn_core.baselines.base import product_distribution

    large = problem.n_bits > 14
    fit = baseline(
        "mean_field",
        starts=2 if large else 8,
        sweeps=20 if large else 200,
        tolerance=1e-6 if large else 1e-10,
    )
    rates = marginals(np.asarray(fit.fit(problem, seed=0).probs)[0])
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
    names, places = _top(exact, q)
    patterns = ["".join("+" if bit else "−" for bit in bits) for bits in from_index(places, problem.n_bits)]
    own, theirs, none = dependence(q), dependence(exact), dependence(product)
    kl = float(at.kl_posterior[0])
    return Found(
        kl=kl,
        log_evidence=float(problem.log_evidence),
        elbo=float(at.elbo[0]),
        entropy_bits=float(at.entropy_bits[0]),
        floor=floor,
        chosen=(exact[index], q[index], product[index]),
        top=(names, patterns, exact[places], q[places], product[places]),
        marginal=(marginals(q), marginals(exact)),
        information={
            "circuit": own.mutual_information,
            "mean-field": none.mutual_information,
            "posterior": theirs.mutual_information,
        },
        notes={
            "circuit": f"KL to<br>posterior<br>{digits(kl)} nats",
            "mean-field": f"best<br>product's KL<br>{digits(floor)} nats",
            "posterior": f"KL to its<br>product<br>{digits(float(theirs.total_correlation))} nats",
        },
    )


def _top(posterior: Array, q: Array) -> tuple[list[str], NDArray[np.int64]]:
    """The likeliest strings of the posterior, then those of q that are not among them: names and indices."""
    first, own = (index_of(top_strings(p, count=TOP).bits) for p in (posterior, q))
    rest = [k for k, place in enumerate(own) if place not in first]
    names = [f"p{k + 1}" for k in range(len(first))] + [f"q{k + 1}" for k in rest]
    return names, np.concatenate([first, own[rest]])


def show(view: View, focus: Focus) -> None:
    """Tiles, the identity, and four charts."""
    job = view.ask(focus.key, "posterior", focus.step, lambda watch: calculate(focus, watch))
    found: Found | None = result(job, "Comparing with the posterior")
    if found is None:
        return
    _tiles(found, focus.config.data_draws)
    left, right = st.columns(2, gap="small")
    total = 2**focus.problem.n_bits
    with left:
        live_chart(
            posterior_scatter(*found.chosen, objective=focus.objective, total=total),
            name="posterior",
            alt=f"q against the exact posterior for {len(found.chosen[0])} strings, with KL {found.kl:.3g} nats.",
            height=HEIGHT,
        )
    names, patterns, exact, q, product = found.top
    with right:
        live_chart(
            top_strings_figure(
                names,
                patterns,
                posterior=exact,
                q=q,
                mean_field=product,
                objective=focus.objective,
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
    told = "; ".join(f"{name}: {note}" for name, note in found.notes.items()).replace("<br>", " ")
    with right:
        live_chart(
            dependence_maps(found.information, found.notes, labels=focus.labels),
            name="dependence",
            alt=f"Mutual information of the weights. {told}.",
            height=HEIGHT,
        )


def _tiles(found: Found, draws: int) -> None:
    data = "this start's draw of the data is" if draws > 1 else "these data are"
    tiles = (
        (
            "KL(q ‖ posterior)",
            f"{digits(found.kl)} nats",
            "How far the circuit's odds lie from what the data say of the networks; 0 where they agree. Independent "
            f"weights come as near as {digits(found.floor)} nats.",
        ),
        (
            "ELBO",
            f"{digits(found.elbo)} nats",
            "How well the circuit explains the data, less its distance from the prior: never above the evidence. "
            "At β = 1, over all training examples.",
        ),
        (
            "log p(D)",
            f"{digits(found.log_evidence)} nats",
            f"How likely {data} under all networks together (the evidence): the ELBO's ceiling. By enumeration.",
        ),
        ("Entropy", f"{digits(found.entropy_bits)} bits", "How undecided the circuit is between networks: H of q."),
        ("Effective networks", digits(2.0**found.entropy_bits), "How many networks the circuit still mixes: 2ᴴ."),
    )
    with st.container(horizontal=True, gap="medium"):
        for label, value, hint in tiles:
            st.metric(label, value, help=hint, width="content")
        _identity(found)


def _identity(found: Found) -> None:
    """That what the ELBO lacks to the evidence is the KL to the posterior, with the rounding that is left."""
    with st.container(gap=None, width="content"):
        st.metric(
            "log p(D) − ELBO − KL",
            f"{found.residual:.0e}",
            help="What the ELBO lacks to the evidence is the KL to the posterior: what is left of that is rounding.",
            width="content",
        )
        holds = "the identity holds" if found.residual < 1e-6 else "rounding is too large"
        st.html(
            f'<div data-residual="{found.residual:.3e}" style="font-size:.85rem;opacity:.75;line-height:1">'
            f"nats: {holds}</div>"
        )
