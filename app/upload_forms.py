"""Uploads in forms: a file is kept under its content hash, and a configuration names it by that hash alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from app import state
from app.describe import counted
from app.fields import Spec
from qhn_core.datasets.csv import CsvSummary, inspect_csv
from qhn_core.datasets.uploads import MAX_BYTES, SUFFIXES, find_upload, read_upload, store_upload
from qhn_core.errors import QHNError

#: Fields of a table that the uploader offers as choices among its columns.
COLUMN_FIELDS = frozenset({"target", "features", "header"})
#: Largest file. The browser refuses larger ones by itself: it marks them red, and the server never hears of them.
MEGABYTES = MAX_BYTES // 1_000_000
_TABLE = (".csv", ".txt")
#: A new table keeps the number of training rows that was asked for up to this fraction of its rows; else it gets TRAIN.
_MOST, _TRAIN = 0.8, 0.7


def is_upload(spec: Spec) -> bool:
    """Whether a field holds the content hash of an uploaded file."""
    return spec.name == "sha256"


def upload_widget(spec: Spec, values: Mapping[str, Any], *, uploads: Path, key: str) -> dict[str, Any]:
    """The uploader of a variant, and the choice of columns where it is a table; returns the fields that it sets."""
    table = values.keys() >= COLUMN_FIELDS
    suffixes = _TABLE if table else SUFFIXES
    file = st.file_uploader(
        f"{'CSV file' if table else 'Cost table file'}, up to {MEGABYTES} MB",
        type=[suffix.lstrip(".") for suffix in suffixes],
        key=f"{key}.file",
        help=spec.help or None,
        max_upload_size=MEGABYTES,
    )
    sha256 = str(values.get("sha256", ""))
    if file is not None:
        try:
            sha256 = store_upload(uploads, file.getvalue(), Path(file.name).suffix.lower())
            state.remember(f"upload.{sha256}", file.name)
        except (QHNError, OSError) as error:
            st.error(f"{file.name}: {error}")
    if not sha256:
        return {"sha256": ""}
    new = sha256 != values.get("sha256")
    st.caption(_which(sha256, uploads, suffixes))
    if not table:
        return {"sha256": sha256}
    return {"sha256": sha256} | _columns(sha256, values, uploads=uploads, key=f"{key}.{sha256[:8]}", new=new)


def _which(sha256: str, uploads: Path, suffixes: tuple[str, ...]) -> str:
    """The file that is in use, which a refused one does not replace."""
    try:
        size = find_upload(uploads, sha256, suffixes=suffixes).stat().st_size
    except QHNError as error:
        return f":red[{error}]"
    name = str(state.recall(f"upload.{sha256}", "")).replace("`", "") or "a file"
    return (
        f"In use: `{name}`, {size:,} bytes, content hash {sha256[:12]}…  \n"
        f"A file marked red is refused: it has more than {MEGABYTES} MB, or is of another kind."
    )


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
    if found.notes:
        st.caption("; ".join(found.notes))
    split = _split(values, found.n_rows) if new and found.n_rows else {}
    targets = [column.name for column in found.columns if column.classes]
    if not targets:
        return {"header": header, "target": "", "features": ()} | split
    held = values["target"] if values["target"] in targets else found.target
    target = str(st.selectbox("Class column", targets, targets.index(held), key=f"{key}.{header}.target"))
    return {"header": header, "target": target, "features": _features(found, target, values, f"{key}.{header}")} | split


def _features(found: CsvSummary, target: str, values: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The chosen columns of numbers; none named where these are all columns beside the target."""
    others = [column for column in found.columns if column.name != target]
    numeric = [column.name for column in others if column.numeric]
    chosen = [name for name in values["features"] if name in numeric] or numeric
    features = st.multiselect(
        f"Features, of {counted(len(numeric), 'column')} of numbers",
        numeric,
        chosen,
        key=f"{key}.{target}.features",
        placeholder="None chosen: all are used",
    )
    skipped = [column for column in others if column.problem]
    if skipped:
        more = f"; and {len(skipped) - 5} more" if len(skipped) > 5 else ""
        st.caption("Not usable: " + "; ".join(f"{c.name} ({c.problem})" for c in skipped[:5]) + more)
    used = tuple(features or numeric)
    return () if list(used) == [column.name for column in others] else used


def _split(values: Mapping[str, Any], rows: int) -> dict[str, int]:
    """Numbers of training and test rows for a new table of ``rows`` rows: as asked for, where it has as many."""
    n_train = int(values["n_train"])
    if n_train > _MOST * rows:
        n_train = max(2, round(_TRAIN * rows))
    return {"n_train": n_train, "n_test": max(0, min(int(values["n_test"]), rows - n_train))}
