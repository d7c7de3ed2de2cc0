"""What runs on a real device cost, and the question before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
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
    confirm_costs([(config, done)], uploads, yes=yes)


def confirm_costs(parts: Iterable[tuple[RunConfig, int]], uploads: Path, *, yes: bool) -> None:
    """As :func:`confirm_cost`, once for several runs: pairs of a configuration and the steps done already."""
    from qhn_core.config import plan

    circuits = shots = 0
    devices: dict[str, None] = {}
    for config, done in parts:
        if getattr(config.engine, "remote", False):
            more = plan(config, uploads).cost(config.steps, done)
            circuits, shots = circuits + more[0], shots + more[1]
            devices[str(getattr(config.engine, "backend", ""))] = None
    if not devices:
        return
    typer.echo(f"{circuits:,} circuits, {shots:,} shots on {' and '.join(devices)}.", err=True)
    if not yes:
        typer.confirm("They leave this machine and may cost money. Send them?", abort=True, err=True)
