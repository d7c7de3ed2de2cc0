"""Uploads in forms: a file is kept under its content hash, and a configuration names it by that hash alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from app.fields import Spec
from qhn_core.datasets.csv import CsvSummary, inspect_csv
from qhn_core.datasets.uploads import MAX_BYTES, SUFFIXES, find_upload, read_upload, store_upload
from qhn_core.errors import QHNError

#: Fields of a table that the uploader offers as choices among its columns.
COLUMN_FIELDS = frozenset({"target", "features", "header"})
_TABLE = (".csv", ".txt")


def is_upload(spec: Spec) -> bool:
    """Whether a field holds the content hash of an uploaded file."""
    return spec.name == "sha256"


def upload_widget(spec: Spec, values: Mapping[str, Any], *, uploads: Path, key: str) -> dict[str, Any]:
    """The uploader of a variant, and the choice of columns where it is a table; returns the fields that it sets."""
    table = values.keys() >= COLUMN_FIELDS
    suffixes = _TABLE if table else SUFFIXES
    file = st.file_uploader(
        "CSV file" if table else "Cost table: .npy, .csv, .txt or .json",
        type=[suffix.lstrip(".") for suffix in suffixes],
        key=f"{key}.file",
        help=spec.help or None,
        max_upload_size=MAX_BYTES // 1_000_000,
    )
    sha256 = str(values.get("sha256", ""))
    if file is not None:
        try:
            sha256 = _kept(file.getvalue(), Path(file.name).suffix.lower(), uploads)
        except (QHNError, OSError) as error:
            st.error(f"{file.name}: {error}")
    if not sha256:
        return {"sha256": ""}
    new = sha256 != values.get("sha256")
    st.caption(_which(sha256, uploads, suffixes))
    if not table:
        return {"sha256": sha256}
    return {"sha256": sha256} | _columns(sha256, values, uploads=uploads, key=f"{key}.{sha256[:8]}", new=new)


def _kept(data: bytes, suffix: str, uploads: Path) -> str:
    return store_upload(uploads, data, suffix)


def _which(sha256: str, uploads: Path, suffixes: tuple[str, ...]) -> str:
    try:
        size = find_upload(uploads, sha256, suffixes=suffixes).stat().st_size
    except QHNError as error:
        return f":red[{error}]"
    return f"Content hash {sha256[:12]}…, {size:,} bytes"


@st.cache_data(max_entries=8, show_spinner=False)
def _inspected(folder: str, sha256: str, header: bool) -> CsvSummary:
    return inspect_csv(read_upload(Path(folder), sha256, suffixes=_TABLE, what="CSV"), header=header)


def _columns(sha256: str, values: Mapping[str, Any], *, uploads: Path, key: str, new: bool) -> dict[str, Any]:
    """Target and features among the columns of the table; what the table is not fit for is said here."""
    header = st.toggle("Row 1 holds the names", bool(values["header"]) or new, key=f"{key}.header")
    try:
        found = _inspected(str(uploads), sha256, header)
    except QHNError:
        return {"header": header}
    for problem in found.problems:
        st.error(problem)
    for note in found.notes:
        st.caption(note)
    targets = [column.name for column in found.columns if column.classes]
    if not targets:
        return {"header": header, "target": "", "features": ()}
    held = values["target"] if values["target"] in targets else found.target
    target = st.selectbox("Class column", targets, targets.index(held), key=f"{key}.{header}.target")
    numeric = [column.name for column in found.columns if column.numeric and column.name != target]
    chosen = [name for name in values["features"] if name in numeric] or numeric
    place = f"{key}.{header}.{target}.features"
    features = st.multiselect(f"Features, of {len(numeric)} columns of numbers", numeric, chosen, key=place)
    skipped = [column for column in found.columns if column.problem and column.name != target]
    if skipped:
        st.caption("Not usable: " + "; ".join(f"{c.name} ({c.problem})" for c in skipped[:5]))
    everything = list(features) == numeric
    return {"header": header, "target": target, "features": () if everything else tuple(features)}
