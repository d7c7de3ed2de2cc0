"""``bench``: how fast training steps are here, beside PennyLane in its fastest ways."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    quick: Annotated[bool, typer.Option("--quick", help="Small cells and short measurements: about a minute.")] = False,
    cells: Annotated[
        str | None, typer.Option(help="Only these, circuit:loss:qubits:replicas,… or qubits:replicas,…")
    ] = None,
    circuits: Annotated[str | None, typer.Option(help="Only these circuits, separated by commas.")] = None,
    json: Annotated[Path | None, typer.Option(help="Also write all numbers to this JSON file.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Also write the tables to this Markdown file.")] = None,
    extras: Annotated[bool, typer.Option(help="Measure memory, first step, sampled step, table and logging.")] = True,
    jax: Annotated[bool, typer.Option(help="Compare with JAX jit too, where it is installed.")] = True,
) -> None:
    """Compare full training steps with PennyLane's simulators, in turns in this process; missed targets say so.

    JAX is compared where it is installed; it is not among the requirements.
    """
    from qhn_core.bench.run import run
    from qhn_core.bench.tables import markdown as as_markdown
    from qhn_core.bench.tables import show

    names = None if circuits is None else [name.strip() for name in circuits.split(",")]
    report = run(
        quick=quick,
        cells=cells,
        circuits=names,
        extras=extras,
        jax=None if jax else False,
        progress=lambda text: typer.secho(text, err=True, fg="bright_black"),
    )
    show(report)
    if json is not None:
        json.write_text(report.to_json(), encoding="utf-8")
    if markdown is not None:
        markdown.write_text(as_markdown(report), encoding="utf-8")
