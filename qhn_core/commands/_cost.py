"""What a run on a real device costs, and the question before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from qhn_core.config import RunConfig

YesOption = Annotated[
    bool, typer.Option("--yes", "-y", help="Send jobs to a real device without asking; they may cost money.")
]


def confirm_cost(config: RunConfig, uploads: Path, *, done: int = 0, yes: bool) -> None:
    """Ask before the steps after ``done`` go to a real device; raises ``typer.Abort`` if the answer is no.

    Simulators and snapshots on this machine are not asked about.
    """
    if not getattr(config.engine, "remote", False):
        return
    from qhn_core.config import plan

    circuits, shots = plan(config, uploads).cost(config.steps, done)
    typer.echo(f"{circuits:,} circuits, {shots:,} shots on {getattr(config.engine, 'backend', '')}.", err=True)
    if not yes:
        typer.confirm("They leave this machine and may cost money. Send them?", abort=True, err=True)
