"""``show RUN``: all about one run."""

from __future__ import annotations

import json

import numpy as np
import typer

from qhn_core.commands.shared.common import DataOption, RunArgument, number, open_store, sparkline

#: Metrics whose curve is drawn.
_DRAWN = ("loss", "predictive_nll_test", "accuracy_test", "kl_posterior", "entropy_bits")


def command(run: RunArgument, data: DataOption = None) -> None:
    """Show a run's configuration, where it stands, and its metrics."""
    import yaml
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    store = open_store(data)
    record = store.get(store.resolve(run))
    message = f" ({record.message})" if record.message else ""
    typer.echo(f"{record.id}  {record.name}")
    typer.echo(f"{record.state.value}{message}, step {record.step} of {record.steps}")
    typer.echo(
        f"begun {record.created.astimezone():%Y-%m-%d %H:%M:%S}, last change {record.updated.astimezone():%H:%M:%S}"
    )
    if record.note:
        typer.echo(f"note: {record.note}")
    typer.echo("\n" + yaml.safe_dump(json.loads(record.config_json), sort_keys=False, default_flow_style=None).rstrip())
    rows = store.history(record.id)
    if not len(rows.steps):
        typer.echo("\nNothing logged yet.")
        return
    table = Table(box=None, pad_edge=False, title_justify="left")
    for title in ("Metric", "Final", "Best", "at step"):
        table.add_column(title, justify="left" if title == "Metric" else "right")
    table.add_column("Course (mean over starts)")
    for name, entry in record.summary.items():
        curve = rows.history[name].mean(axis=1) if name in _DRAWN and name in rows.history else np.zeros(0)
        best = str(entry["best_step"]) if "best_step" in entry else ""
        best_value = number(record.best(name)) if best else ""
        table.add_row(name, number(record.final(name)), best_value, best, Text(sparkline(curve.tolist())))
    typer.echo("")
    Console().print(table)
