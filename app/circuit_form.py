"""A circuit of one's own in forms: OpenQASM 2, pasted or uploaded, kept under its content hash; its free angles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from app import state
from app.describe import counted
from qhn_core.ansatze.qasm import MAX_CHOSEN, decoded, example, read_program
from qhn_core.circuits.qasm import QasmProgram, WrittenAngle, read_qasm
from qhn_core.errors import InvalidArgument, MissingUpload, QHNError
from qhn_core.uploads import CIRCUIT_SUFFIXES, read_upload, store_upload

#: Fields of the circuit that are set here.
CIRCUIT_FIELDS = frozenset({"file", "free"})
#: Most characters of a program that is shown for editing; larger files are named only.
_SHOWN = 60_000
_HEIGHT = 190


def circuit_widget(values: Mapping[str, Any], *, n_qubits: int, uploads: Path, key: str) -> dict[str, Any]:
    """The place for a program, and the choice of its free angles; returns the fields that they set.

    Args:
        values: the circuit's fields as they are.
        n_qubits: bits of the network: qubits of the example that one begins with.
        uploads: folder of uploaded files.
        key: prefix of the widgets' keys.
    """
    file = str(values.get("file") or "")
    text, said = _held(file, n_qubits, uploads)
    place = _place(file, n_qubits, key)
    new = _pasted(text, f"{key}.{place}", uploads)
    if new:
        state.remember(f"{key}.typed", {"file": new, "place": place})
    new = _given(f"{key}.file", uploads) or new
    if said and not new:
        st.error(said)
    held = values.get("free")
    if new and new != file:
        file, held = new, None
    return {"file": file, "free": _free_angles(file, n_qubits, held, uploads, f"{key}.{file[:8] or n_qubits}")}


def _place(file: str, n_qubits: int, key: str) -> str:
    """Part of the text field's key: another for another file, but the same while the file is what was typed there.

    A field that is made anew for what has just been typed into it would lose what is typed next.
    """
    typed = state.recall(f"{key}.typed", {})
    return str(typed["place"]) if file and typed.get("file") == file else file[:8] or str(n_qubits)


def _held(file: str, n_qubits: int, uploads: Path) -> tuple[str | None, str]:
    """(The program that is in use, None where it cannot be edited here; what is wrong with it)."""
    if not file:
        return example(n_qubits), ""
    try:
        text = decoded(read_upload(uploads, file, suffixes=CIRCUIT_SUFFIXES, what="circuit"))
    except MissingUpload as error:
        return "", str(error)
    except QHNError as error:
        return None, str(error)
    return (text if len(text) <= _SHOWN else None), ""


def _pasted(text: str | None, key: str, uploads: Path) -> str:
    """The content hash of what stands in the text field, where it differs from ``text`` and can be read."""
    if text is None:
        return ""
    written = st.text_area(
        "OpenQASM 2",
        text,
        height=_HEIGHT,
        max_chars=_SHOWN,
        key=f"{key}.text",
        placeholder='OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[…];',
        help="Paste a program with a qubit for each bit of the network. Rotations that stand in it can be trained: "
        "rx, ry, rz, rzz, p, u1, u2, u3 and u, from the numbers written there. Ctrl+Enter reads it.",
    )
    same = not (written or "").strip() or written == text
    return "" if same else _kept(str(written).encode("utf-8", "backslashreplace"), "The text", uploads)


def _given(key: str, uploads: Path) -> str:
    """The content hash of a file that was uploaded just now and can be read."""
    given = st.file_uploader(
        "or a .qasm file, up to 1 MB",
        type=["qasm", "txt"],
        key=key,
        max_upload_size=1,
        label_visibility="visible",
        help="A file with a program of the same kind. It is kept on this server under a name made of its content.",
    )
    if given is None or state.recall(f"{key}.seen") == given.file_id:
        return ""
    state.remember(f"{key}.seen", given.file_id)
    if sha256 := _kept(given.getvalue(), given.name, uploads):
        state.remember_file(sha256, given.name)
    return sha256


def _kept(data: bytes, name: str, uploads: Path) -> str:
    """Keep a program that can be read; say what is wrong with another."""
    try:
        read_qasm(decoded(data), free_angles=True)
        return store_upload(uploads, data, CIRCUIT_SUFFIXES[0])
    except InvalidArgument as error:
        what = str(error).removeprefix(f"{error.argument}: ")
        st.error(f"{name} is not used: {what}")
    except (QHNError, OSError) as error:
        st.error(f"{name} is not used: {error}")
    return ""


def _free_angles(file: str, n_qubits: int, free: Any, uploads: Path, key: str) -> tuple[int, ...] | None:
    """Which of the written angles are trained: all, or those chosen."""
    try:
        program = read_program(uploads, file, None) if file else read_qasm(example(n_qubits), free_angles=True)
    except QHNError:
        return None if free is None else tuple(free)
    count = len(program.angles)
    st.caption(f"{counted(program.n_qubits, 'qubit')}, {counted(count, 'angle')} that can be trained")
    if not 0 < count <= MAX_CHOSEN:
        return None
    chosen = [place for place in (range(count) if free is None else free) if place < count]
    if st.toggle(
        "Train all of them",
        free is None,
        key=f"{key}.all",
        help="Every rotation that stands in the program may turn in training. Switched off, you choose which.",
    ):
        return None
    return tuple(sorted(_multiselect(program, chosen, f"{key}.free")))


def _multiselect(program: QasmProgram, chosen: list[int], key: str) -> list[int]:
    labels = [_label(angle) for angle in program.angles]
    return st.multiselect(
        "Trained angles",
        range(len(labels)),
        chosen,
        format_func=labels.__getitem__,
        key=key,
        help="The others keep the numbers that are written.",
    )


def _label(angle: WrittenAngle) -> str:
    wires = ",".join(map(str, angle.wires))
    return f"line {angle.line}: {angle.gate}({angle.value:.3g}) on {wires}"
