"""Uploaded files, kept in one folder by the hash of their content.

A configuration names an upload by its SHA-256 and never by a path, so that it can travel in a URL and cannot reach
other files: only 64 lower-case hexadecimal digits and a known suffix ever become a file name.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from qhn_core.checks import check_choice
from qhn_core.errors import DataError, InvalidArgument, MissingUpload

#: Suffixes of files that datasets can read.
SUFFIXES = (".csv", ".dat", ".data", ".json", ".npy", ".tab", ".tsv", ".txt")
#: Those of tables.
TABLE_SUFFIXES = (".csv", ".dat", ".data", ".tab", ".tsv", ".txt")
#: Those of circuits.
CIRCUIT_SUFFIXES = (".qasm",)
#: Largest upload, bytes.
MAX_BYTES = 50_000_000

_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Upload:
    """An uploaded file that a configuration names.

    Args:
        sha256: hash of its content.
        suffixes: those that it may have.
        what: it is called in messages.
    """

    sha256: str
    suffixes: tuple[str, ...]
    what: str

    def find(self, folder: Path | None) -> Path:
        """Where it is; raises MissingUpload."""
        return find_upload(folder, self.sha256, suffixes=self.suffixes, what=self.what)

    def read(self, folder: Path | None) -> bytes:
        """Its content; raises MissingUpload, or DataError where that was changed."""
        return read_upload(folder, self.sha256, suffixes=self.suffixes, what=self.what)


def check_sha256(value: str, *, argument: str = "sha256") -> str:
    """``value`` if it is a SHA-256 in lower-case hexadecimal; ``argument`` is its name in messages."""
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise InvalidArgument(
            argument,
            expected="the 64 hexadecimal digits of a file's SHA-256",
            got=value,
            remedy="Upload the file; its hash is filled in.",
        )
    return value


def check_size(n_bytes: int) -> None:
    """Refuse files above the limit, before they are read or parsed."""
    if n_bytes > MAX_BYTES:
        raise DataError(
            "file",
            expected=f"at most {MAX_BYTES // 1_000_000} MB",
            got=f"{n_bytes / 1e6:.0f} MB",
            remedy="Keep the columns and rows that you need: a few thousand rows are plenty here.",
        )


def store_upload(folder: Path, data: bytes, suffix: str) -> str:
    """Keep ``data`` in ``folder`` and give its SHA-256. The same content is kept once; a file appears whole or not."""
    check_choice(
        "suffix",
        suffix,
        SUFFIXES + CIRCUIT_SUFFIXES,
        remedy=f"Upload a table or cost table with one of the endings {', '.join(SUFFIXES)}, or a circuit with .qasm.",
    )
    check_size(len(data))
    sha256 = hashlib.sha256(data).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{sha256}{suffix}"
    if not target.exists():
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".upload-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    return sha256


def restore_upload(folder: Path, sha256: str, content: bytes | Path, suffix: str = "") -> None:
    """Keep in ``folder`` the file that a configuration names by its hash, for a script that brings it along.

    Args:
        folder: of uploads.
        sha256: hash of the content that it has to have.
        content: the file's content, or where the file is.
        suffix: of content; a path has its own.

    Raises:
        DataError: there is no such file, or it has another content.
    """
    expected = f"the file with content hash {check_sha256(sha256)[:12]}…"
    if isinstance(content, Path):
        if not content.is_file():
            raise DataError(
                "path",
                expected=expected,
                got=f"no file at {content}",
                remedy="Put the file there, or correct its path at the top of the script.",
            )
        check_size(content.stat().st_size)
        suffix, content = content.suffix.lower(), content.read_bytes()
    found = store_upload(folder, content, suffix)
    if found != sha256:
        raise DataError(
            "content",
            expected=expected,
            got=f"another one ({found[:12]}…)",
            remedy="Use the file that was uploaded, unchanged: another gives another history.",
        )


def find_upload(folder: Path | None, sha256: str, *, suffixes: tuple[str, ...] = SUFFIXES, what: str = "file") -> Path:
    """The file with this content hash.

    Raises:
        MissingUpload: it is not in ``folder``.
        InvalidArgument: ``sha256`` is no hash.
    """
    check_sha256(sha256)
    for suffix in suffixes:
        if folder is not None and (path := Path(folder) / f"{sha256}{suffix}").is_file():
            return path
    raise MissingUpload(sha256, what=what)


def read_upload(folder: Path | None, sha256: str, *, suffixes: tuple[str, ...] = SUFFIXES, what: str = "file") -> bytes:
    """Content of an upload; its size is checked first, and then that it still has the hash it is named by."""
    path = find_upload(folder, sha256, suffixes=suffixes, what=what)
    check_size(path.stat().st_size)
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DataError(
            "sha256",
            expected=f"a {what} with the content that was uploaded",
            got="a changed file",
            remedy=f"Upload the {what} again.",
        )
    return data
