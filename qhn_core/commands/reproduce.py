"""``reproduce``: measure the claim on this project's fixed grids."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qhn_core.commands.shared.common import QuietOption
from qhn_core.errors import InvalidArgument


def command(
    out: Annotated[Path, typer.Option(help="Folder of the report (HTML), the tables (CSV) and the result (JSON).")],
    quick: Annotated[bool, typer.Option("--quick", help="A small grid: under 3 minutes on two cores.")] = False,
    full: Annotated[bool, typer.Option("--full", help="All parts in one report; what is run by default.")] = False,
    untuned: Annotated[bool, typer.Option("--untuned", help="Usual settings only, nothing tuned.")] = False,
    equal_budget: Annotated[
        bool, typer.Option("--equal-budget", help="The same number of likelihood evaluations for every method.")
    ] = False,
    scale: Annotated[
        bool, typer.Option("--scale", help="Instead: 24 to 1998 weights on digits, against bonds and rivals.")
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Do the ELBO and the SELBO beat MLE? Run the study and write a report, whichever way it comes out.

    Finished trials are kept in the folder: an interrupted study goes on where it was.
    """
    from rich.console import Console
    from rich.progress import Progress

    from qhn_core.studies.claims.run import reproduce
    from qhn_core.studies.claims.study import STUDIES

    if scale:
        typer.echo(str(_scale(out, quick=quick, quiet=quiet)))
        return
    flags = {"quick": quick, "full": full, "untuned": untuned, "equal-budget": equal_budget}
    name = one_of(flags)
    console = Console(stderr=True)
    if not quiet:
        console.print(f"{name}: {STUDIES[name][1]}.")
    with Progress(console=console, disable=quiet) as bar:
        task = bar.add_task("running", total=1.0)
        report = reproduce(name, out, progress=lambda what, share: bar.update(task, completed=share, description=what))
    typer.echo(str(report))


def _scale(out: Path, *, quick: bool, quiet: bool) -> Path:
    """The study of large networks."""
    from rich.console import Console
    from rich.progress import Progress

    from qhn_core.studies.scale.run import scale

    with Progress(console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task("running", total=1.0)
        return scale(out, quick=quick, progress=lambda what, share: bar.update(task, completed=share, description=what))


def one_of(flags: dict[str, bool]) -> str:
    """The study that was asked for; ``full`` by default."""
    chosen = [name for name, asked in flags.items() if asked]
    if len(chosen) > 1:
        raise InvalidArgument(
            "study",
            expected="one of " + ", ".join(f"--{name}" for name in flags),
            got=" ".join(f"--{name}" for name in chosen),
            remedy="Run them one after the other into the same folder: finished trials are shared.",
        )
    return chosen[0] if chosen else "full"
