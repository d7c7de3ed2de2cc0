"""Where compiled kernels are kept: a folder named after their sources, so that no stale kernel is used."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from numba import config as _config
from numba.core.caching import UserProvidedCacheLocator


class ByContent(UserProvidedCacheLocator):
    """Machine code is found by what its sources say (:func:`cache_folder`), not by where they lie: another clone of
    the same version uses it, too."""

    @classmethod
    def get_suitable_cache_subpath(cls, py_file: str) -> str:
        """The name of the file's folder alone; Numba adds function, line, types, processor and a hash of the file."""
        return Path(py_file).parent.name


def cache_folder(sources: Iterable[Path]) -> Path | None:
    """A writable folder for the machine code that depends on these files (and on Numba and the processor, which Numba
    checks); None if there is none."""
    digest = hashlib.sha256()
    for source in sources:
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


@contextmanager
def kept_in(folder: Path | None) -> Iterator[None]:
    """Within this context, kernels that are defined keep their machine code in ``folder``."""
    config: Any = _config  # Numba sets its options as module attributes at run time
    before = config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES
    if folder is not None:
        config.CACHE_DIR = str(folder)
        config.CACHE_LOCATOR_CLASSES = f"{__name__}.{ByContent.__name__}"
    try:
        yield
    finally:
        config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES = before
