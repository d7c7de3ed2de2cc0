"""Uploaded files in a script to take home: small ones it carries with it, of others it says where they have to be."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from app.take_home import literal
from qhn_core.checks import readable
from qhn_core.errors import QHNError
from qhn_core.uploads import Upload

#: Largest file that a script carries, bytes. (As text it takes up to a third more.)
MOST_BYTES = 400_000
#: Letters in a line of packed content.
_WIDTH = 100


@dataclass(frozen=True)
class Carried:
    """One uploaded file.

    Args:
        upload: what a configuration says of it.
        name: its own where it is known, else made of its hash.
        size: bytes; None where it is not on this machine.
        data: its content; None for one that the script does not carry.
    """

    upload: Upload
    name: str
    size: int | None
    data: bytes | None

    @property
    def said(self) -> str:
        """What it is, in words: ``CSV iris.csv (4,551 bytes, SHA-256 …)``."""
        size = "" if self.size is None else f"{self.size:,} bytes, "
        return f"{self.upload.what} {self.name} ({size}SHA-256 {self.upload.sha256})"

    @property
    def suffix(self) -> str:
        """The kind of file."""
        return Path(self.name).suffix.lower()


def carried(uploads: Iterable[Upload], folder: Path, name_of: Callable[[str], str] = lambda sha256: "") -> Files:
    """The files that a configuration names, as far as they are here.

    Args:
        uploads: what it names.
        folder: of uploaded files.
        name_of: content hash -> the name that a file had; empty where that is not known.
    """
    return Files(tuple(_carried(upload, folder, name_of(upload.sha256)) for upload in uploads))


def _carried(upload: Upload, folder: Path, name: str) -> Carried:
    try:
        path = upload.find(folder)
        size = path.stat().st_size
        data = upload.read(folder) if size <= MOST_BYTES else None
    except (QHNError, OSError):
        return Carried(upload, _plain(name) or f"{upload.sha256[:12]}{upload.suffixes[0]}", None, None)
    stem = Path(_plain(name)).stem or upload.sha256[:12]
    return Carried(upload, f"{stem}{path.suffix}", size, data)


def _plain(name: str) -> str:
    """A file's name without folders, and without what a program, a page or Markdown would read as its own."""
    return "".join(sign for sign in Path(name).name if sign.isalnum() or sign in " .-_()")[-80:]


@dataclass(frozen=True)
class Files:
    """All that one script needs; each property is a part of it, with its line breaks, or empty."""

    files: tuple[Carried, ...] = ()

    @property
    def imports(self) -> str:
        """What the other parts use, of the standard library."""
        packed = any(_content(file).startswith("zlib.") for file in self.files if file.data is not None)
        more = "import base64\n" if packed else ""
        more += "import tempfile\n" if self.files else ""
        more += "import zlib\n" if packed else ""
        return more + ("from pathlib import Path\n\n" if self.files else "")

    @property
    def own_imports(self) -> str:
        """What the other parts use, of this package."""
        return "from qhn_core.uploads import restore_upload\n" if self.files else ""

    @property
    def paths(self) -> str:
        """Where the files are that the script does not carry: the lines for people to change."""
        return "".join(
            f"# PUT THE FILE'S PATH HERE. It needs the {file.said}.\n{_variable(file)} = Path({file.name!r})\n\n"
            for file in self.files
            if file.data is None
        )

    @property
    def restored(self) -> str:
        """Brings the files where training looks for them: a folder that goes when the script ends."""
        if not self.files:
            return ""
        return "folder = tempfile.TemporaryDirectory()\nuploads = Path(folder.name)\n" + "".join(map(_line, self.files))

    @property
    def argument(self) -> str:
        """What ``train`` is given beside the configuration."""
        return ", uploads=uploads" if self.files else ""

    @property
    def said(self) -> str:
        """For the reader of a receipt: which data are in it, and which it needs."""
        return " ".join(_told(file) for file in self.files)

    def introduced(self, intro: str) -> str:
        """The first words of a notebook, with the same."""
        return f"{intro}\n\n{self.said.replace('The script in this file', 'The first cell')}" if self.files else intro

    @property
    def hint(self) -> str:
        """The same before it is downloaded."""
        inside = [file.upload.what for file in self.files if file.data is not None]
        beside = [file.upload.what for file in self.files if file.data is None]
        parts = [f"Receipt and notebook hold the uploaded {' and '.join(inside)} itself: pass them on as you would it."]
        parts = parts if inside else []
        parts += [f"They do not hold the uploaded {' and '.join(beside)}: it is needed beside them."] if beside else []
        return " ".join(parts)


#: No file at all.
NONE = Files()


def _told(file: Carried) -> str:
    if file.data is not None:
        return (
            f"The script in this file holds the {file.said}, whole: it needs no other file, and who gets this one gets "
            "the data."
        )
    why = "is not on the machine that wrote this" if file.size is None else f"has more than {readable(MOST_BYTES)}"
    return f"The script needs the {file.said} beside it, which {why}: its path stands at the top of the script."


def _line(file: Carried) -> str:
    """Keeps one file among the uploads, with what it is as a comment."""
    sha256 = file.upload.sha256
    if file.data is None:
        return f'restore_upload(uploads, "{sha256}", {_variable(file)})\n'
    return f'# The {file.said}.\nrestore_upload(uploads, "{sha256}", {_content(file)}, "{file.suffix}")\n'


def _variable(file: Carried) -> str:
    return f"{file.upload.what.lower().replace(' ', '_')}_{file.upload.sha256[:6]}"


def _content(file: Carried) -> str:
    """The content as a Python expression: the text itself, or packed where that is shorter or it cannot be copied."""
    data = file.data or b""
    packed = base64.b64encode(zlib.compress(data, 9)).decode()
    lines = "\n".join(packed[i : i + _WIDTH] for i in range(0, len(packed), _WIDTH))
    short = f'zlib.decompress(base64.b64decode("""\\\n{lines}\n"""))'
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return short
    copied = all(sign.isprintable() or sign in "\n\t" for sign in text)
    return f"{literal(text)}.encode()" if copied and len(text) <= len(short) else short
