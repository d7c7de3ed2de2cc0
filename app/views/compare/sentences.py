"""The verdict as a person would say it: a headline for each contender, then every comparison in proper names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from qhn_core.analysis.statistics import Comparison, Verdict
from qhn_core.metrics import METRICS

#: Metrics -> what a contender does that is better in one of them and worse in none, and the other way round.
_SAID: Mapping[tuple[str, ...], tuple[str, str]] = {
    ("gap",): ("overfits less", "overfits more"),
    ("kl_posterior",): ("lies nearer the posterior", "lies farther from the posterior"),
    ("cost_gap",): ("draws networks of lower training cost", "draws networks of higher training cost"),
    ("success",): ("puts more of its mass near the optimum", "puts less of its mass near the optimum"),
}
_PREDICTION = ("predictive_nll_test", "accuracy_test")


def headlines(found: Sequence[Comparison]) -> list[str]:
    """One sentence a contender: what it does better and worse than the reference, and whether it predicts better."""
    return [_headline([c for c in found if c.contender == name]) for name in dict.fromkeys(c.contender for c in found)]


def _headline(own: Sequence[Comparison]) -> str:
    name, other = own[0].contender, own[0].reference
    if all(c.verdict is Verdict.TOO_FEW for c in own):
        return f"{name} against {other}: {own[0].units} independent seeds are too few to say anything."
    verdicts = {c.metric: c.verdict for c in own}
    good: list[str] = []
    bad: list[str] = []
    for metrics, (better, worse) in _SAID.items():
        side = _side(verdicts.get(metric) for metric in metrics)
        (good if side > 0 else bad if side < 0 else []).append(better if side > 0 else worse)
    prediction = _side(verdicts.get(metric) for metric in _PREDICTION)
    if prediction:
        (good if prediction > 0 else bad).insert(0, "predicts better" if prediction > 0 else "predicts worse")
    rest = "" if prediction else "that it predicts better was not shown"
    said = ", but ".join(_joined(part) for part in (good, bad) if part)
    shown = [c for c in own if c.verdict in (Verdict.BETTER, Verdict.WORSE)]
    if not said and shown:  # metrics that say one thing together disagree
        parts = ", ".join(f"{c.verdict.value} in {_lowered(METRICS[c.metric].label)}" for c in shown)
        return f"{name} against {other}: {parts}; that it predicts better was not shown."
    if not said:
        return f"{name} differs from {other} in nothing that matters here, as far as these seeds can show."
    return f"{name} {said} than {other}{'; ' + rest if rest else ''}."


def _side(verdicts: Iterable[Verdict | None]) -> int:
    """+1 where some are better and none worse, −1 the other way round, 0 otherwise."""
    seen = set(verdicts)
    return (Verdict.BETTER in seen) - (Verdict.WORSE in seen)


def _lowered(label: str) -> str:
    """A label within a sentence: ``cost above the best``, ``KL to posterior``."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def sentence(found: Comparison, *, exploratory: bool = False) -> str:
    """One comparison in words, with its numbers as the tables write them, as Markdown."""
    metric = METRICS[found.metric]
    head = f"**{metric.label}{' (exploratory)' if exploratory else ''}:**"
    name, other = found.contender, found.reference
    if found.verdict is Verdict.TOO_FEW:
        return f"{head} {found.units} independent seeds are too few to judge {name} against {other}."
    unit = f" {metric.unit}" if metric.unit else ""
    numbers = (
        f"difference {metric.text(found.difference, sign=True)}{unit}, 95 % interval "
        f"{metric.text(found.low, sign=True)} to {metric.text(found.high, sign=True)}, "
        f"corrected {p_text(found.p_adjusted)}, {found.units} seeds"
    )
    if found.verdict is Verdict.NO_DIFFERENCE:
        return f"{head} no difference between {name} and {other} was found ({numbers})."
    return f"{head} {name} is {found.verdict.value} than {other} ({numbers})."


def p_text(value: float) -> str:
    """A p value as a bound that it keeps: ``p ≤ 0.004``; never 1, which no test can show."""
    if value >= 0.995:
        return "p > 0.99"
    for digits in (2, 3, 4, 5):
        step = 10.0**-digits
        rounded = math.ceil(value / step - 1e-9) * step
        if value >= 10 * step or digits == 5:
            return f"p ≤ {rounded:.{digits}f}"
    raise AssertionError(value)
