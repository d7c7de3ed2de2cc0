"""``runs``: the table of runs."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from qhn_core.commands.shared.common import DataOption, number, open_store


def command(
    data: DataOption = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: one JSON list.")] = False,
) -> None:
    """List runs, pinned ones and the newest first."""
    store = open_store(data)
    records = store.list(limit=limit)
    if as_json:
        listed = [
            {
                "id": r.id,
                "name": r.name,
                "state": r.state.value,
                "message": r.message,
                "step": r.step,
                "steps": r.steps,
                "created": r.created.isoformat(),
                "summary": r.summary,
            }
            for r in records
        ]
        typer.echo(json.dumps(listed))
        return
    if not records:
        typer.echo(f"No runs in {store.folder} yet. Begin with: python -m qhn_core train CONFIG.yaml")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for title in ("Run", "Name", "State"):
        table.add_column(title)
    for title in ("Step", "Loss", "Test acc.", "KL post."):
        table.add_column(title, justify="right")
    table.add_column("Begun (local)")
    for r in records:
        metrics = [number(r.final(metric)) for metric in ("loss", "accuracy_test", "kl_posterior")]
        begun = r.created.astimezone().strftime("%Y-%m-%d %H:%M")
        name = ("* " if r.pinned else "") + r.name
        table.add_row(r.id, Text(name), r.state.value, f"{r.step}/{r.steps}", *metrics, begun)
    Console().print(table)
