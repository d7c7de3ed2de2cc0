"""Pictures that are asked for, below the others on Train: the film, entanglement, the barometer, and the branches."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app import film_pictures, services, state
from app.figures.ghosts import marked
from app.figures.over_training import barometer, dependence_curves, entropy_map
from app.figures.trainability import steepness
from app.jobs import Watch, jobs, result
from app.live_chart import live_chart
from app.numbers import digits
from app.pictures import weight_labels
from app.views.train import below, branches
from app.views.train.mounting import Chart, mount
from app.views.train.shown import Shown
from qhn_core.analysis.entanglement import MOST_QUBITS
from qhn_core.analysis.trainability import GradientVariance
from qhn_core.errors import Unsupported

Array = NDArray[np.float64]
#: Name -> what the control shows.
KINDS = {
    "film": "Prediction film",
    "entanglement": "Entanglement",
    "plateau": "Plateau barometer",
    "branches": "Branches",
}
_KEY = "view.more"
#: Steps at which entanglement is worked out.
_POINTS = 40
#: Random starts beside which a run is set, and qubits up to which that is done.
_STARTS, _MOST_AT_RANDOM = 64, 13
HEIGHT = 280


def show(shown: Shown, choice: str, *, every: float) -> bool:
    """The control, and what was asked for; returns whether something is still being worked out.

    Args:
        shown: a run, or the preview of one.
        choice: which start, one of :func:`app.starts.options`.
        every: seconds between refreshes while the run goes on.
    """
    asked = st.pills(
        "More pictures",
        list(KINDS),
        format_func=lambda name: KINDS[name],
        key=_KEY,
        help="Pictures beside those of every run: how they changed while it trained.",
    )
    if asked == "film":
        _film(shown, choice, every)
    elif asked == "branches":
        branches.show(shown)
    elif asked in KINDS and not (shown.rests and shown.setup is not None and shown.theta is not None):
        st.caption("Shown for a run that rests: pause it, or wait for its end.")
    elif asked == "entanglement":
        return _entanglement(shown, choice)
    elif asked == "plateau":
        return _plateau(shown, choice)
    return False


def _film(shown: Shown, choice: str, every: float) -> None:
    if not shown.config.dataset.needs_network:
        st.caption("A cost table makes no predictions.")
        return
    names = list(film_pictures.CAST)
    with st.container(key="alike.film"):
        for row in (names[:3], names[3:]):
            for column, who in zip(st.columns(3, gap="small"), row, strict=True):
                draw = partial(film_pictures.film, who=who)
                build = partial(below.picture, choice=choice, draw=draw, title=film_pictures.CAST[who])
                with column:
                    mount(shown, Chart(f"film-{who}", build, HEIGHT, every, choice))
    st.caption("Drawn networks are drawn with the same random numbers at every step: each changes only when q does.")


def _entanglement(shown: Shown, choice: str) -> bool:
    assert shown.setup is not None  # noqa: S101 -- show() asks only then
    assert shown.status is not None  # noqa: S101 -- it rests
    circuit, start = shown.setup.circuit, below.start_of(shown, choice)
    if circuit.n_qubits > MOST_QUBITS or circuit.n_qubits < 2:
        st.caption(f"Entropies are worked out for 2 to {MOST_QUBITS} qubits; this circuit has {circuit.n_qubits}.")
        return False
    run, newest = shown.status.run_id, (shown.newest or shown).step
    job = jobs().get((run, newest, start, "entanglement"), partial(_entropies, run, circuit, start))
    found: tuple[Array, ...] | None = result(job, "Working out entropies of the kept steps")
    if found is None:
        return not job.ready
    steps, qubits, cuts, total, pair = found
    labels = weight_labels(shown.config, circuit.n_qubits)
    gaps = [f"{labels[i]} | {labels[i + 1]}" for i in range(circuit.n_qubits - 1)]
    between = [f"{i} | {i + 1}" for i in range(circuit.n_qubits - 1)]  # wires by number, as the circuit has them
    top = max(1.0, float(cuts.max()))
    figures = (
        ("cuts", entropy_map(steps, cuts, between, title="Entropy of each cut, bits", top=top, told=gaps)),
        (
            "qubits",
            entropy_map(steps, qubits, labels[: circuit.n_qubits], title="Entropy of each qubit, bits", top=1.0),
        ),
        ("dependence", dependence_curves(steps, total, pair, cuts.mean(axis=1), objective=shown.config.objective.name)),
    )
    texts = (
        f"Entropy of each cut over steps, up to {cuts.max():.3f} bits.",
        f"Entropy of each qubit over steps, up to {qubits.max():.3f} bits.",
        f"Total correlation of the weights, {total[0]:.3g} bits at first and {total[-1]:.3g} at the last step.",
    )
    for column, (name, figure), alt in zip(st.columns(3, gap="small"), figures, texts, strict=True):
        with column:
            seen = marked(figure, shown.step) if shown.newest is not None else figure
            live_chart(seen, name=f"entanglement-{name}", alt=alt, height=HEIGHT)
    said = f"Start {start + 1}. " if shown.config.replicas > 1 else ""
    st.caption(
        f"{said}The state's entanglement (entropies) and what the weights show of it: a total correlation of 0 is a "
        "product distribution. Phases entangle too, and no measurement of the weights sees them."
    )
    return False


def _entropies(run: str, circuit: Any, start: int, watch: Watch) -> tuple[Array, ...]:
    """Steps (K,), entropies of qubits (K, N) and cuts (K, N − 1), total correlation and closest pair (K,), bits."""
    from qhn_core.analysis.dependence import dependence
    from qhn_core.analysis.entanglement import entropies
    from qhn_core.engines import engine

    supervisor = services.supervisor()
    kept = supervisor.kept_steps(run)
    if not len(kept):
        raise Unsupported("This run kept none of its steps: train it again to see how its entanglement changed.")
    chosen = kept[np.unique(np.linspace(0, len(kept) - 1, min(_POINTS, len(kept))).round().astype(int))]
    rows = []
    for k, step in enumerate(chosen):
        if watch.cancelled():
            raise Unsupported("Given up.")
        theta = supervisor.state_at(run, int(step)).theta[start]
        found, weights = entropies(circuit, theta), dependence(engine("statevector").probs(circuit, theta))
        pairs = weights.mutual_information - np.diag(np.diag(weights.mutual_information))
        rows.append((found.qubits, found.cuts, float(weights.total_correlation) / np.log(2.0), float(pairs.max())))
        watch.progress((k + 1) / len(chosen))
    qubits, cuts, total, pair = (np.array(part) for part in zip(*rows, strict=True))
    return chosen, qubits, cuts, total, pair


def _plateau(shown: Shown, choice: str) -> bool:
    from qhn_core.analysis.trainability import relative_gradient

    assert shown.setup is not None  # noqa: S101 -- show() asks only then
    config, circuit = shown.config, shown.setup.circuit
    start, problem = below.start_of(shown, choice), shown.problem(below.start_of(shown, choice))
    if circuit.n_qubits > _MOST_AT_RANDOM or problem is None or circuit.n_params == 0:
        st.caption(f"A run is set beside random starts up to {_MOST_AT_RANDOM} qubits.")
        return False
    job = jobs().get((shown.key, start, "plateau"), partial(_at_random, shown, problem))
    found: GradientVariance | None = result(job, f"Drawing {_STARTS} random starts")
    newest = shown.newest or shown
    norms = newest.history.get("grad_norm", np.zeros((0, config.replicas)))
    if found is None or not len(norms):
        return not job.ready
    square = norms[:, start] ** 2 / max(1, found.active)
    row = min(max(int(np.searchsorted(newest.steps, shown.step, side="right")) - 1, 0), len(square) - 1)
    low, high = np.quantile(found.by_start, [0.05, 0.95])
    figure = barometer(
        float(square[0]),
        float(square[row]),
        found.mean_square,
        objective=config.objective.name,
        step=int(newest.steps[row]),
        low=float(low),
        high=float(high),
    )
    ratio = relative_gradient(norms[:, [start]], found)
    curve = steepness(newest.steps, ratio, objective=config.objective.name, total=config.steps)
    left, right = st.columns(2, gap="small")
    with left:
        here = f"Mean squared gradient {square[row]:.2e} at step {newest.steps[row]}"
        alt = f"{here}; random starts {found.mean_square:.2e}."
        live_chart(figure, name="barometer", alt=alt, height=HEIGHT)
    with right:
        shown_curve = marked(curve, shown.step) if shown.newest is not None else curve
        live_chart(shown_curve, name="steepness", alt="Squared gradient over that of random starts.", height=HEIGHT)
    st.caption(_standing(found, float(ratio[0, 0]), float(ratio[row, 0]), circuit.n_qubits, config.ansatz.layers))
    return False


def _standing(found: GradientVariance, first: float, now: float, qubits: int, layers: int) -> str:
    said = (
        f"{found.replicas} random uniform starts of this circuit ({qubits} qubits, {layers} layers) have "
        f"Var ∂L/n = {digits(found.variance)} per rad². This start began at {digits(first)} times their mean squared "
        f"gradient and is at {digits(now)} times now."
    )
    if first < 0.01:
        return f"{said} It began flat: a plateau, not an optimum."
    return said if now > 0.01 else f"{said} It became flat by training: near an optimum or a saddle, not a plateau."


def _at_random(shown: Shown, problem: Any, watch: Watch) -> GradientVariance:
    from qhn_core.analysis.trainability import gradient_variance
    from qhn_core.engines import engine

    assert shown.setup is not None  # noqa: S101 -- show() asks only then
    return gradient_variance(
        shown.setup.circuit,
        problem,
        shown.config.objective,
        engine=engine("statevector"),
        replicas=_STARTS,
        seed=shown.config.seed + 1,
        step=shown.config.steps,
        cancelled=watch.cancelled,
    )


def busy() -> bool:
    """Whether something was being worked out when the page was drawn last."""
    return bool(state.recall("train.more.busy", False))


def settle(waiting: bool) -> None:
    """Refresh as long as something is worked out, and no longer."""
    if waiting != busy():
        state.remember("train.more.busy", waiting)
        st.rerun()
