"""``export RUN…``: runs as files for other programs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from qhn_core.commands.shared.common import DataOption, open_store


class Format(StrEnum):
    """Forms of an export."""

    CSV = "csv"
    JSON = "json"


def command(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="Ids of runs, or their beginnings.")],
    to: Annotated[Path, typer.Option(help="Folder to write into, made if missing.")] = Path(),
    format: Annotated[Format, typer.Option(help="csv: tidy table; json: configuration and history.")] = Format.CSV,
    data: DataOption = None,
) -> None:
    """Write runs as CSV or JSON; several become a zip archive. Prints the file's path."""
    store = open_store(data)
    wanted = [store.resolve(run) for run in runs]
    typer.echo(str(store.export(wanted, to, format="csv" if format is Format.CSV else "json")))
