"""A circuit of hundreds of wires: a window of it as a diagram, and the whole as its entanglement profile."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from app import figures
from app.figures.profile import entanglement_profile
from app.pictures import Built
from qhn_core.circuits.circuit import Circuit
from qhn_core.errors import QHNError

#: Wires that are drawn.
WINDOW = 10


def window(circuit: Circuit) -> tuple[int, int]:
    """First and last wire of the part that is drawn: the middle."""
    first = max(0, (circuit.n_qubits - WINDOW) // 2)
    return first, min(circuit.n_qubits, first + WINDOW) - 1


@lru_cache(maxsize=8)
def _inside(circuit_hash: str, circuit: Any) -> tuple[Any, ...]:
    first, last = window(circuit)
    kept = [g for g in circuit.gates if first <= min(g.wires) and max(g.wires) <= last]
    return tuple(type(g)(g.name, tuple(w - first for w in g.wires), g.param, g.scale, g.offset) for g in kept)


def diagram(circuit: Circuit, theta: Any, *, label: str, labels: tuple[str, ...]) -> Built:
    """The gates on a few wires in the middle."""
    first, last = window(circuit)
    title = f"Circuit: {label}, wires {first} to {last} of {circuit.n_qubits}"
    figure = figures.circuit_diagram(
        _inside(circuit.content_hash, circuit),
        last - first + 1,
        title=title,
        theta=theta,
        labels=labels[first : last + 1],
        first=first,
    )
    return figure, f"{title}: {len(circuit.gates)} gates and {circuit.n_params} angles in all."


def profile(circuit: Circuit, theta: Any) -> Built:
    """Entropy of every cut of the state that the bits are measured on."""
    from qhn_core.engines.mps.profile import entanglement

    title = "Entanglement of every cut"
    if theta is None:
        return figures.message(title, "Not known for this start before it is trained"), title
    try:
        found = entanglement(circuit, np.asarray(theta), measured=True)
    except QHNError as error:
        return figures.message(title, str(error)), f"{title}: {error}"
    figure = entanglement_profile(found.entropy, found.chi, title=title, window=window(circuit))
    most, mean = float(found.entropy.max(initial=0.0)), float(found.entropy.mean())
    return figure, f"{title}: {mean:.3f} bits on average, {most:.3f} at most, χ up to {int(found.chi.max(initial=1))}."
