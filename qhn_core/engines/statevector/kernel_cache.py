"""Where this engine's compiled kernels are kept. Imported before any of them is defined."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from qhn_core.compiled.cache import cache_folder, kept_in

_HERE = Path(__file__).parent
_SOURCES = ("descent", "leading", "program", "sweeps", "team")
#: A folder named after the files that the machine code depends on.
CACHE_FOLDER = cache_folder([*sorted((_HERE / "kernels").glob("*.py")), *(_HERE / f"{name}.py" for name in _SOURCES)])


def kernel_cache() -> AbstractContextManager[None]:
    """Within this context, kernels that are defined keep their machine code there."""
    return kept_in(CACHE_FOLDER)
