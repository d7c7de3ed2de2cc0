"""``sweep SWEEP``: train every combination of varied fields."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qhn_core.commands.shared.common import DataOption, QuietOption, number, open_store
from qhn_core.commands.shared.cost import YesOption, confirm_costs


def command(
    sweep: Annotated[Path, typer.Argument(metavar="SWEEP", help="A sweep, YAML or JSON: base, axes, metric.")],
    out: Annotated[Path, typer.Option(help="Folder of the results; a sweep goes on with what is missing there.")],
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, such as tcp://host:8786 [default: this machine].")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes on this machine [default: one a core].")] = None,
    data: DataOption = None,
    quiet: QuietOption = False,
    yes: YesOption = False,
) -> None:
    """Train every combination in SWEEP, show the table, and write sweep.csv and sweep.html (a heat map) into OUT."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from qhn_core.studies.executors import run_sweep
    from qhn_core.studies.sweep import SweepFolder, load_sweep, table
    from qhn_core.studies.sweep_report import write_report

    wanted, folder = load_sweep(sweep), SweepFolder(out)
    uploads = open_store(data).uploads
    missing = {cell.key: cell.config for cell in wanted.cells() if not folder.has(cell.key)}
    confirm_costs([(config, 0) for config in missing.values()], uploads, yes=yes)
    console = Console(stderr=True)
    columns = (TextColumn("cells"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=quiet) as bar:
        task = bar.add_task("cells", total=None)
        run_sweep(
            wanted,
            folder,
            scheduler=scheduler,
            workers=workers,
            uploads=str(uploads),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    rows = table(wanted, folder)
    typer.echo("\t".join([*wanted.axes, wanted.metric, "± standard error", "seeds"]))
    for row in rows:
        point = [str(row[axis]) for axis in wanted.axes]
        typer.echo("\t".join([*point, number(row["mean"], 4), number(row["standard_error"], 2), str(row["seeds"])]))
    typer.echo(f"Written: {write_report(wanted, rows, out)}", err=True)
