"""``resume RUN``: go on where a run stopped."""

from __future__ import annotations

import typer

from qhn_core.commands._common import DataOption, QuietOption, RunArgument, open_store


def command(run: RunArgument, data: DataOption = None, quiet: QuietOption = False) -> None:
    """Go on with a stopped, failed or interrupted run; its history comes out as if it had never ended."""
    from qhn_core.commands._follow import follow
    from qhn_core.runner import Supervisor
    from qhn_core.store import RunState

    store = open_store(data)
    run_id = store.resolve(run)
    if store.get(run_id).state is RunState.FINISHED:
        typer.echo(f"Run {run_id} has finished already.")
        return
    supervisor = Supervisor(store)
    supervisor.resume(run_id)
    code = follow(supervisor, run_id, quiet=quiet)
    supervisor.shutdown()
    raise typer.Exit(code)
