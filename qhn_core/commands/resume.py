"""``resume RUN``: go on where a run stopped."""

from __future__ import annotations

import typer

from qhn_core.commands.shared.common import (
    DataOption,
    QuietOption,
    RunArgument,
    SchedulerOption,
    cluster_at,
    open_store,
)
from qhn_core.commands.shared.cost import YesOption, confirm_cost


def command(
    run: RunArgument,
    data: DataOption = None,
    quiet: QuietOption = False,
    yes: YesOption = False,
    scheduler: SchedulerOption = None,
) -> None:
    """Go on with a stopped, failed or interrupted run; its history comes out as if it had never ended."""
    from qhn_core.commands.shared.follow import follow
    from qhn_core.runner import Supervisor
    from qhn_core.store import RunState

    store = open_store(data)
    run_id = store.resolve(run)
    record = store.get(run_id)
    if record.state is RunState.FINISHED:
        typer.echo(f"Run {run_id} has finished already.")
        return
    confirm_cost(record.config, store.uploads, done=record.step, yes=yes)
    supervisor = Supervisor(store, cluster=cluster_at(scheduler, store))
    supervisor.resume(run_id)
    code = follow(supervisor, run_id, quiet=quiet)
    supervisor.shutdown()
    raise typer.Exit(code)
