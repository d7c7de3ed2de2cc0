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
    from qhn_core.planning import remote_cost

    cost = remote_cost(parts, uploads)
    if not cost.devices:
        return
    typer.echo(f"{cost.circuits:,} circuits, {cost.shots:,} shots on {' and '.join(cost.devices)}.", err=True)
    if not yes:
        typer.confirm("They leave this machine and may cost money. Send them?", abort=True, err=True)
