"""Is it quantum? A contender beside its twin without entanglement, and beside the exact posterior."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app import services, state
from app.figures import Figure, message
from app.figures.bonds import neighbour_curves
from app.figures.dependence import dependence_matrices
from app.kept_chart import kept_chart
from app.views.compare import wide
from app.views.compare.charts import mean_of
from app.views.compare.data import Lane, Seen, weight_labels
from app.views.compare.sentences import sentence
from qhn_core.analysis.dependence import dependence
from qhn_core.analysis.statistics import compare
from qhn_core.errors import QHNError
from qhn_core.metrics import JUDGED, METRICS
from qhn_core.runner import RunState
from qhn_core.studies.race.config import RaceConfig

_TWIN = "race.twin"
#: What the contender without entanglement is called.
TWIN = "product twin"
_HEIGHT = 380
#: What the contender and its twin are compared by.
_JUDGED = ("kl_posterior", "predictive_nll_test", "accuracy_test")
#: Probabilities that are looked at at once, seeds times 2**N.
_LARGEST = 1 << 21


def twin_busy(seen: Seen | None) -> bool:
    """Whether the twin of the race shown is in training."""
    found = _twin(seen)
    return found is not None and services.races().status(found).run.state.active


def show(seen: Seen | None) -> None:
    """Button, matrices, and what they say."""
    if seen is None or not seen.logged or seen.setup is None:
        st.info("Train the race first.", icon=":material/lan:")
        return
    titles = [lane.title for lane in seen.lanes]
    first = next((i for i, c in enumerate(seen.config.contenders) if c.objective.weight), 0)
    key = f"race.twin.of.{seen.race_id}"
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Circuit of",
            titles,
            titles.index(state.widget(key, titles[first])),
            key=key,
            help="The contender whose circuit is compared with one that has no entanglement.",
            width=200,
        )
        index = titles.index(chosen)
        twin = _twin(seen, index)
        st.button(
            "Train the product twin",
            icon=":material/lan:",
            key="race.train_twin",
            disabled=twin is not None or seen.status.run.state is RunState.RUNNING,
            on_click=_train_twin,
            args=(seen, index),
            help="The same loss, estimator, draws, data, seeds and steps, with a circuit that has no entangling gate",
        )
    st.caption(
        "A product circuit leaves all weights independent. What entanglement adds is dependence between weights; "
        "where the posterior has little of it, there is little to gain."
    )
    _chart(seen, index, twin)
    _verdict(seen, index, twin)


def _twin(seen: Seen | None, index: int | None = None) -> str | None:
    """Id of the twin's race, if it was started for this race (and this contender)."""
    if seen is None:
        return None
    text = str(state.recall(_TWIN, ""))
    race_id, _, rest = text.partition(":")
    side, _, twin = rest.partition(":")
    if race_id != seen.race_id or (index is not None and side != str(index)) or not services.races().known(twin):
        return None
    return twin


def _train_twin(seen: Seen, index: int) -> None:
    state.remember("race.problem", "")
    try:
        twin = services.races().start(twin_of(seen.config, index), instant=True)
        state.remember(_TWIN, f"{seen.race_id}:{index}:{twin}")
    except QHNError as error:
        state.remember("race.problem", str(error))


def twin_of(config: RaceConfig, index: int) -> RaceConfig:
    """A race of one: the contender with a product circuit in place of its own."""
    contender = config.contenders[index]
    own = contender.ansatz or config.base.ansatz
    side = config.to_dict()["contenders"][index]
    same = {name: getattr(own, name) for name in ("hadamard", "init", "scale")}
    side |= {"label": TWIN, "ansatz": {"name": "product", **same}}
    return RaceConfig.parse({"base": config.base.to_dict(), "contenders": [side], "rivals": []})


def _chart(seen: Seen, index: int, twin: str | None) -> None:
    done = twin is not None and not services.races().status(twin).run.state.active
    rows = len(services.races().history(twin, 0).steps) if twin is not None else 0
    kept_chart(
        partial(_figure, seen, index, twin if rows else None),
        name="dependence",
        key=("race", seen.race_id, index),
        version=(seen.at_step, rows, done),
        patience=0.0 if done or not rows else 1.0,
        height=_HEIGHT,
    )


def _figure(seen: Seen, index: int, twin: str | None) -> tuple[Figure, str]:
    if wide.is_wide(seen.config.base):
        return _neighbours(seen, index, twin)
    races, n_seeds = services.races(), seen.config.base.replicas
    assert seen.setup is not None  # noqa: S101 -- show() asks only then
    few = slice(0, max(1, min(n_seeds, _LARGEST >> seen.setup.setups[0].plan.n_qubits)))
    found: dict[str, tuple[NDArray[np.float64], float]] = {}
    own = races.probs(seen.race_id, index, seen.at_step, few)
    if own is None:
        return message("Mutual information", "Preparing …"), "Mutual information: being prepared."
    found[f"{seen.lanes[index].title}, circuit"] = _mean(own[1])
    if twin is not None:
        product = races.probs(twin, 0, seen.at_step, few)
        if product is not None:
            found[TWIN] = _mean(product[1])
    problem: Any = seen.setup.setups[index].problem
    found["exact posterior"] = _mean(np.atleast_2d(problem.posterior)[few])
    figure = dependence_matrices(found, labels=weight_labels(seen))
    words = "; ".join(f"{name} {floor:.3g} nats" for name, (_, floor) in found.items())
    return figure, f"Mutual information between weights. Total correlation, means over seeds: {words}."


def _neighbours(seen: Seen, index: int, twin: str | None) -> tuple[Figure, str]:
    """Where 2^N strings are too many: exact mutual information of neighbours, and how far q is from any product."""
    title = "Mutual information of neighbouring weights"
    sides = [(f"{seen.lanes[index].title}, circuit", seen.race_id, index)]
    if twin is not None:
        sides.append((TWIN, twin, 0))
    curves, words = {}, []
    for name, race, contender in sides:
        parts = wide.bonds(race, contender, seen.at_step)
        if isinstance(parts, str):
            return message(title, parts), f"{title}: {parts}"
        far = np.mean([part.total_correlation.mean for part in parts])
        error = np.sqrt(np.sum([part.total_correlation.error**2 for part in parts])) / len(parts)
        words.append(f"{name}: {far:.3g} ± {error:.1g} nats from the nearest product")
        curves[words[-1]] = np.mean([part.information for part in parts], axis=0)
    return neighbour_curves(curves), f"{title}, bits, means over {len(parts)} seeds. {'; '.join(words)}."


def _mean(q: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    found = dependence(q)
    return found.mutual_information.mean(axis=0), float(found.total_correlation.mean())


def _verdict(seen: Seen, index: int, twin: str | None) -> None:
    lane = seen.lanes[index]
    if twin is None:
        return
    status, rows = services.races().status(twin).run, services.races().history(twin, 0)
    if status.state is RunState.FAILED:
        st.error(f"The twin failed: {status.message}")
    if not len(rows.steps):
        st.caption("The twin is being prepared …")
        return
    if status.state.active:
        st.caption(f"The twin trains: step {status.step} of {status.steps}.")
    at = max(0, int(np.searchsorted(rows.steps, seen.at_step, side="right")) - 1)
    logged = lane.rows.history
    shown = [METRICS[n] for n in _JUDGED if n in logged and not np.isnan(logged[n][lane.at]).all()]
    same = int(rows.steps[at]) == seen.at_step
    lines = ["| means over seeds | " + " | ".join(m.short for m in shown) + " |", "|---|" + "--:|" * len(shown)]
    for name, row in (
        (lane.title, {k: v[lane.at] for k, v in lane.rows.history.items()}),
        (TWIN if same else f"{TWIN}, step {rows.steps[at]}", {k: v[at] for k, v in rows.history.items()}),
    ):
        cells = [m.text(mean_of(row[m.name])) for m in shown]
        lines.append(f"| **{name}** | " + " | ".join(cells) + " |")
    st.markdown("\n".join(lines))
    _judge(seen, lane, {m.name: rows.history[m.name][at] for m in shown}, same=same)


def _judge(seen: Seen, lane: Lane, twin: Mapping[str, NDArray[np.float64]], *, same: bool) -> None:
    """Whether entanglement earned anything: the contender against its twin, paired by seed."""
    if not same:
        st.caption("The verdict follows when both stand at the same step.")
        return
    own = {name: lane.final(name) for name in twin}
    known = {name: JUDGED[name] for name, values in own.items() if not np.isnan(values).all()}
    found = compare({TWIN: twin, lane.title: own}, reference=TWIN, metrics=known, clusters=seen.clusters)
    look = seen.at_step != seen.config.judged_at
    st.markdown("\n".join(f"- {sentence(c, exploratory=look)}" for c in found))
    words = "Paired by seed: sign-flip test, corrected for these comparisons (Holm, 5 %). "
    st.caption(words + wide.judged_by(seen.config.configs()[seen.lanes.index(lane)]))
