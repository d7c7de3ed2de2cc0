"""``train CONFIG``: train in this terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qhn_core.commands.shared.common import DataOption, QuietOption, SchedulerOption, cluster_at, open_store
from qhn_core.commands.shared.cost import YesOption, confirm_cost


def command(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A configuration, YAML or JSON.")],
    data: DataOption = None,
    name: Annotated[str | None, typer.Option(help="A name for the run.")] = None,
    quiet: QuietOption = False,
    yes: YesOption = False,
    scheduler: SchedulerOption = None,
) -> None:
    """Train what CONFIG describes, with a progress bar. Ctrl-C stops; nothing is lost."""
    from qhn_core.commands.shared.follow import follow
    from qhn_core.config import load_config
    from qhn_core.planning import plan
    from qhn_core.runner import Supervisor

    store = open_store(data)
    wanted = load_config(config, uploads=store.uploads)
    needs = plan(wanted, store.uploads)
    if not quiet:
        for warning in needs.warnings:
            typer.secho(warning, fg="yellow", err=True)
    confirm_cost(wanted, store.uploads, yes=yes)
    supervisor = Supervisor(store, cluster=cluster_at(scheduler, store))
    run_id = supervisor.start(wanted, name=name)
    if not quiet:
        typer.echo(f"Run {run_id}: {needs.n_qubits} qubits, {needs.n_params} angles.", err=True)
    code = follow(supervisor, run_id, quiet=quiet)
    supervisor.shutdown()
    raise typer.Exit(code)
