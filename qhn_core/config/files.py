"""Files that a configuration names by their path: kept by content hash, which then stands in the path's place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qhn_core.errors import ConfigError
from qhn_core.uploads import check_size, store_upload

#: (section, field) of what may be a path in a configuration's own file.
_FIELDS = (("ansatz", "file"),)
_HASH = re.compile(r"[0-9a-f]{64}")


def keep_files(values: Mapping[str, Any], folder: Path, uploads: Path) -> dict[str, Any]:
    """``values`` with content hashes in place of paths, which are relative to ``folder``.

    Raises:
        ConfigError: a file that is not there or cannot be kept.
        DataError: it is larger than an upload may be.
    """
    kept = dict(values)
    for section, field in _FIELDS:
        options = kept.get(section)
        name = options.get(field) if isinstance(options, Mapping) else None
        if isinstance(name, str) and name and not _HASH.fullmatch(name):
            kept[section] = {**options, field: _keep(folder / name, uploads, f"{section}.{field}")}  # type: ignore[dict-item]
    return kept


def _keep(path: Path, uploads: Path, field: str) -> str:
    try:
        check_size(path.stat().st_size)
        return store_upload(uploads, path.read_bytes(), path.suffix.lower())
    except OSError as error:
        raise ConfigError([(field, f"{path} cannot be read or kept: {error.strerror or error}")]) from None
