"""A class through its pages: the teacher's console, what students see, and what reaches every screen."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import class_bar, classroom, experiment, services
from app.views.classroom import ending, predictions
from qhn_core.config import RunConfig
from qhn_core.lessons import library
from qhn_core.runner import RunState
from qhn_core.store.people import Person
from qhn_core.studies.race.config import RaceConfig
from qhn_core.studies.race.live import Races
from tests.app.pages import charts, opened, press

#: Who looks, as pages find out; the tests below say it themselves.
BY_COOKIE = classroom.person
SMALL = RunConfig.parse({"network": {"name": "mlp", "layers": [2, 1]}, "steps": 3, "replicas": 2})
LONG = SMALL.model_copy(update={"steps": 100_000})


class Class:
    """A class whose pages are drawn as one or another of its people."""

    def __init__(self, room: classroom.Classroom) -> None:
        self.room = room
        self.viewer: Person | None = None

    def enter(self, code: str, name: str) -> Person:
        found = self.room.people.enter(code, name)
        assert found is not None
        return found[0]

    def student(self, name: str) -> Person:
        return self.enter(self.room.codes.student, name)

    def page(self, viewer: Person, view: str = "", **query: str) -> AppTest:
        self.viewer = viewer
        return opened(view, **query)


@pytest.fixture
def lecture(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Class]:
    """An open class with its teacher."""
    monkeypatch.setenv(classroom.ASKED, "1")
    monkeypatch.setattr(classroom, "current", [])
    made = Class(classroom.begin(services.shared_store().people, port=8501))
    monkeypatch.setattr(classroom, "person", lambda: made.viewer)
    yield made
    made.viewer = None


@pytest.fixture
def teacher(lecture: Class) -> Person:
    return lecture.enter(lecture.room.codes.teacher, "Tom")


def text_of(page: AppTest) -> str:
    return "\n".join(str(e.value) for kind in (page.markdown, page.caption, page.info) for e in kind)


def test_the_console_shows_link_code_and_people_and_is_the_teachers_alone(lecture: Class, teacher: Person) -> None:
    page = lecture.page(teacher, "classroom")
    assert lecture.room.codes.student in text_of(page)
    assert lecture.room.codes.teacher not in text_of(page), "it may stand on the projector"
    assert "Nobody has come in" in text_of(page)
    ana = lecture.student("Ana")
    run = services.shared_supervisor().of(ana.id).start(LONG, name="Ana's run")
    page = lecture.page(teacher, "classroom")
    (people,) = page.dataframe
    assert people.value["name"].tolist() == ["Ana"]
    assert people.value["run"].tolist() == ["Ana's run"]
    services.shared_supervisor().stop(run)
    from app.views.classroom import page as console

    lecture.viewer = ana
    assert not console.class_bar.is_teacher()


def test_students_find_their_own_runs_and_no_others(lecture: Class, teacher: Person) -> None:
    ana, bo = lecture.student("Ana"), lecture.student("Bo")
    supervisor = services.shared_supervisor()
    run = supervisor.of(ana.id).start(SMALL)
    assert supervisor.wait(run, timeout=180).state is RunState.FINISHED
    own = lecture.page(ana, run=run)
    assert own.query_params["run"] == [run] or own.query_params["run"] == run
    other = lecture.page(bo, run=run)
    assert "run" not in other.query_params
    assert any(f"There is no run '{run}'" in str(e.value) for e in other.error)
    lecture.viewer = bo
    assert services.store().list() == []
    lecture.viewer = teacher
    assert [record.id for record in services.store().list()] == [run]


def test_eyes_on_me_reaches_every_screen_and_work_goes_on_afterwards(lecture: Class, teacher: Person) -> None:
    ana = lecture.student("Ana")
    run = services.shared_supervisor().of(ana.id).start(LONG)
    console = lecture.page(teacher, "classroom")
    press(console, "class.eyes")
    assert services.shared_supervisor().wait(run, timeout=180).state is RunState.PAUSED
    assert "Eyes on the projector" in text_of(lecture.page(ana))
    lecture.viewer = teacher
    press(console, "class.eyes")
    assert "Eyes on the projector" not in text_of(lecture.page(ana))
    assert services.shared_supervisor().status(run).state is not RunState.PAUSED
    lecture.viewer = teacher
    press(console, "class.pause")
    assert services.shared_supervisor().wait(run, timeout=180).state is RunState.PAUSED
    services.shared_supervisor().stop(run)


def test_a_lessons_step_is_sent_once_to_each_and_to_who_comes_later(lecture: Class, teacher: Person) -> None:
    ana = lecture.student("Ana")
    console = lecture.page(teacher, "classroom")
    console.text_input(key="class.send.prompt").set_value("What do you expect?").run()
    press(console, "class.send.lesson")
    (lesson, step) = next(iter(predictions.steps()))
    for person in (ana, lecture.student("Late")):
        page = lecture.page(person)
        assert page.query_params["lesson"] in (lesson, [lesson])
        assert page.query_params["step"] in (step, [step])
        assert [text.value for text in page.text] == ["What do you expect?"]
        assert "lesson" not in lecture.page(person).query_params, "a reload leaves them where they are"


def test_who_clicks_in_the_moment_of_a_change_of_pages_is_taken_along_again(
    lecture: Class, teacher: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = lecture.student("Ana")
    press(lecture.page(teacher, "classroom"), "class.send.lesson")
    switch, lost = class_bar.st.switch_page, list[str]()

    def switched(page: Any, **options: Any) -> None:
        if not lost:
            lost.append("a click's request came before the new page's")
            class_bar.st.stop()
        switch(page, **options)

    monkeypatch.setattr(class_bar.st, "switch_page", switched)
    page = lecture.page(ana)
    assert lost
    assert lecture.room.followed(ana) == 0
    page.run()
    assert "lesson" in page.query_params
    assert lecture.room.followed(ana) == lecture.room.board.shown


def test_answers_are_shown_without_names_and_misconceptions_are_counted(lecture: Class, teacher: Person) -> None:
    lesson, step = next(
        (lesson, step)
        for lesson in library()[0]
        for step in lesson.steps
        if step.question is not None and step.question.kind == "choice"
    )
    options = [option.id for option in step.question.options]  # type: ignore[union-attr]
    answers = services.shared_store().answers
    for i, name in enumerate(("Ana", "Bo", "Cy")):
        answers.lock(lecture.student(name).id, lesson.id, step.id, kind="choice", value=options[min(i, 1)])
    answers.lock("somebody-elsewhere-0", lesson.id, step.id, kind="choice", value=options[0])
    students = {person.id for person in lecture.room.students()}
    given = [a for a in answers.of_step(lesson.id, step.id) if a.browser in students]
    counts = list(predictions.tally(step.question, given).values())
    assert counts[:2] == [1, 2]
    assert sum(counts) == 3
    page = lecture.page(teacher, "classroom")
    assert "Ana" not in text_of(page)


def test_the_export_holds_answers_and_runs_without_names(lecture: Class) -> None:
    ana = lecture.student("=Ana()")
    run = services.shared_supervisor().of(ana.id).start(SMALL, name="=1+1")
    services.shared_supervisor().wait(run, timeout=180)
    services.shared_store().answers.lock(ana.id, "one", "two", kind="number", value=3.0)
    archive = zipfile.ZipFile(io.BytesIO(ending.export(lecture.room)))
    tables = {name: list(csv.reader(io.StringIO(archive.read(name).decode()))) for name in archive.namelist()}
    assert tables["answers.csv"][1][:5] == ["1", "one", "two", "number", "3.0"]
    assert tables["runs.csv"][1][1:4] == [run, "'=1+1", "finished"]
    assert "Ana" not in str(tables)


def test_closing_stops_what_is_trained_and_wiping_leaves_no_trace(lecture: Class, teacher: Person) -> None:
    ana = lecture.student("Ana")
    supervisor = services.shared_supervisor()
    run = supervisor.of(ana.id).start(LONG)
    mine = supervisor.start(SMALL)
    supervisor.wait(mine, timeout=180)
    console = lecture.page(teacher, "classroom")
    console.checkbox(key="class.sure").check().run()
    press(console, "class.wipe")
    assert [record.id for record in services.shared_store().list()] == [mine]
    assert run not in supervisor.active()
    assert lecture.room.people.here() == []


def test_the_class_is_the_experiment(lecture: Class, teacher: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """One click gives everybody one draw; late and lost students cost width; the verdict comes at the end."""
    sides = [{"objective": {"name": "mle"}}, {"objective": {"name": "elbo"}}]
    base = SMALL.to_dict() | {"replicas": 1, "data_draws": 1}
    link = RaceConfig.parse({"base": base, "contenders": sides, "rivals": []}).to_url()
    people = [lecture.student(f"Student {k}") for k in range(3)]
    console = lecture.page(teacher, "compare", race=link)
    console.switch_page("views/classroom/page.py").run()
    begin = Races.start
    monkeypatch.setattr(Races, "start", lambda self, config: begin(self, config, paused=True))
    press(console, "class.experiment.begin")
    now = experiment.current(lecture.room)
    assert now is not None
    races = services.shared_races()
    own = [now.share(person) for person in people]
    assert [share.number for share in own] == [0, 1, 2]
    assert len({share.config.base.dataset.seed for share in own}) == 3  # type: ignore[union-attr]
    late = lecture.student("Late")
    page = lecture.page(late)
    assert page.query_params["raced"] in (now.share(late).race, [now.share(late).race])
    assert now.share(late).number == 3
    lecture.viewer = people[0]
    assert not services.races().known(own[1].race), "each sees their own"
    races.stop(own[2].race)  # one is lost
    assert races.wait(own[2].race, 180).run.state is RunState.STOPPED
    for share in (own[0], own[1], now.share(late)):
        races.resume(share.race)
        assert races.wait(share.race, 180).run.state is RunState.FINISHED
    lecture.viewer = teacher
    console.run()
    assert now.standing() == experiment.Standing(finished=3, active=0, lost=1, waiting=0)
    assert "too few to judge" in text_of(console), "three are not a verdict"
    assert charts(console)["class-pooled"]["figure"]["data"][1]["x"] == [2, 3]
    press(console, "class.experiment.forget")
    assert experiment.current(lecture.room) is None


def test_without_a_place_services_give_nothing(lecture: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> None:
        raise classroom.ClassEnded()

    monkeypatch.setattr(classroom, "person", nobody)
    for service in (services.store, services.supervisor, services.races):
        with pytest.raises(classroom.ClassEnded):
            service()
    page = opened(check=False)
    assert not page.exception
    assert any("class has ended" in str(e.value) for e in page.error)


def test_a_control_used_after_the_class_has_ended_leads_to_a_page_that_says_so(
    lecture: Class, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = lecture.student("Ana")
    places = [ana, ana]
    monkeypatch.setattr(classroom, "person", BY_COOKIE)
    monkeypatch.setattr(lecture.room, "who", lambda secret: places[0])
    page = opened(run=services.shared_supervisor().of(ana.id).start(LONG, name="Ana's run"))
    places[0] = None  # type: ignore[call-overload]
    speed = next(box for box in page.selectbox if box.key == "train.speed")
    speed.set_value("2 steps/s").run()
    assert not page.exception
    assert any("class has ended" in str(e.value) for e in page.error)
