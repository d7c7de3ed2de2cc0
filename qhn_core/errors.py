"""The one exception tree. Every message names the argument, what was expected, what came, and the remedy."""

from __future__ import annotations


class QHNError(Exception):
    """Root of all errors that this package raises on purpose; its text can be shown to a user as it is."""


class InvalidArgument(QHNError, ValueError):
    """An argument has a wrong value, shape or type.

    Args:
        argument: the argument's name, as the caller wrote it.
        expected: what is accepted.
        got: what came; long values are shortened.
        remedy: what to do about it, one sentence, or empty.
    """

    def __init__(self, argument: str, *, expected: str, got: object, remedy: str = "") -> None:
        self.argument, self.expected, self.got, self.remedy = argument, expected, shorten(got), remedy
        tail = f" {remedy}" if remedy else ""
        super().__init__(f"{argument}: expected {expected}, got {self.got}.{tail}")


class UnknownName(InvalidArgument):
    """A name that is not registered; the message lists the valid ones."""


class DataError(InvalidArgument):
    """A data file whose content cannot be used (for example an empty CSV)."""


class ConfigError(QHNError, ValueError):
    """A configuration that cannot be read or is not valid.

    Args:
        problems: (path of the field, what is wrong with it) for each problem; the path is empty for the whole text.
        source: what was read, for the message ("configuration", a file's name, "link").
    """

    def __init__(self, problems: list[tuple[str, str]], *, source: str = "configuration") -> None:
        self.problems, self.source = problems, source
        lines = [f"{path}: {what}" if path else what for path, what in problems]
        super().__init__(f"Invalid {source}: " + "; ".join(lines))


class MissingUpload(QHNError):
    """A configuration names an uploaded file, by content hash, that is not on this machine."""

    def __init__(self, sha256: str, *, what: str = "file") -> None:
        self.sha256, self.what = sha256, what
        super().__init__(
            f"The uploaded {what} with content hash {sha256[:12]}… is not on this machine. "
            f"Upload the same {what} again: it is recognised by its content."
        )


class TooLarge(QHNError):
    """A request that does not fit a stated limit (usually memory); nothing was allocated."""


class Unsupported(QHNError):
    """A combination that cannot work, refused before it starts, with the reason."""


class Cancelled(QHNError):
    """A long calculation was asked to stop, and did."""


class DeviceError(QHNError):
    """A device refused, timed out or failed; the run can be resumed."""


class StoreError(QHNError):
    """The run store cannot be read or written."""


def shorten(value: object, limit: int = 80) -> str:
    """Text of ``value`` for a message, at most about ``limit`` characters."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except Exception:  # whole numbers of thousands of digits have no text, and any class may fail to give one
        text = f"{type(value).__name__} that cannot be shown"
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
