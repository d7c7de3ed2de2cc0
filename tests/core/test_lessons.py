"""Lessons as files: what is wrong is named with its line, and answers are judged by what the run showed."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from app import starts
from qhn_core.commands import app
from qhn_core.config import RunConfig
from qhn_core.lessons import FOLDER, LessonError, library, load_lesson, read_lesson
from qhn_core.lessons.course import Course
from qhn_core.lessons.experiments import EXPERIMENTS
from qhn_core.lessons.experiments.sketch import Sketch
from qhn_core.lessons.experiments.tuning import Tuning
from qhn_core.lessons.outcome import Lines, Outcome, Plane, Series, Unwatched
from qhn_core.lessons.playing import play
from qhn_core.lessons.questions import POINTS, Curve
from qhn_core.lessons.words import fill, number, places
from qhn_core.metrics import median_start

SMALL = """---
schema_version: 1
number: 11
title: My lesson
question: Does it fall?
minutes: 5
goals: [See it fall]
sentence: It falls.
configuration:
  network: {name: mlp, layers: [2, 1, 1]}
  objective: {name: mle}
  steps: 12
  replicas: 2
experiment: {name: training}
steps:
  - id: look
    title: Look
    show: [gap]
    until: 4
    question:
      kind: choice
      prompt: Where does it go?
      options:
        - {id: down, text: Down, when: [{value: predictive_nll_train.fall, above: 0.001}]}
        - {id: up, text: Up, when: [{value: predictive_nll_train.rise, above: 10}]}
    expect:
      - {text: "It fell by {{predictive_nll_train.fall}}.", when: [{value: predictive_nll_train.fall, above: 0}]}
    controls:
      - {set: objective.name, label: Loss, choices: [mle, elbo]}
---

## look

Some words.

### Then

It ended at {{predictive_nll_train.last}}.
"""


def wrong(old: str, new: str) -> list[str]:
    assert old in SMALL
    with pytest.raises(LessonError) as error:
        read_lesson(SMALL.replace(old, new, 1), id="mine")
    return [str(problem) for problem in error.value.problems]


def test_a_good_lesson_is_read() -> None:
    lesson = read_lesson(SMALL, id="mine")
    assert lesson.words["look"] == ("Some words.", "It ended at {{predictive_nll_train.last}}.")
    assert lesson.prepared(lesson.steps[0], {"objective.name": "elbo"})[1].objective.name == "elbo"


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("minutes: 5", "minutes: 0", 6, "minutes"),
        ("minutes: 5", "minute: 5", 6, "minutes"),
        ("steps: 12", "steps: 9999999", 12, "steps"),
        ("{name: mle}", "{name: mel}", 11, "objective"),
        ("show: [gap]", "show: [gab]", 18, "gap"),
        ("until: 4", "until: 40", 19, "12 steps"),
        ("fall, above: 0.001", "fal, above: 0.001", 20, "predictive_nll_train.fall"),
        ("id: up", "id: down", 20, "differ"),
        ("kind: choice", "kind: essay", 20, "kind"),
        ("fall}}.", "fell}}.", 27, "predictive_nll_train.fell"),
        ("choices: [mle, elbo]", "choices: [mle, elbow]", 29, "elbow"),
        ("set: objective.name", "set: objective.nam", 29, "nam"),
        ("Some words.", "Some <b>words</b>.", 34, "HTML"),
        ("Some words.", "![x](https://elsewhere.example/x.png)", 34, "picture"),
        ("Some words.", "[click](javascript:alert(1))", 34, "https"),
        ("## look", "## lok", 32, "lok"),
        ("Some words.", "word " * 200, 32, "200 words"),
        ("experiment: {name: training}", "experiment: {name: trainning}", 14, "training"),
        ("goals: [See it fall]", "goals: &a [See it fall]", 7, "anchors"),
        ("goals: [See it fall]", "goals: !!python/object:os.system [x]", 7, "tags"),
        ("goals: [See it fall]", "goals: [See it fall", 8, "YAML"),
        ("---\nschema", "schema", 1, "front matter"),
        ("sentence: It falls.", "sentence: It falls.\nid: other", 9, "follows from the file"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(old: str, new: str, line: int, says: str) -> None:
    problems = wrong(old, new)
    assert any(text.startswith(f"line {line}: ") and says in text for text in problems), problems


@given(st.binary(max_size=400))
def test_no_bytes_do_harm(data: bytes) -> None:
    text = data.decode("utf-8", errors="replace")
    for body in (text, f"---\n{text}\n---\n"):
        with pytest.raises(LessonError):
            read_lesson(body, id="mine")


def test_a_large_file_and_an_odd_name_are_refused(tmp_path: Path) -> None:
    large = tmp_path / "12-large.md"
    large.write_text(SMALL + "x" * 70_000, encoding="utf-8")
    with pytest.raises(LessonError, match="larger"):
        load_lesson(large)
    odd = tmp_path / "My Lesson.md"
    odd.write_text(SMALL, encoding="utf-8")
    with pytest.raises(LessonError, match="small letters"):
        load_lesson(odd)


def test_the_command_says_what_is_wrong_and_where(tmp_path: Path) -> None:
    good, bad = tmp_path / "11-mine.md", tmp_path / "12-other.md"
    good.write_text(SMALL, encoding="utf-8")
    bad.write_text(SMALL.replace("minutes: 5", "minutes: 0"), encoding="utf-8")
    run = CliRunner().invoke(app, ["lesson", "check", str(good), "--run"])
    assert run.exit_code == 0, run.output
    assert "1 of 1 seen" in run.output
    found = CliRunner().invoke(app, ["lesson", "check", str(good), str(bad)])
    assert found.exit_code == 2
    assert "12-other.md, line 6: minutes" in found.output


def test_every_lesson_that_comes_with_the_program_can_be_used() -> None:
    lessons, bad = library()
    assert not bad, "\n".join(map(str, bad))
    assert len(lessons) == len(list(FOLDER.glob("*.md")))
    assert len({lesson.id for lesson in lessons}) == len(lessons)


# ----------------------------------------------------------------------------------------------- answers

CURVE = Curve(prompt="Draw", picture="gap", series="test", start=10, end=40, low=0, high=1, within=0.05)


def _outcome(y: np.ndarray) -> Outcome:
    lines = Lines("NLL", "step", "nats", [Series("test", np.arange(41.0), y)])
    return Outcome({}, {"gap": lines})


def test_a_curve_is_judged_by_its_distance_from_what_happened() -> None:
    truth = 0.5 + 0.01 * np.arange(41.0)
    drawn = [0.5 + 0.01 * x for x in CURVE.places]
    assert CURVE.judge(drawn, _outcome(truth)).correct is True
    assert CURVE.judge([h - 0.2 for h in drawn], _outcome(truth)).correct is False
    assert "rises" in CURVE.judge(drawn, _outcome(truth)).happened
    assert CURVE.judge([0.5] * POINTS, _outcome(truth)).said.startswith("level")
    early = Outcome({}, {"gap": Lines("NLL", "step", "nats", [Series("test", np.arange(11.0), truth[:11])])})
    assert CURVE.judge(drawn, early).correct is None


@pytest.mark.parametrize("value", [None, [], [0.5] * (POINTS - 1), [2.0] * POINTS, [math.nan] * POINTS, "curve"])
def test_what_is_no_curve_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="answer"):
        CURVE.check(value)


def test_numbers_stand_in_words_as_people_write_them() -> None:
    numbers = {"a": -0.12345, "b": 1234.5, "c": 0.0, "d": 3e-9, "e": math.nan, "f": 0.5}
    assert fill("{{a}} {{b}} {{c}} {{d}} {{e}} {{f|%}} {{none}}", numbers) == "−0.123 1,234 0 3.0 · 10⁻⁹ … 50.0 % …"
    assert number(2.0) == "2"
    assert number(-1234.0) == "−1,234"


def test_tuning_judges_on_draws_that_no_setting_was_chosen_by(monkeypatch: pytest.MonkeyPatch) -> None:
    halves = {"elbo": [(0.5, 0.5), (0.4, 0.9)], "mle": [(0.7, 0.6), (0.8, 0.1)]}  # NLL where chosen, where judged
    scores = {name: np.array([np.repeat(pair, 10) for pair in rows]) for name, rows in halves.items()}
    monkeypatch.setattr(Tuning, "_scores", lambda *_: scores)
    tuning = Tuning(contenders={"elbo": [{}, {}], "mle": [{}, {}]}, draws=10)
    found = tuning.measure(RunConfig(), until=None, watch=Unwatched()).numbers
    assert (found["chosen.elbo"], found["chosen.mle"], found["settings"]) == (2, 1, 4)
    leads = [found[f"lead.{who}"] for who in ("none", "first", "second", "both")]
    assert leads == pytest.approx([0.1, -0.3, 0.1, -0.3])
    assert set(found) == set(tuning.values(RunConfig()))


def test_the_line_of_one_unit_is_drawn_straight() -> None:
    data = {"name": "breast_cancer", "components": 2}  # whose sides differ: the line is no diagonal of the places
    config = RunConfig.parse({"dataset": data, "network": {"name": "mlp", "layers": [2, 1, 1]}, "steps": 20})
    found = Sketch(networks=1, seed=2).measure(config, until=None, watch=Unwatched())
    picture = found.pictures["one"]
    assert isinstance(picture, Plane)
    (plane,) = picture.curves
    crossed = [sums[(sums > 1) & (sums < len(sums) - 1)] for sums in (plane.sum(axis=0), plane.sum(axis=1))]
    places = max(crossed, key=len)  # how far the line is in each row, or column
    k = np.arange(len(places))
    assert len(places) > 10
    assert np.abs(places - np.polynomial.Polynomial.fit(k, places, 1)(k)).max() < 0.2, "a staircase is half a place off"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.md")), ids=lambda path: path.stem)
def test_what_a_lesson_says_should_be_seen_is_seen(path: Path) -> None:
    for step, played in play(load_lesson(path)):
        assert not played.missed, f"{path.name}, {step.id}: {played.missed}"
        unknown = {name for words in load_lesson(path).words[step.id] for name in places(words)}
        assert all(math.isfinite(played.outcome.numbers[name]) for name in unknown), step.id
        told = [name for name in played.outcome.notes if name in step.show]
        assert len(told) == (step.id == "elbo" and load_lesson(path).number == 6), "a refusal where it is spoken of"


def test_the_lesson_that_the_readme_shows_can_be_used() -> None:
    text = (FOLDER.parents[1] / "README.md").read_text(encoding="utf-8")
    block = text.split("```markdown\n", 1)[1].split("```", 1)[0]
    lesson = read_lesson(block, id="my-lesson")
    assert [played.missed for _, played in play(lesson)] == [()]


def test_controls_that_cannot_be_used_together_are_named() -> None:
    control = "    controls:\n"
    layers = "      - {set: ansatz.name, label: Circuit, choices: [linear, product]}\n"
    layers += "      - {set: ansatz.layers, label: Layers, choices: [2, 4]}\n"
    with pytest.raises(LessonError) as told:
        read_lesson(SMALL.replace(control, control + layers), id="mine")
    assert "ansatz.name = 'product' with ansatz.layers = 2" in str(told.value)
    assert "cannot be used together" in str(told.value)


def test_a_wrong_item_is_not_called_an_empty_list() -> None:
    with pytest.raises(LessonError) as told:
        read_lesson(SMALL.replace("kind: choice", "kind: quiz"), id="mine")
    assert "steps.0.question" in str(told.value)
    assert "at least 1" not in str(told.value)


def test_all_that_a_file_may_hold_can_be_looked_up() -> None:
    found = CliRunner().invoke(app, ["lesson", "fields"])
    assert found.exit_code == 0
    for word in (
        "`hint`",
        "`kind: ranking`",
        "### shots",
        "effective_networks.last",
        "`near`",
        "pictures (`show`): gap",
    ):
        assert word in found.output, word
    for name in EXPERIMENTS.names():
        assert f"### {name}\n" in found.output
    assert found.output.count("- numbers, as in ") == len(EXPERIMENTS.names())


def test_a_number_that_is_taken_is_said(tmp_path: Path) -> None:
    file = tmp_path / "04-mine.md"
    file.write_text(SMALL.replace("number: 11", "number: 4"), encoding="utf-8")
    found = CliRunner().invoke(app, ["lesson", "check", str(file)])
    assert (found.exit_code, "1 step, 5 min" in found.output) == (0, True)
    assert "Its number, 4, is that of" in found.output


def test_one_rule_says_which_start_is_the_median_one() -> None:
    for loss in ([3.0, 1.0, 2.0, 4.0], [1.0, 2.0], [5.0, math.nan, 1.0, 2.0], [1.0]):
        values = np.array(loss)
        course = Course("", RunConfig(), rows=[{"loss": values}])
        assert course.middle() == median_start(values)
        assert starts.start_of(starts.MEDIAN, values[None], replicas=len(loss), active=False) == course.middle()
