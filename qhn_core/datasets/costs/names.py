"""What the name of a column says about its part in a cost file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

#: A column of costs, one that tells the string, one that is neither; or a name that does not say.
Part = Literal["cost", "place", "other", ""]

_WORDS: dict[Part, str] = {
    "cost": """
        cost costs energy energies loss losses value values val objective objectives obj f e fx fval mean min penalty
        eigenvalue eigenvalues kosten energie energien wert werte zielwert verlust
    """,
    "place": """
        bit bits bitstring bitstrings bitfolge string strings state states zustand ket kets basis config configuration
        solution sample assignment binary bin word key x w z i j k n id idx index indices row nr no number nummer
        integer int decimal dec hex unnamed
    """,
    "other": """
        std sd stdev stddev sigma err error errors stderr sem uncertainty unc delta var variance count counts shots
        freq frequency occurrence occurrences probability probabilities prob probs p rank time seconds runtime
        degeneracy multiplicity violation violations feasible valid lower upper max median ci fehler anzahl rang
        wahrscheinlichkeit
    """,
}
_PARTS: dict[str, Part] = {word: part for part, words in _WORDS.items() for word in words.split()}
_IN_BRACKETS = re.compile(r"[(\[{].*")
_NUMBERED = re.compile(r"(.*?)[\s_.\-(\[{]*(\d+)[)\]}]?")


def part_of(name: str) -> Part:
    """What a column of that name holds: its last word that says so, where none speaks of something beside the cost."""
    words = re.findall(r"[^\W\d_]+", _IN_BRACKETS.sub("", name).lower())
    if not name.strip():
        return "place"
    if len("".join(words)) == 1 and any(map(str.isdigit, name)):  # x0, p1, e2: one of several bits
        return ""
    parts = [_PARTS[word] for word in words if word in _PARTS]
    return "other" if "other" in parts else parts[-1] if parts else ""


def numbers_of(names: Sequence[str]) -> list[int] | None:
    """The numbers of names such as ``q1``, ``q0`` or ``x[2]``; None where they are not all of this kind."""
    found = [_NUMBERED.fullmatch(name.lower()) for name in names]
    told = [match for match in found if match]
    if len(told) < len(names) or len({match[1] for match in told}) > 1 or max(len(match[2]) for match in told) > 6:
        return None
    return [int(match[2]) for match in told]
