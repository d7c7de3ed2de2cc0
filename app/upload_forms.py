"""Uploads in forms: a file is kept under its content hash, and a configuration names it by that hash alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.fields import Spec


def is_upload(spec: Spec) -> bool:
    """Whether a field holds the content hash of an uploaded file."""
    return spec.name == "sha256"


def upload_widget(variant: str, spec: Spec, values: Mapping[str, Any], *, key: str) -> dict[str, Any]:
    """The uploader for a variant; returns the fields that it sets."""
    return {}
