"""The report as text: rich tables for a terminal, Markdown for the README."""

from __future__ import annotations

from statistics import median
from typing import Any

from qhn_core.bench.run import Figure, Report, Row, Spread

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


_SPREAD = ("estimator", "N", "angles", "evaluations of ℓ", "variance · evaluations / |∂L|²", "bias / |∂L|")


def _spread(found: Spread) -> tuple[str, ...]:
    numbers = (str(found.qubits), str(found.angles), str(found.evaluations))
    return (found.estimator, *numbers, f"{found.noise:.3g}", f"{found.bias:.2g}")


_SUMMARY = ("N", "replicas", "target", "met", "smallest ratio", "median", "largest ratio")


def summary(report: Report) -> list[tuple[str, ...]]:
    """For each size that several circuits or losses were measured at: how many meet its target, and the extremes."""
    groups: dict[tuple[int, int], list[Row]] = {}
    for row in report.rows:
        groups.setdefault((row.cell.qubits, row.cell.replicas), []).append(row)
    lines: list[tuple[str, ...]] = []
    for (qubits, replicas), found in sorted(groups.items()):
        if len(found) == 1:
            continue
        found = sorted(found, key=lambda row: row.ratio)
        target, met = found[0].cell.target, sum(row.met for row in found)
        lines.append(
            (
                str(qubits),
                str(replicas),
                "" if target is None else f"≥ {target:g}×",
                "" if target is None else f"{met} of {len(found)}",
                _extreme(found[0]),
                f"{median(row.ratio for row in found):.3g}×",
                _extreme(found[-1]),
            )
        )
    return lines


def _extreme(row: Row) -> str:
    return f"{row.ratio:.3g}× ({row.cell.circuit}, {row.cell.loss})"


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
    if lines := summary(report):
        table = Table(*_SUMMARY, title="All circuits and losses of a size")
        for line in lines:
            table.add_row(*line)
        console.print(table)
    if report.figures:
        table = Table("figure", "measured", "target", "verdict", "", title="Other figures")
        for figure in report.figures:
            table.add_row(*_figure(figure), style=None if figure.met else "bold red")
        console.print(table)
    if report.spreads:
        table = Table(*_SPREAD, title="Noise of the gradient for what it costs")
        for found in report.spreads:
            table.add_row(*_spread(found))
        console.print(table)
    console.print(caption(report))


def markdown(report: Report) -> str:
    """The report as Markdown tables."""
    parts: list[str] = []
    both: tuple[tuple[tuple[str, ...], list[Any]], ...] = (
        (_HEAD, [_cells(row) for row in report.rows]),
        (_SUMMARY, summary(report)),
        (("figure", "measured", "target", "verdict", "detail"), [_figure(f) for f in report.figures]),
        (_SPREAD, [_spread(s) for s in report.spreads]),
    )
    for head, rows in both:
        if rows:
            lines = [head, ("---",) * len(head), *rows]
            parts.append("\n".join("| " + " | ".join(line) + " |" for line in lines))
    return "\n\n".join([*parts, caption(report)]) + "\n"
