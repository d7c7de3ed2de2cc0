"""Trials kept as they are made, one JSON line each, so that an interruption loses at most the one in work."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qhn_core.errors import StoreError


class Ledger:
    """Results under their keys, in memory and in a file that only grows.

    Args:
        path: the file; made where it is missing. A last line that was cut off is left out, and written anew.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: dict[str, dict[str, Any]] = {}
        text = self._read()
        for line in text.splitlines():
            row = _parsed(line)
            if row is not None:
                self._kept[row["key"]] = row["result"]
        if text and not text.endswith("\n"):
            self._append("\n")

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The result under ``key``, or the one that ``make`` gives, which is kept."""
        if key not in self._kept:
            # What is given back is what a later reading gives: resumed and uninterrupted runs agree to the last digit.
            line = json.dumps({"key": key, "result": make()}, allow_nan=False)
            self._append(line + "\n")
            self._kept[key] = json.loads(line)["result"]
        return self._kept[key]

    def _read(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8") if self._path.exists() else ""
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"Cannot read '{self._path}': {error}. Move it away to begin anew.") from error

    def _append(self, text: str) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as handle:
                handle.write(text)
        except OSError as error:
            raise StoreError(f"Cannot write '{self._path}': {error.strerror or error}.") from error


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(row, dict) and isinstance(row.get("key"), str) and isinstance(row.get("result"), dict)
    return row if whole else None
