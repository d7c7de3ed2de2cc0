"""``reproduce``: measure the claim on this project's fixed grid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qhn_core.commands.shared.common import QuietOption


def command(
    out: Annotated[Path, typer.Option(help="Folder of the report (HTML), the tidy table (CSV) and the result (JSON).")],
    quick: Annotated[bool, typer.Option("--quick", help="The small grid: under 3 minutes on two cores.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Do the ELBO and the SELBO beat MLE? Run the grid and write a report, whichever way it comes out."""
    from rich.console import Console
    from rich.progress import Progress

    from qhn_core.studies.claims.grid import GRIDS
    from qhn_core.studies.claims.run import reproduce

    name = "quick" if quick else "full"
    console = Console(stderr=True)
    if not quiet:
        grid = GRIDS[name]
        console.print(f"{len(grid.scenarios)} scenarios, {grid.seeds} seeds each: {grid.duration}.")
    with Progress(console=console, disable=quiet) as bar:
        task = bar.add_task("running", total=1.0)
        report = reproduce(name, out, progress=lambda what, share: bar.update(task, completed=share, description=what))
    typer.echo(str(report))
