"""Where the files stand that are read at run time: pages, lessons, scripts, the dashboard's settings."""

from __future__ import annotations

from pathlib import Path


def root() -> Path:
    """The folder that holds ``app``, ``assets`` and ``.streamlit``: ``qhn_lab`` where the package was installed from a
    wheel (beside ``qhn_core``, so that a general name such as ``app`` does not meet another's), else the checkout.
    """
    beside = Path(__file__).resolve().parents[1]
    installed = beside / "qhn_lab"
    return installed if (installed / "app").is_dir() else beside
