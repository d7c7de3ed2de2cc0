"""The report as text: rich tables for a terminal, Markdown for the README."""

from __future__ import annotations

from typing import Any

from qhn_core.bench.run import Figure, Report, Row

_HEAD = ("circuit", "loss", "N", "replicas", "ours", "PennyLane", "which", "ratio", "target", "JAX jit", "verdict")


def _time(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms" if seconds < 1.0 else f"{seconds:.3g} s"


def _cells(row: Row) -> tuple[str, ...]:
    name, seconds = row.best
    target, jax = row.cell.target, row.jax_ratio
    verdict = ("met" if row.met else "MISSED") if target is not None or jax is not None else ""
    return (
        row.cell.circuit,
        row.cell.loss,
        str(row.cell.qubits),
        str(row.cell.replicas),
        _time(row.ours),
        _time(seconds),
        name,
        f"{row.ratio:.3g}×",
        f"≥ {target:g}×" if target is not None else "",
        "" if jax is None else f"{jax:.3g}×",
        verdict,
    )


def _figure(figure: Figure) -> tuple[str, ...]:
    bound = f"{'≥' if figure.at_least else '≤'} {figure.target:g} {figure.unit}".strip()
    value = f"{figure.value:.3g} {figure.unit}".strip()
    return figure.name, value, bound, "met" if figure.met else "MISSED", figure.detail


def caption(report: Report) -> str:
    """Machine, date and versions in a line."""
    m = report.machine
    versions = ", ".join(f"{k} {v}" for k, v in m.items() if k not in ("date", "processor", "cores", "load"))
    return f"{m['date']}, {m['processor']}, {m['cores']} cores, load {m['load']}; {versions}"


def show(report: Report) -> None:
    """Print the report on the terminal."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if report.rows:
        table = Table(*_HEAD, title="Full training step: probabilities, loss, gradient, Adam; double precision, median")
        for row in report.rows:
            table.add_row(*_cells(row), style=None if row.met else "bold red")
        console.print(table)
    if report.figures:
        table = Table("figure", "measured", "target", "verdict", "", title="Other figures")
        for figure in report.figures:
            table.add_row(*_figure(figure), style=None if figure.met else "bold red")
        console.print(table)
    console.print(caption(report))


def markdown(report: Report) -> str:
    """The report as Markdown tables."""
    parts: list[str] = []
    both: tuple[tuple[tuple[str, ...], list[Any]], ...] = (
        (_HEAD, [_cells(row) for row in report.rows]),
        (("figure", "measured", "target", "verdict", "detail"), [_figure(f) for f in report.figures]),
    )
    for head, rows in both:
        if rows:
            lines = [head, ("---",) * len(head), *rows]
            parts.append("\n".join("| " + " | ".join(line) + " |" for line in lines))
    return "\n\n".join([*parts, caption(report)]) + "\n"
