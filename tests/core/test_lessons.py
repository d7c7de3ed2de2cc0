"""Lessons as files: what is wrong is named with its line, and answers are judged by what the run showed."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from qhn_core.commands import app
from qhn_core.config import RunConfig
from qhn_core.lessons import FOLDER, LessonError, library, load_lesson, read_lesson
from qhn_core.lessons.experiments.parity import Parity
from qhn_core.lessons.experiments.qubit import Qubit
from qhn_core.lessons.experiments.sketch import Sketch
from qhn_core.lessons.experiments.training import Training
from qhn_core.lessons.experiments.tuning import Tuning
from qhn_core.lessons.experiments.variance import Variance
from qhn_core.lessons.outcome import Bars, Lines, Outcome, Picture, Plane, Series, Unwatched
from qhn_core.lessons.playing import MOST_TRIED, offered, play
from qhn_core.lessons.questions import POINTS, Curve, Number
from qhn_core.lessons.words import fill, number, places

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


CHALLENGE = """    challenge:
      text: End above 0.5.
      when: [{value: predictive_nll_train.last, above: 0.5}]
---

## look"""


def _checked(tmp_path: Path, text: str) -> tuple[int, str]:
    path = tmp_path / "11-mine.md"
    path.write_text(text, encoding="utf-8")
    run = CliRunner().invoke(app, ["lesson", "check", str(path), "--run"])
    return run.exit_code, run.output


def test_a_challenge_is_tried_on_the_offered_settings(tmp_path: Path) -> None:
    sliders = "choices: [mle, elbo]}\n      - {set: optimiser.lr, label: Rate, low: 0.01, high: 0.05, step: 0.01}"
    text = SMALL.replace("choices: [mle, elbo]}", sliders).replace("---\n\n## look", CHALLENGE)
    code, said = _checked(tmp_path, text)  # 0.5 is passed by every setting
    assert code == 2
    assert "the untouched setting meets the challenge already: End above 0.5." in said
    code, said = _checked(tmp_path, text.replace("above: 0.5}", "above: 50}"))
    assert code == 2
    assert "no offered setting meets the challenge (9 of 9 tried): End above 0.5." in said
    untouched, *_ = play(read_lesson(text, id="mine"))
    loss = untouched[1].outcome.numbers["loss.last"]
    met = text.replace("predictive_nll_train.last, above: 0.5", f"loss.last, above: {loss + 0.01}")
    code, said = _checked(tmp_path, met)  # the ELBO's loss is higher by the distance from the prior
    assert code == 0, said
    assert "challenge met at objective.name = " in said
    assert "of 9 settings tried" in said


def test_sliders_are_tried_at_places_over_their_whole_range() -> None:
    lessons = {lesson.id: lesson for lesson in library()[0]}
    step = lessons["superposition-of-networks"].step("break")
    settings = offered(step)
    assert len(settings) <= MOST_TRIED
    assert settings[0] == {control.set: control.first() for control in step.controls}
    for name in ("experiment.first", "experiment.second"):
        assert {0.0, 90.0, 180.0} <= {setting[name] for setting in settings}
    (alone,) = lessons["bit-qubit-weight"].step("break").controls
    assert len(offered(lessons["bit-qubit-weight"].step("break"))) == 37, "every angle of a slider that stands alone"
    assert alone.first() == 90.0


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
    assert fill("{{a}} {{b}} {{c}} {{d}} {{e}} {{f|%}} {{none}}", numbers) == "−0.123 1,234 0 3.0 · 10^−9 … 50.0 % …"
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
    found = Sketch(networks=1, seed=0).measure(config, until=None, watch=Unwatched())
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
        assert not played.wrong, f"{path.name}, {step.id}: {played.wrong}"
        assert (played.challenge is None) == (step.challenge is None)
        if isinstance(step.question, Number):
            truth = played.outcome.numbers[step.question.value]
            assert truth.is_integer() or not step.question.step.is_integer(), "what is no whole number can be answered"
        unknown = {name for words in load_lesson(path).words[step.id] for name in places(words)}
        assert all(math.isfinite(played.outcome.numbers[name]) for name in unknown), step.id
        told = [name for name in played.outcome.notes if name in step.show]
        assert len(told) == (step.id == "elbo" and load_lesson(path).number == 6), "a refusal where it is spoken of"


def test_the_lesson_that_the_readme_shows_can_be_used() -> None:
    text = (FOLDER.parents[1] / "README.md").read_text(encoding="utf-8")
    block = text.split("```markdown\n", 1)[1].split("```", 1)[0]
    lesson = read_lesson(block, id="my-lesson")
    assert [played.missed for _, played in play(lesson)] == [()]


# ------------------------------------------------------------------------------------------- what experiments give

TINY = {"network": {"name": "mlp", "layers": [2, 1, 1]}, "steps": 12, "replicas": 3}


def _measured(lesson: str, step: str, *, until: int | None = None) -> Outcome:
    found = next(one for one in library()[0] if one.id == lesson)
    experiment, config = found.prepared(found.step(step))
    return experiment.measure(config, until=until, watch=Unwatched())


def _bars(picture: Picture) -> Bars:
    assert isinstance(picture, Bars)
    return picture


def _lines(picture: Picture) -> Lines:
    assert isinstance(picture, Lines)
    return picture


def test_a_flat_start_is_flat_on_axes_that_stand_still() -> None:
    early = _measured("barren-plateaus", "flat", until=5)
    picture = _lines(early.pictures["train"])
    assert picture.y_range is not None
    low, high = picture.y_range
    moved = early.numbers["loss.highest"] - early.numbers["loss.lowest"]
    assert moved < 0.02 * (high - low)
    assert low < early.numbers["loss.last"] < high


def test_the_first_look_at_plateaus_shows_one_start_only() -> None:
    found = Variance(starts=8).measure(RunConfig.parse(TINY), until=None, watch=Unwatched())
    assert len(_lines(found.pictures["variance"]).series) == 2
    assert [series.name for series in _lines(found.pictures["uniform"]).series] == ["uniform angles"]
    numbers = found.numbers
    beyond = numbers["uniform.last"] * numbers["uniform.factor"] ** (50 - numbers["largest"])
    assert numbers["uniform.at_50"] == pytest.approx(beyond)


def test_contenders_are_called_by_their_labels_and_no_second_one_is_black() -> None:
    training = Training(contenders={"one": {}, "zero": {"objective": {"beta": 0.0}}}, labels={"zero": "β = 0"})
    config = RunConfig.parse(TINY | {"objective": {"name": "elbo"}})
    found = training.measure(config, until=None, watch=Unwatched())
    curves = _lines(found.pictures["effective"]).series
    assert [(series.name, series.colour) for series in curves] == [("one", "elbo"), ("β = 0", "second")]
    networks = _bars(found.pictures["networks"])
    assert networks.title.startswith("Most probable networks: β = 0 (")
    assert next(iter(networks.groups)) == "β = 0 q"
    assert tuple(networks.colours) == ("second", "ink")
    for bad in ({"labels": {"two": "β = 2"}}, {"axes": {"gab": (0.0, 1.0)}}):
        with pytest.raises(ValueError, match="names among"):
            Training.model_validate({"contenders": {"one": {}}, **bad})


def test_no_twin_comes_below_the_floor_of_products() -> None:
    twins = {"circuit": {}, "twin": {"ansatz": {"name": "product"}}}
    training = Training(contenders=twins, floor=4)
    config = RunConfig.parse(TINY | {"objective": {"name": "elbo"}, "steps": 200})
    found = training.measure(config, until=None, watch=Unwatched())
    floor = found.numbers["floor"]
    assert floor <= found.numbers["twin.kl_posterior.last"] + 1e-9
    assert 0 < floor < found.numbers["twin.kl_posterior.first"]
    assert _lines(found.pictures["distance"]).levels == {"best product found": floor}
    assert set(found.numbers) <= set(training.values(config))


def test_a_histogram_shows_what_few_draws_gave() -> None:
    found = _measured("born-rule-draws", "once")
    bars = _bars(found.pictures["histogram"])
    q, few, many = (np.asarray(values) for values in bars.groups.values())
    assert (few > 0).sum() >= 4, "sixteenths that fell on networks beyond the likeliest"
    assert np.all(few[few > 0] >= 1 / 16)
    assert np.abs(few - q).sum() > 3 * np.abs(many - q).sum()


def test_what_tells_parity_from_uniform_is_one_order() -> None:
    bars = _bars(Parity(bits=6).measure(RunConfig(), until=None, watch=Unwatched()).pictures["orders"])
    kernel, differs = (np.asarray(values) for values in bars.groups.values())
    assert differs == pytest.approx([0, 0, 0, 0, 0, 0, 1])
    assert kernel.sum() == pytest.approx(1)


def test_ten_draws_agree_where_all_of_them_are_alike() -> None:
    found = {
        angle: Qubit(degrees=angle).measure(RunConfig(), until=None, watch=Unwatched()).numbers for angle in (0, 120)
    }
    assert found[0]["agree_10"] == 1
    assert found[120]["agree_10"] == max(found[120]["share_10"], 1 - found[120]["share_10"])
    assert found[120]["off_1000"] == pytest.approx(abs(found[120]["share_1000"] - 0.75))
