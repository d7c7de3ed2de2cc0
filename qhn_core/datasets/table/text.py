"""A stranger's bytes as lines of text, in bounded pieces: no step holds the interpreter or much memory."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator

from qhn_core.errors import DataError
from qhn_core.uploads import check_size

#: Longest line, and longest row that goes over several lines, characters.
MAX_LINE = 1_000_000
#: Most lines that are looked at, blank ones and comments included.
MAX_LINES = 500_000
MAX_ROWS = 200_000
MAX_CELLS = 2_000_000
_PIECE = 1 << 20
_BLANK = b"\x00\t\r\n \xef\xbb\xbf\xff\xfe"
#: How files begin that are no text, and what they are.
_BEGINNINGS = {
    "a spreadsheet, a document or an archive": (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"\x1f\x8b", b"{\\rtf"),
    "an archive": (b"BZh", b"7z\xbc\xaf\x27\x1c", b"\xfd7zXZ\x00", b"(\xb5/\xfd", b"Rar!"),
    "a picture": (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"II*\x00", b"MM\x00*"),
    "arrays or a database": (b"\x93NUMPY", b"\x89HDF", b"PAR1", b"ARROW1", b"SQLite format 3", b"MATLAB 5.0"),
}
_MARKUP = re.compile(r"\s*<(!doctype|!--|html|head|body|table|svg|\?xml)", re.IGNORECASE)
_NOT_IN_CP1252 = (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d")
_SMALLER = "Keep the columns and rows that you need: a few thousand rows are plenty here."


def text_encoding(data: bytes) -> tuple[str, list[str]]:
    """(codec, what to say about it) of a text in UTF-8, UTF-16 or, failing these, a western code page.

    Raises:
        DataError: the file is too large, empty, or no text.
    """
    check_size(len(data))
    if not data.strip(_BLANK):
        raise DataError("file", expected="a CSV with rows", got="an empty file", remedy="Export the table again.")
    head = data[:4096]
    _check_beginning(head)
    if data.startswith(codecs.BOM_UTF8) and _decodes(data, "utf-8-sig"):
        return "utf-8-sig", ["read as UTF-8 with a byte order mark"]
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _checked(data, "utf-16"), ["read as UTF-16"]
    if head.count(0) > len(head) // 4:  # text of mostly western letters in UTF-16 has every other byte zero
        guess = "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
        return _checked(data, guess), ["read as UTF-16"]
    if b"\x00" in data:
        raise _not_text("a binary file")
    if _decodes(data, "utf-8"):
        return "utf-8", []
    codec = "latin-1" if any(byte in data for byte in _NOT_IN_CP1252) else "cp1252"
    return codec, ["not UTF-8: read as Latin-1; look whether accents came out right"]


def text_lines(data: bytes, encoding: str) -> Iterator[str]:
    """The lines, each with its end, one at a time.

    Raises:
        DataError: a line is longer than :data:`MAX_LINE`, or there are more than :data:`MAX_LINES`.
    """
    text = io.TextIOWrapper(io.BytesIO(data), encoding=encoding, newline="")
    number = 0
    while line := text.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise too_long(number)
        if number > MAX_LINES:
            raise DataError("file", expected=f"at most {MAX_LINES:,} lines", got="more", remedy=_SMALLER)
        yield line.removeprefix("\ufeff") if number == 1 else line


def too_long(row: int) -> DataError:
    """The refusal of a line, or of a row of several lines, that is longer than :data:`MAX_LINE`."""
    return DataError(
        f"row {row}",
        expected=f"at most {MAX_LINE:,} characters",
        got="more",
        remedy="Look for a quote that is not closed, or export the table with one row in a line.",
    )


def too_many() -> DataError:
    """The refusal of a table with too many cells."""
    return DataError("file", expected=f"at most {MAX_ROWS:,} rows and {MAX_CELLS:,} cells", got="more", remedy=_SMALLER)


def _check_beginning(head: bytes) -> None:
    """Refuse what begins as other files do, saying what it is."""
    for what, signs in _BEGINNINGS.items():
        if head.startswith(signs):
            raise _not_text(what)
    whole = head[: len(head) // 4 * 4]
    if head.count(0) > 0.6 * len(head) and (_decodes(whole, "utf-32-le") or _decodes(whole, "utf-32-be")):
        raise _not_text("text in UTF-32")
    if _MARKUP.match(head.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe").decode("latin-1")):
        raise DataError(
            "file",
            expected="a table as text",
            got="a web page (HTML or XML)",
            remedy="Open it and download the table itself: where it is shown, look for 'Raw' or 'Download'.",
        )


def _decodes(data: bytes, encoding: str) -> bool:
    """Whether all bytes are text in this encoding; piece by piece, so that others can work meanwhile."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for start in range(0, len(data), _PIECE):
            decoder.decode(data[start : start + _PIECE], final=start + _PIECE >= len(data))
    except UnicodeDecodeError:
        return False
    return True


def _checked(data: bytes, encoding: str) -> str:
    if not _decodes(data, encoding):
        raise _not_text("bytes that are neither UTF-8 nor UTF-16")
    return encoding


def _not_text(got: str) -> DataError:
    return DataError(
        "file", expected="a text file in UTF-8", got=got, remedy="Export the table as CSV with encoding UTF-8."
    )
