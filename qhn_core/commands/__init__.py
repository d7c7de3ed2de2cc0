"""The command line, a command a file: each module here has one function ``command``; folders hold what several share.

Its docstring is the help text, its parameters are typer's. What is slow to import is imported inside the function.
"""

from __future__ import annotations

import logging
import os
import pkgutil
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from qhn_core.errors import InvalidArgument, QHNError

log = logging.getLogger("qhn_core")

app = typer.Typer(
    name="qhn",
    help="QHN Lab: train, measure and compare variational quantum hypernetworks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def settings(
    data: Annotated[str | None, typer.Option(help="Data folder; same as the environment variable QHN_DATA.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show log messages and full error traces.")] = False,
) -> None:
    """Options that come before the command."""
    if data:
        os.environ["QHN_DATA"] = data
    if debug:
        logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
        log.setLevel(logging.DEBUG)


for _module in pkgutil.iter_modules(__path__):
    if not _module.ispkg:
        _command = import_module(f"{__name__}.{_module.name}")
        _settings = getattr(_command, "CONTEXT_SETTINGS", None)
        app.command(_module.name.replace("_", "-"), context_settings=_settings)(_command.command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code: 0, 1 for a failure, 2 for wrong input, 130 for Ctrl-C.

    Errors are one line on standard error, without a trace unless ``--debug`` is given.
    """
    log.addHandler(logging.NullHandler())  # else messages without a handler would go to standard error
    try:
        app(args=None if arguments is None else list(arguments), prog_name=_program())
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except QHNError as error:
        log.debug("the command failed", exc_info=True)
        _complain(str(error))
        return 2 if isinstance(error, InvalidArgument) or type(error).__name__ == "ConfigError" else 1
    except BrokenPipeError:  # the reader of our output went away (… | head)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        log.debug("the command failed unexpectedly", exc_info=True)
        _complain(
            f"Something unexpected happened: {type(error).__name__}: {error}. For details: {_program()} --debug …"
        )
        return 1
    return 0


def _program() -> str:
    """What the user typed to start it."""
    return "qhn" if os.path.basename(sys.argv[0]) == "qhn" else "python -m qhn_core"


def _complain(message: str) -> None:
    typer.secho("Error: ", fg="red", nl=False, err=True)
    typer.echo(message, err=True)
