"""The Compare page through AppTest: a race from first sight to verdict, its link, and what is refused."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import services, state
from app.rivals import board
from qhn_core.errors import ConfigError
from qhn_core.metrics import METRICS
from qhn_core.runner import RunState
from qhn_core.studies.race.config import DEFAULT_CONTENDERS, RaceConfig
from qhn_core.studies.race.live import Races
from tests.app import pages
from tests.app.pages import charts, until, words

BASE: dict[str, Any] = {
    "schema_version": 1,
    "dataset": {"name": "xor", "n_train": 8, "n_test": 30},
    "network": {"name": "mlp", "layers": [2, 2, 1]},
    "ansatz": {"name": "linear", "layers": 1},
    "steps": 8,
    "replicas": 10,
    "data_draws": 10,
}
SHORT = {"base": BASE, "contenders": list(DEFAULT_CONTENDERS), "rivals": ["exact_bayes", "best_string"]}


def opened(race: dict[str, Any] | None = None, **query: str) -> AppTest:
    link = {} if race is None else {"race": RaceConfig.parse(race).to_url()}
    return pages.opened("compare", **link, **query)


def press(page: AppTest, name: str) -> AppTest:
    return pages.press(page, f"race.{name}")


def race_of(page: AppTest) -> str:
    found = page.query_params["raced"]
    return found[0] if isinstance(found, list) else str(found)


def ended(page: AppTest) -> AppTest:
    """The page of a race that is done, its rivals included."""
    races, race = services.races(), race_of(page)
    assert races.wait(race, 120).run.state is RunState.FINISHED
    until(page, lambda: not board().of(races.config(race), races.setup(race), ended=True).scoring)
    page.run()
    assert not page.exception
    return page


def tab(page: AppTest, name: str) -> AppTest:
    page.button_group(key="race.tab").set_value(name).run()
    assert not page.exception
    return page


def test_first_sight_says_what_a_race_is_and_has_one_obvious_button(fresh: Path) -> None:
    page = opened()
    assert [b.label for b in page.button if b.proto.type == "primary"] == ["Train"]
    assert set(charts(page)) == {"race-nll", "race-accuracy", "race-gap", "race-entropy"}
    assert "only the loss differs" in words(page)
    assert not page.error


def test_from_train_to_verdict(fresh: Path) -> None:
    page = ended(press(opened(SHORT), "train"))
    nll = charts(page)["race-nll"]["figure"]
    curve = next(trace for trace in nll["data"] if trace["name"] == "ELBO β=1" and trace["mode"] == "lines")
    assert curve["x"] == list(range(9))
    assert curve["line"]["color"] == "#0072B2"
    assert {note["text"] for note in nll["layout"]["annotations"]} == {"Exact Bayes", "Best string"}
    assert len(services.store().list()) == 3
    assert set(charts(tab(page, "Trainability"))) == {"race-loss", "race-cost-gap", "race-success", "race-gradient"}
    page = tab(page, "Evidence")
    assert "KL(q‖posterior) =" in json.dumps(charts(page)["evidence"]["figure"], ensure_ascii=False)
    (residual,) = [b.proto.body for b in page.get("html") if "data-residual" in b.proto.body]
    assert float(residual.split('data-residual="')[1].split('"')[0]) < 1e-6
    text = words(tab(page, "Verdict"))
    assert "corrected for all 14 comparisons" in text
    assert any(f"[{word}]" in text for word in ("better", "worse", "no difference"))
    assert "Exact Bayes" in words(tab(page, "Rivals"))


def test_rivals_say_when_they_reached_the_threshold_or_why_not(fresh: Path) -> None:
    rivals = ["exact_bayes", "mean_field", "simulated_annealing", "logistic_regression"]
    page = tab(ended(press(opened(SHORT | {"rivals": rivals}), "train")), "Verdict")
    page.number_input(key="race.threshold.predictive_nll_test").set_value(30.0).run()
    text = words(page)
    lines = {line.split("|")[1].strip(" *"): line for line in text.splitlines() if line.startswith("| *")}
    assert "| 0 sweeps (100%) |" in lines["Mean-field Bernoulli"].replace(" ± 0", "")
    assert "| 1 evaluations (100%) |" in lines["Simulated annealing"].replace(" ± 0", "")
    for name, why in (("Exact Bayes", "averages over all"), ("Logistic regression", "is solved by a library")):
        assert "| –¹ |" in lines[name]
        assert f"{name} {why}" in text
    page.number_input(key="race.threshold.predictive_nll_test").set_value(0.0).run()
    text = words(page)
    assert "| not within 1000 evaluations |" in text
    assert "| not by step 8" in text


def test_an_optimiser_of_its_own_is_raced_named_and_in_the_link(fresh: Path) -> None:
    page = opened(SHORT)
    chooser = [box for box in page.selectbox if box.label == "Optimiser" and box.value == "as the race"]
    assert len(chooser) == 3
    chooser[1].set_value("sgd").run()
    assert not page.exception
    keys = {name: f".1.optimiser.sgd.{name}" for name in ("lr", "momentum")}
    rate, momentum = (next(box for box in page.number_input if key in str(box.key)) for key in keys.values())
    rate.set_value(0.25).run()
    momentum.set_value(0.5).run()
    assert not page.error
    page = ended(press(page, "train"))
    config = services.races().config(race_of(page))
    assert config.contenders[1].optimiser.model_dump(include={"name", "lr", "momentum"}) == {
        "name": "sgd",
        "lr": 0.25,
        "momentum": 0.5,
    }
    assert [c.optimiser for c in (config.contenders[0], config.contenders[2])] == [None, None]
    assert config.contenders[1].title == "ELBO β=1 · SGD 0.25 momentum 0.5"
    assert "| **ELBO β=1 · SGD 0.25 momentum 0.5** |" in words(page)
    assert "ELBO β=1 · SGD…" in [trace["name"] for trace in charts(page)["race-nll"]["figure"]["data"]]
    again = opened(config.to_dict())
    held = [box.value for box in again.selectbox if box.label == "Optimiser"][:3]
    assert held == ["as the race", "sgd", "as the race"]
    next(box for box in page.selectbox if box.value == "sgd").set_value("as the race").run()
    text = page.query_params["race"]
    text = text[0] if isinstance(text, list) else text
    assert RaceConfig.from_url(text).contenders[1].optimiser is None


def test_few_seeds_get_no_verdict_and_one_data_set_is_said(fresh: Path) -> None:
    page = ended(press(opened(SHORT | {"base": BASE | {"replicas": 3, "data_draws": 1}}), "train"))
    text = words(tab(page, "Verdict"))
    assert "too few seeds" in text
    assert "that data set only" in text
    assert "[better]" not in text
    assert "[worse]" not in text


def test_scrubbing_moves_table_and_line(fresh: Path) -> None:
    page = ended(press(opened(SHORT), "train"))
    slider = next(s for s in page.slider if s.label == "Step looked at")
    slider.set_value(3).run()
    assert "| step 3, means of 10 |" in words(page)
    assert any(s.get("x0") == 3 for s in charts(page)["race-nll"]["figure"]["layout"]["shapes"])


def test_twin(fresh: Path) -> None:
    page = tab(ended(press(opened(SHORT), "train")), "Is it quantum?")
    press(page, "train_twin")
    end = time.monotonic() + 60
    names: list[str] = []
    while len(names) < 3 and time.monotonic() < end:
        page.run()
        names = [trace["name"] for trace in charts(page)["dependence"]["figure"]["data"]]
    assert names == ["ELBO β=1, circuit", "product twin", "exact posterior"]
    twin = charts(page)["dependence"]["figure"]["data"][1]["z"]
    assert max(abs(v) for row in twin for v in row if v is not None) < 1e-9


def test_a_second_click_starts_no_second_race_and_stop_and_reset_work(fresh: Path) -> None:
    page = opened(SHORT | {"base": BASE | {"steps": 100_000, "log_every": 1000}})
    button = page.button(key="race.train")
    press(page, "train")
    first = race_of(page)
    button.click().run()
    assert race_of(page) == first
    press(page, "stop")
    assert services.races().wait(first, 60).run.state is RunState.STOPPED
    press(page.run(), "reset")
    assert "raced" not in page.query_params
    assert [run.state for run in services.store().list()] == [RunState.STOPPED] * 3, "a reset forgets nothing"


@pytest.mark.parametrize("race", ["0123abcd", "nope"])
def test_a_link_to_a_race_that_is_not_there_says_so(fresh: Path, race: str) -> None:
    page = opened(SHORT, raced=race)
    (error,) = page.error
    assert error.value.startswith(f"There is no race '{race}' in this data folder")
    assert "raced" not in page.query_params
    press(page, "train")
    assert not page.error


def test_an_address_that_has_not_followed_yet_undoes_nothing(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "_LATE", 600.0)
    page = opened(SHORT)
    late = page.query_params["race"]

    def held() -> RaceConfig:
        text = page.query_params["race"]
        return RaceConfig.from_url(text[0] if isinstance(text, list) else text)

    press(page, "train")
    first = race_of(page)
    slider = next(s for s in page.slider if s.label == "β")
    slider.set_value(0.5).run()
    changed = held()
    assert changed != RaceConfig.parse(SHORT)
    page.query_params["race"] = late
    press(page, "train")
    second = race_of(page)
    assert services.races().config(second) == changed
    page.query_params["race"], page.query_params["raced"] = late, first
    page.run()
    assert (held(), race_of(page)) == (changed, second), "the address follows"
    monkeypatch.setattr(state, "_LATE", 0.0)
    page.query_params["race"] = late
    page.run()
    assert held() == RaceConfig.parse(SHORT), "later it is an address like any other"


def test_instant_races_anew_when_beta_moves_and_are_kept_on_request(fresh: Path) -> None:
    page = opened(SHORT)
    next(t for t in page.toggle if t.label == "Instant").set_value(True).run()
    page.run()
    first = race_of(ended(page))
    next(s for s in page.slider if s.label == "β").set_value(0.5).run()
    page.run()
    second = race_of(ended(page))
    assert second != first
    assert services.races().config(second).contenders[1].title == "ELBO β=0.5"
    assert not services.store().list()
    press(page, "keep")
    assert len(services.store().list()) == 3


@pytest.mark.parametrize(
    ("change", "off", "why"),
    [
        ({}, False, "Under 1 s a race."),
        ({"base": BASE | {"steps": 100_000}}, True, "longer than 6 s"),
        ({"contenders": [{"objective": {"name": "mle"}, "optimiser": {"name": "lbfgs"}}]}, True, "line searches"),
    ],
)
def test_the_instant_switch_says_why_it_is_off(fresh: Path, change: dict[str, Any], off: bool, why: str) -> None:
    switch = next(t for t in opened(SHORT | change).toggle if t.label == "Instant")
    assert switch.disabled == off
    assert why in switch.help


def test_damaged_link(fresh: Path) -> None:
    page = pages.opened("compare", race="1.rubbish")
    assert any("link cannot be opened" in error.value for error in page.error)


def test_what_cannot_work_is_said_before_it_starts(fresh: Path) -> None:
    sides = [{"objective": {"name": "elbo"}, "estimator": {"name": "parameter_shift", "shots": 8}}]
    page = press(opened(SHORT | {"contenders": sides}), "train")
    assert any("ELBO" in error.value for error in page.error)


LAB = {"name": "pennylane", "device": "qiskit.remote", "backend": "ibm_torino", "account": "lab"}
SPSA = {"name": "spsa", "shots": 100}
#: Two contenders on a real device: 8 steps and step 0, ten starts, three circuits of 100 shots each.
REAL = SHORT | {
    "contenders": [
        {"objective": {"name": "mle"}},
        {"objective": {"name": "selbo"}, "engine": LAB, "estimator": SPSA},
        {"objective": {"name": "mle"}, "label": "MLE on a device", "engine": LAB, "estimator": SPSA},
    ]
}


def question(page: AppTest) -> str:
    return " ".join(w.value for w in page.warning if "may cost money" in w.value)


@pytest.fixture
def begun(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> list[RaceConfig]:
    """What was started, where real devices are allowed; nothing is."""
    monkeypatch.setenv("QHN_ALLOW_REMOTE", "1")
    found: list[RaceConfig] = []
    monkeypatch.setattr(Races, "start", lambda self, config, **_: found.append(config) or "abcd")
    return found


def test_contenders_on_real_devices_are_asked_about_with_their_total(begun: list[RaceConfig]) -> None:
    page = opened(REAL)
    for name in ("Train", "Step", "Train"):
        press(page, name.lower())
        assert begun == []
        assert all(part in question(page) for part in (name, "540 circuits", "54,000 shots", "ibm_torino"))
        press(page, "not now")
        assert not question(page)
    press(page, "train")
    press(page, "send")
    assert [len(config.contenders) for config in begun] == [3]
    assert not question(page)


def test_a_race_on_simulators_is_not_asked_about(begun: list[RaceConfig]) -> None:
    press(opened(SHORT), "train")
    assert len(begun) == 1


def test_a_paused_race_from_a_link_asks_before_it_goes_on(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QHN_ALLOW_REMOTE", "1")
    resumed: list[str] = []
    monkeypatch.setattr(Races, "resume", lambda self, race: resumed.append(race))
    monkeypatch.setattr(Races, "step", lambda self, race: resumed.append(race))
    race = services.races().start(RaceConfig.parse(REAL), paused=True)
    services.races().wait(race, 60)
    page = opened(REAL, raced=race)
    for name in ("Resume", "Step"):
        press(page, name.lower())
        assert resumed == []
        assert all(part in question(page) for part in (name, "540 circuits"))
    press(page, "send")
    assert resumed == [race]
    press(page, "resume")
    assert resumed == [race, race], "agreed to before"
    assert not question(page)


def test_the_verdict_is_that_of_the_step_set_before_the_race_and_others_are_exploratory(fresh: Path) -> None:
    page = opened(SHORT)
    box = next(b for b in page.number_input if b.label == "Judged at step")
    assert (box.value, box.max) == (8, 8)
    box.set_value(5).run()
    page = tab(ended(press(page, "train")), "Verdict")
    assert services.races().config(race_of(page)).judged_at == 5
    text = words(page)
    assert "[judged as set] Step 5" in text
    assert "| step 5 |" in text
    assert "exploratory" not in text
    next(s for s in page.slider if s.label == "Step looked at").set_value(3).run()
    text = words(page)
    assert "[exploratory] Step 3" in text
    assert "judged at step 5" in text
    assert "(exploratory):**" in text
    assert not any(f":{colour}-background[better]" in text for colour in ("green", "red"))
    next(s for s in page.slider if s.label == "Step looked at").set_value(5).run()
    assert "[judged as set] Step 5" in words(page)


def test_a_threshold_chosen_after_the_race_is_exploratory(fresh: Path) -> None:
    page = tab(ended(press(opened(SHORT), "train")), "Verdict")
    assert "exploratory" not in words(page)
    page.number_input(key="race.threshold.predictive_nll_test").set_value(0.55).run()
    text = words(page)
    assert "[judged as set] Step 8" in text
    assert "verdicts about it are exploratory" in text
    assert "**Steps to the threshold (exploratory):**" in text
    assert f"**{METRICS['cost_gap'].label}:**" in text


def test_the_judged_step_travels_in_the_link_and_must_be_logged(fresh: Path) -> None:
    race = RaceConfig.parse(SHORT | {"judged_step": 4})
    assert RaceConfig.from_url(race.to_url()) == race
    assert RaceConfig.parse(SHORT | {"judged_step": 8}) == RaceConfig.parse(SHORT)
    assert "judged_step" not in RaceConfig.parse(SHORT).to_dict()
    held = next(b for b in opened(SHORT | {"judged_step": 4}).number_input if b.label == "Judged at step")
    assert held.value == 4
    for step, every in ((9, 1), (5, 4)):
        with pytest.raises(ConfigError, match=r"judged_step.*logged step"):
            RaceConfig.parse(SHORT | {"base": BASE | {"log_every": every}, "judged_step": step})


def test_a_race_that_is_only_in_the_store_is_opened_and_goes_on(fresh: Path) -> None:
    """After a crash, say: found under its runs, shown as it stood, with its problems made anew, and resumed."""
    races = services.races()
    config = RaceConfig.parse(SHORT | {"rivals": []})
    race = races.start(config, paused=True)
    races.step(race)
    races.step(race)
    races.wait(race, 120)
    races.stop(race)
    races.wait(race, 120)
    races.crew.forget(race)
    run = services.store().list()[0].id
    known = services.store().races.of_run(run)
    assert known is not None
    assert known.id == race
    page = opened(SHORT | {"rivals": []}, raced=race)
    assert services.races().status(race).run.state is RunState.STOPPED
    assert "step 1, means of 10" in words(page)
    until(page, lambda: services.races().setup(race) is not None)
    press(page, "resume")
    assert services.races().wait(race, 120).run.state is RunState.FINISHED
    page.run()
    assert "step 8, means of 10" in words(page)
