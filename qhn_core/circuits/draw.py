"""A circuit as text: one line per wire, gates packed to the left, columns aligned."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from qhn_core.circuits.gates import Gate

_SHORT = {"Hadamard": "H", "IsingZZ": "ZZ"}


def angle_text(gate: Gate) -> str:
    """The angle as a formula: ``θ3``, ``2θ3+0.5``, ``1.57``; empty for a gate without one."""
    if not gate.is_rotation:
        return ""
    if gate.param is None:
        return f"{gate.offset:.3g}"
    factor = {1.0: "", -1.0: "-"}.get(gate.scale, f"{gate.scale:.3g}")
    return f"{factor}θ{gate.param}" + (f"{gate.offset:+.3g}" if gate.offset else "")


def _cells(gate: Gate) -> dict[int, str]:
    """What each wire of the gate's span shows."""
    low, high = min(gate.wires), max(gate.wires)
    if low == high:
        name = _SHORT.get(gate.name, gate.name)
        return {low: f"─{name}({angle_text(gate)})" if gate.is_rotation else f"─{name}"}
    marks = {"CNOT": ("●", "X"), "CZ": ("●", "●")}.get(gate.name, (f"ZZ({angle_text(gate)})",) * 2)
    cells = dict.fromkeys(range(low, high + 1), "│")
    cells |= dict(zip(gate.wires, marks, strict=True))
    frame = {low: "╭", high: "╰"}
    return {wire: frame.get(wire, "─" if text == "│" else "├") + text for wire, text in cells.items()}


def _columns(n_qubits: int, gates: Sequence[Gate]) -> list[list[str]]:
    """Gates packed as far left as their wires' spans allow: columns of one cell per wire, all of one width."""
    free = [0] * n_qubits
    packed: list[dict[int, str]] = []
    for gate in gates:
        span = range(min(gate.wires), max(gate.wires) + 1)
        column = max(free[wire] for wire in span)
        if column == len(packed):
            packed.append({})
        packed[column] |= _cells(gate)
        for wire in span:
            free[wire] = column + 1
    columns = []
    for cells in packed:
        size = max(map(len, cells.values()))
        columns.append([cells.get(wire, "─").ljust(size, "─") + "─" for wire in range(n_qubits)])
    return columns


def draw_gates(n_qubits: int, gates: Sequence[Gate], *, width: int) -> str:
    """The drawing; blocks of at most ``width`` characters (or one column), separated by an empty line."""
    columns = _columns(n_qubits, gates)
    heads = [f"{wire}: ".rjust(len(str(n_qubits - 1)) + 2) for wire in range(n_qubits)]
    room = max(width - len(heads[0]) - 2, 1)
    starts, used = [0], 0
    for position, column in enumerate(columns):
        if used and used + len(column[0]) > room:
            starts.append(position)
            used = 0
        used += len(column[0])
    blocks = []
    for begin, end in pairwise([*starts, len(columns)]):
        ends = "─┤" if end == len(columns) else "─…"
        lines = [heads[w] + "".join(column[w] for column in columns[begin:end]) + ends for w in range(n_qubits)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)
