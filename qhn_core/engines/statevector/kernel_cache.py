"""Where compiled kernels are kept. Imported, and entered, before any kernel is defined."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from numba import config as _config

#: Files that machine code depends on (patterns), beside Numba and the processor, which Numba checks.
_SOURCES = ("kernels/*", "program", "sweeps", "team")


def _cache_folder() -> Path | None:
    """A writable folder for compiled kernels, named after their sources so that no stale kernel is used."""
    digest = hashlib.sha256()
    for pattern in _SOURCES:
        for source in sorted(Path(__file__).parent.glob(f"{pattern}.py")):
            digest.update(source.read_bytes())
    name = f"kernels-{digest.hexdigest()[:16]}"
    roots = [Path(os.environ["NUMBA_CACHE_DIR"])] if os.environ.get("NUMBA_CACHE_DIR") else []
    with suppress(ImportError):
        from platformdirs import user_cache_path

        roots.append(user_cache_path("qhn-lab"))
    for root in roots:
        with suppress(OSError):
            folder = root / name
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
    return None


CACHE_FOLDER = _cache_folder()


@contextmanager
def kernel_cache() -> Iterator[None]:
    """Within this context, kernels that are defined keep their machine code in our folder."""
    config: Any = _config  # Numba sets its options as module attributes at run time
    before = config.CACHE_DIR
    if CACHE_FOLDER is not None:
        config.CACHE_DIR = str(CACHE_FOLDER)
    try:
        yield
    finally:
        config.CACHE_DIR = before
