"""``upload FILE``: make a file known, so that configurations can name it by its content."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qhn_core.commands.shared.common import DataOption, open_store


def command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A table (.csv), costs (.npy, .json, .txt) or a circuit (.qasm).")
    ],
    data: DataOption = None,
) -> None:
    """Copy FILE into the data folder and print the SHA-256 by which a configuration names it."""
    from qhn_core.errors import StoreError
    from qhn_core.uploads import check_size, store_upload

    store = open_store(data)
    try:
        check_size(file.stat().st_size)
        typer.echo(store_upload(store.uploads, file.read_bytes(), file.suffix.lower()))
    except OSError as error:
        raise StoreError(f"{file} cannot be read or kept: {error.strerror or error}.") from error
