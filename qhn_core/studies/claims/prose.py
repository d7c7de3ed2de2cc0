"""What the report says beside its tables: how it was measured, what would change our mind, and its sources."""

from __future__ import annotations

from html import escape
from typing import Any

SOURCES: tuple[tuple[str, str], ...] = (
    ("2506.05888", "Nepote et al., Variational Inference for Quantum HyperNetworks (the claim that is measured)"),
    ("2301.08292", "Carrasquilla et al., Quantum HyperNetworks (the model, and the experiments that are replayed)"),
    ("2403.07059", "Bowles, Ahmed, Schuld, Better than classical? (how such benchmarks mislead)"),
    ("2203.17089", "listed for further reading"),
    ("2002.10778", "Meng, Bachmann, Khan, BayesBiNN (a rival)"),
)

#: What would overturn a conclusion, in the order of the conclusions.
CHANGE: tuple[str, ...] = (
    "ELBO or SELBO against MLE: a grid of ten other sources, run with this program and these rules, whose corrected "
    "interval by source lies on the other side of 0, or clear of it where ours is not.",
    "MLE's optimisation or its objective: a way of training MLE with the same budget that reaches the best string in "
    "nearly every start. If the gain against it vanishes, it was optimisation; if it stays, it is the objective.",
    "The circuit: a class of scenarios, named before it is run, in which the circuit beats both the product circuit "
    "and the enumerated mean-field with an interval by source clear of 0.",
    "Drawn strings: the same table at equal budgets in which enumeration is out of reach for everybody, hundreds of "
    "weights, and the SELBO still ahead of annealing and straight-through.",
    "Depth: forty starts a depth on more pairs of digits with a corrected p of the trend below .05.",
    "Tuning: candidates beyond our axes, for any method, that win the validation half more often than every fifth "
    "time. The table of settings says where an end is still chosen that often.",
)


_RULES = (
    "Every seed has its own draw of the data and its own starting angles, the same for all losses; scenarios share no "
    "seed. Every method chose its setting by the lowest predictive NLL on held-out validation examples, and was judged "
    "on test examples. Generated examples are fresh for every seed. The rows of a finite table are halved once: no "
    "test row of any seed is used for choosing by any other; the seeds of such a scenario share their test rows. "
    "Intervals are 95 %. <b>On these scenarios</b> only the seeds are a sample; <b>by source</b> the data sources are, "
    "with Student's t on one degree of freedom less than there are sources: that is the interval for a general claim. "
    "Verdicts of single scenarios are sign-flip tests, corrected by Holm over the whole grid."
)


def measured(about: dict[str, Any]) -> str:
    """How it was measured, as HTML."""
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    spent = (
        f"the trials took {about['trial_seconds']:.0f} s of processor time ({about['trials']} trials; a resumed study "
        f"does not repeat them), load average at the end {about['load']}"
    )
    return (
        f"<p>{escape(about['scope'])}</p><p>{_RULES}</p>"
        f'<p class="note">Measured {escape(about["date"])} on {about["cores"]} cores; {spent}. {escape(versions)}. To '
        f"be expected: {escape(about['duration'])}. The settings behind published numbers were not available: nothing "
        "here reproduces them.</p>"
    )


def change_section() -> str:
    """What would change our mind, as HTML."""
    return "<h2>What would change our mind</h2><ol>" + "".join(f"<li>{escape(one)}</li>" for one in CHANGE) + "</ol>"


def sources_section() -> str:
    """The sources, as HTML without links, so that the file loads nothing."""
    items = "".join(f"<li>arXiv:{number}: {escape(words)}</li>" for number, words in SOURCES)
    return f"<h2>Sources</h2><ul>{items}</ul>"
