"""``delete RUN…``: remove runs for good."""

from __future__ import annotations

from typing import Annotated

import typer

from qhn_core.commands.shared.common import DataOption, open_store


def command(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="Ids of runs, or their beginnings.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    data: DataOption = None,
) -> None:
    """Remove runs with their histories and checkpoints. This cannot be undone."""
    store = open_store(data)
    wanted = [store.get(store.resolve(run)) for run in runs]
    for record in wanted:
        if yes or typer.confirm(f"Delete run {record.id}, {record.name}, {record.step} steps?"):
            store.delete(record.id)
            typer.echo(f"Deleted {record.id}.")
