"""A circuit as a diagram: wires from the top down, gates packed to the left in columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.figures.layout import FONT, axis, layout
from app.figures.palette import ACCENT, INK, MUTED, PAPER, SOFT
from app.figures.plain import Figure

#: What is drawn at most; the rest is said in the title.
MAX_GATES = 4000
_ROW = 27
#: Side of a gate's box, and least distance of two columns, pixels.
_BOX, _COLUMN = 22, 27
#: What the browser adds to the title while not all columns are in view.
_REST = f"<span style='font-size:{FONT - 2}px'>drag to see the rest</span>"
_TWO_PI = 2.0 * np.pi


class GateLike(Protocol):
    """What is needed of a gate."""

    @property
    def name(self) -> str:
        """PennyLane's name."""

    @property
    def wires(self) -> tuple[int, ...]:
        """Control first."""

    @property
    def param(self) -> int | None:
        """Index into theta."""

    def angle(self, theta: Any) -> Any:
        """Radians."""


def columns(gates: Sequence[GateLike], n_qubits: int) -> list[int]:
    """The leftmost column for each gate such that neither wires nor vertical lines overlap and order is kept."""
    free = [0] * n_qubits
    placed = []
    for gate in gates:
        span = range(min(gate.wires), max(gate.wires) + 1)
        column = max(free[w] for w in span)
        for w in span:
            free[w] = column + 1
        placed.append(column)
    return placed


def diagram_height(n_qubits: int) -> int:
    """Height in pixels at which the wires are comfortably apart."""
    return 70 + _ROW * max(n_qubits, 2)


def circuit_diagram(
    gates: Sequence[GateLike],
    n_qubits: int,
    *,
    title: str = "Circuit",
    theta: NDArray[np.float64] | None = None,
    labels: Sequence[str] = (),
    visible: int = 26,
    first: int = 0,
    gradient: NDArray[np.float64] | None = None,
    faint: bool = False,
) -> Figure:
    """The diagram; drag to the side for later columns, scroll to zoom. Where it is narrow, fewer columns are in view.

    Its title says so while there are columns out of view, which only the browser knows.

    A hand on the rim of each rotation shows its angle: up is 0, and it turns with the clock.

    Args:
        gates: in the order in which they are applied.
        n_qubits: number N of wires; wire 0 is on top.
        title: what the circuit is called.
        theta: angles (P,), radians, shown when a gate is pointed at.
        labels: what sits on each wire, such as the weight's name.
        visible: columns in view at first.
        first: number of the topmost wire, where a part of a circuit is drawn.
        gradient: ∂L/n of each angle, (P,), nats per radian, told when a gate is pointed at.
        faint: draw what couples wires as left out.
    """
    shown = gates[:MAX_GATES]
    column = np.array(columns(shown, n_qubits), dtype=float)
    width = int(column.max()) + 1 if len(shown) else 1
    traces = [_wires(n_qubits, width)]
    coupling = [*_links(shown, column), *_dots(shown, column)]
    traces += [trace | {"opacity": 0.15} for trace in coupling] if faint else coupling
    traces += _boxes(shown, column, theta, gradient)
    traces += _hands(shown, column, theta)
    if len(gates) > MAX_GATES:
        title += f" (the first {MAX_GATES} of {len(gates)} gates)"
    ticks = [f"{first + i}  {labels[i]}" if i < len(labels) else str(first + i) for i in range(n_qubits)]
    y = axis(range=[n_qubits - 0.4, -0.6], tickvals=list(range(n_qubits)), ticktext=ticks, showgrid=False)
    y |= {"fixedrange": True, "tickfont": {"size": FONT - 2, "color": MUTED}}
    x = axis(range=[-0.8, min(width, visible) - 0.2], showgrid=False, showticklabels=False)
    meta = {"unit": _COLUMN, "extent": [-0.8, width - 0.2], "rest": _REST}
    shape = layout(title, x=x, y=y, legend=False, hovermode="closest", dragmode="pan", meta=meta)
    return {"data": traces, "layout": shape}


def _wires(n_qubits: int, width: int) -> dict[str, Any]:
    x: list[float | None] = []
    y: list[int | None] = []
    for w in range(n_qubits):
        x += [-0.7, width - 0.3, None]
        y += [w, w, None]
    return _path(x, y, MUTED, 1.2, "wires")


def _path(x: Sequence[Any], y: Sequence[Any], colour: str, width: float, name: str) -> dict[str, Any]:
    line = {"color": colour, "width": width}
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "hoverinfo": "skip", "name": name}


def _links(gates: Sequence[GateLike], column: NDArray[np.float64]) -> list[dict[str, Any]]:
    x: list[float | None] = []
    y: list[int | None] = []
    for gate, c in zip(gates, column.tolist(), strict=True):
        if len(gate.wires) == 2:
            x += [c, c, None]
            y += [*sorted(gate.wires), None]
    return [_path(x, y, INK, 1.6, "links")] if x else []


def _dots(gates: Sequence[GateLike], column: NDArray[np.float64]) -> list[dict[str, Any]]:
    controls: list[tuple[float, int, str]] = []
    targets: list[tuple[float, int, str]] = []
    for gate, c in zip(gates, column.tolist(), strict=True):
        if gate.name in ("CNOT", "CZ"):
            text = f"{gate.name} {gate.wires[0]}, {gate.wires[1]}"
            controls.append((c, gate.wires[0], text))
            (targets if gate.name == "CNOT" else controls).append((c, gate.wires[1], text))
    traces = []
    for spots, name, marker in (
        (controls, "controls", {"symbol": "circle", "size": 9, "color": INK}),
        (targets, "targets", {"symbol": "circle", "size": 17, "color": PAPER, "line": {"width": 1.8, "color": INK}}),
        (targets, "plus", {"symbol": "cross-thin", "size": 15, "color": INK, "line": {"width": 1.8, "color": INK}}),
    ):
        if spots:
            traces.append(_markers(spots, name, marker))
    return traces


def _markers(spots: Sequence[tuple[float, float, str]], name: str, marker: dict[str, Any]) -> dict[str, Any]:
    x, y, text = zip(*spots, strict=True)
    return {
        "type": "scatter",
        "mode": "markers",
        "x": list(x),
        "y": list(y),
        "customdata": list(text),
        "name": name,
        "marker": {"opacity": 1, **marker},
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _boxes(
    gates: Sequence[GateLike],
    column: NDArray[np.float64],
    theta: NDArray[np.float64] | None,
    gradient: NDArray[np.float64] | None,
) -> list[dict[str, Any]]:
    fills = {"RX": SOFT, "RY": SOFT, "RZ": PAPER, "IsingZZ": SOFT, "Hadamard": PAPER}
    traces = []
    for kind, fill in fills.items():
        spots: list[tuple[float, float, str]] = []
        for gate, c in zip(gates, column.tolist(), strict=True):
            if gate.name == kind:
                spots.append((c, sum(gate.wires) / len(gate.wires), _describe(gate, theta, gradient)))
        if not spots:
            continue
        wide = kind == "IsingZZ"
        marker = {"symbol": "square", "size": _BOX, "color": fill, "line": {"width": 1.5, "color": ACCENT}}
        trace = _markers(spots, kind, marker)
        trace |= {
            "mode": "markers+text",
            "text": "ZZ" if wide else "H" if kind == "Hadamard" else kind,
            "textfont": {"size": FONT - 3, "color": INK},
            "textposition": "middle center",
        }
        traces.append(trace)
    return traces


def _hands(
    gates: Sequence[GateLike], column: NDArray[np.float64], theta: NDArray[np.float64] | None
) -> list[dict[str, Any]]:
    """On the rim of each rotation's box where its angle points, as a clock's hand does."""
    turned = [(g, c) for g, c in zip(gates, column.tolist(), strict=True) if g.param is not None]
    if theta is None or not turned:
        return []
    # Plotly moves a marker backwards by its standoff: upside down, it goes where the angle points.
    degrees = [(float(np.degrees(gate.angle(theta))) + 180.0) % 360.0 for gate, _ in turned]
    hands = {"symbol": "triangle-down", "size": 8, "color": ACCENT, "angle": degrees, "standoff": 11, "opacity": 1}
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [c for _, c in turned],
            "y": [sum(gate.wires) / len(gate.wires) for gate, _ in turned],
            "marker": hands,
            "name": "angles",
            "hoverinfo": "skip",
        }
    ]


def _describe(gate: GateLike, theta: NDArray[np.float64] | None, gradient: NDArray[np.float64] | None) -> str:
    where = ", ".join(map(str, gate.wires))
    if gate.name == "Hadamard":
        return f"Hadamard on wire {where}"
    slot = "" if gate.param is None else f" θ<sub>{gate.param}</sub>"
    value = ""
    if theta is not None or gate.param is None:
        angle = float(gate.angle(theta)) % _TWO_PI
        value = f" = {angle:.2f} rad"
    if gradient is not None and gate.param is not None:
        value += f"<br>∂L/n = {gradient[gate.param]:+.4f} nats per rad".replace("-", "−")
    return f"{gate.name} on {where}{slot}{value}"
