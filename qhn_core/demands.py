"""What a field would have accepted, in words, for each kind of error that pydantic finds in a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WHOLE, _NUMBER, _SWITCH, _TEXT, _LIST = "a whole number", "a number", "true or false", "text", "a list"
_MAPPING = "a mapping of names to values"
#: Kind of error -> what was expected; in braces stands what pydantic knows of the bound.
_EXPECTED: Mapping[str, str] = {
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": "a whole number of fewer digits",
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "a finite number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "bool_type": _SWITCH,
    "bool_parsing": _SWITCH,
    "string_type": _TEXT,
    "string_unicode": _TEXT,
    "string_too_short": "text of at least {min_length} characters",
    "string_too_long": "text of at most {max_length} characters",
    "string_pattern_mismatch": "text of the form {pattern}",
    "tuple_type": _LIST,
    "list_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "iterable_type": _LIST,
    "too_short": "{min_length} or more entries",
    "too_long": "{max_length} or fewer entries",
    "dict_type": _MAPPING,
    "mapping_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "dataclass_type": _MAPPING,
    "invalid_key": "names as keys",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "none_required": "nothing",
    "union_tag_not_found": "a mapping with the key {discriminator}",
    "union_tag_invalid": "a mapping with {discriminator} one of {expected_tags}",
    "missing": "a value",
    "extra_forbidden": "no field of this name",
}
#: Kinds of error -> what to do about them, where that does not follow from what was expected.
_REMEDIES: Mapping[str, str] = {
    "missing": "Add it.",
    "extra_forbidden": "Correct the name, or leave it out.",
}
#: How pydantic writes values that stand otherwise in a configuration.
_WRITTEN: Mapping[str, str] = {"True": "true", "False": "false", "None": "nothing"}


def expected(kind: str, context: Mapping[str, Any]) -> str:
    """What was expected, as it goes on after "expected".

    Args:
        kind: pydantic's name of the error's kind, such as ``too_short``.
        context: what pydantic says of it, such as ``min_length``.
    """
    known = {key: f"{value:g}" if isinstance(value, float) else str(value) for key, value in context.items()}
    said = _EXPECTED.get(kind, "something else").format_map(known)
    return _WRITTEN.get(said, said)


def remedy(kind: str) -> str:
    """What to do about it, as a sentence; empty where that follows from what was expected."""
    return _REMEDIES.get(kind, "")


def got(kind: str, value: object, context: Mapping[str, Any]) -> object:
    """What came instead, for a message.

    Args:
        kind, context: as for :func:`expected`.
        value: what the field was given; where it is missing, all that was given.
    """
    if kind == "missing" or value is None:
        return "nothing"
    if "actual_length" in context:
        return str(context["actual_length"])
    if isinstance(value, bool):
        return "true" if value else "false"
    return "empty text" if value == "" else value
