"""Where runs and uploads are kept."""

from __future__ import annotations

import os
from pathlib import Path

#: Environment variable that names the data folder.
VARIABLE = "QHN_DATA"


def data_dir(folder: str | os.PathLike[str] | None = None) -> Path:
    """The data folder: ``folder``, else the environment variable ``QHN_DATA``, else the user's data directory.

    The folder is not created here.
    """
    chosen = folder or os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("qhn-lab", appauthor=False))
