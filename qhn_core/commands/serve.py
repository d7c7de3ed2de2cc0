"""``serve``: the dashboard."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from qhn_core import places
from qhn_core.commands.shared.common import DataOption, SchedulerOption
from qhn_core.commands.shared.ports import check_port

#: Further options are Streamlit's own.
CONTEXT_SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}
_HERE_ONLY = ("127.", "localhost", "::1")


def command(
    context: typer.Context,
    port: Annotated[int, typer.Option("--port", "--server.port", help="Port to serve on.")] = 8501,
    address: Annotated[
        str | None,
        typer.Option(
            "--address", "--server.address", help="Address to serve on [default: 127.0.0.1; 0.0.0.0 for a class]."
        ),
    ] = None,
    classroom: Annotated[
        bool, typer.Option("--classroom", help="For a class: link and code, a teacher's console.")
    ] = False,
    host_name: Annotated[
        list[str] | None, typer.Option(help="A name by which browsers may ask for the dashboard. May be repeated.")
    ] = None,
    embed: Annotated[
        list[str] | None, typer.Option(help="A page that may show the dashboard in a frame. May be repeated.")
    ] = None,
    scheduler: SchedulerOption = None,
    check: Annotated[bool, typer.Option("--check", hidden=True, help="Only check whether it could be served.")] = False,
    data: DataOption = None,
) -> None:
    """Serve the dashboard in this terminal until Ctrl-C. Further options go to Streamlit as they are."""
    if classroom:
        os.environ["QHN_CLASSROOM"] = "1"
    in_class = bool(os.environ.get("QHN_CLASSROOM"))
    address = address or ("0.0.0.0" if in_class else "127.0.0.1")  # noqa: S104 - a class is let in on purpose
    check_port(address, port)
    if check:
        return
    data = data or os.environ.get("QHN_DATA")
    if data:  # the server works in the program's own folder
        os.environ["QHN_DATA"] = str(Path(data).expanduser().absolute())
    if scheduler:
        os.environ["QHN_SCHEDULER"] = scheduler
    os.environ["QHN_HOST_NAMES"] = ",".join([*_given("QHN_HOST_NAMES"), *(host_name or ())])
    os.environ["QHN_EMBED"] = " ".join([*_given("QHN_EMBED"), *(embed or ())])
    if not in_class and not address.startswith(_HERE_ONLY):
        typer.echo(f"Note: on {address} all who can reach this machine can use the dashboard, its runs, its processor.")
    root = str(places.root())
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    os.chdir(root)  # where its settings stand
    sys.stdout.flush()
    options = ["--server.port", str(port), "--server.address", address, "--server.showEmailPrompt", "false"]
    # Replaced, so that Ctrl-C reaches the server itself, and nothing stays behind.
    os.execv(sys.executable, [sys.executable, "-m", "app", *options, *context.args])  # noqa: S606 - no shell is wanted


def _given(variable: str) -> list[str]:
    return list(filter(None, [os.environ.get(variable, "")]))
