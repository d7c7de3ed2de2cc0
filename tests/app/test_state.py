"""Configuration, run and hidden controls travel in the URL; what a stranger writes there does no harm."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import services, state
from qhn_core.config import RunConfig
from tests.app.pages import opened


def config_of(page: AppTest) -> RunConfig:
    return RunConfig.from_url(page.query_params["config"])


def errors(page: AppTest) -> str:
    assert not page.exception
    return " ".join(e.value for e in page.error)


def test_the_default_is_in_the_url_and_needs_no_message(fresh: Path) -> None:
    page = opened()
    assert not errors(page)
    assert config_of(page) == RunConfig()


def test_every_change_is_in_the_url_and_opens_elsewhere(fresh: Path) -> None:
    page = opened()
    page.selectbox(key="form.objective").set_value("selbo").run()
    page.number_input(key="form.run.steps").set_value(33).run()
    link = page.query_params["config"]
    elsewhere = opened(config=link)
    assert not errors(elsewhere)
    assert elsewhere.selectbox(key="form.objective").value == "selbo"
    assert elsewhere.number_input(key="form.run.steps").value == 33
    assert elsewhere.query_params["config"] == link


def test_an_address_that_has_not_followed_yet_undoes_nothing(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "_LATE", 600.0)
    page = opened()
    late = page.query_params["config"]
    page.number_input(key="form.run.steps").set_value(33).run()
    page.query_params["config"] = late
    page.number_input(key="form.run.replicas").set_value(5).run()
    assert (config_of(page).steps, config_of(page).replicas) == (33, 5)
    monkeypatch.setattr(state, "_LATE", 0.0)
    page.query_params["config"] = late
    page.run()
    assert config_of(page) == RunConfig(), "later it is an address like any other"


def choosing() -> None:
    import streamlit as st

    from app import state

    for name in "abc":
        st.button(name, key=name, on_click=state.keep_choice, args=("step", None if name == "a" else name))
    st.text(state.choice("step", ("a", "b", "c"), "a"))


def test_a_choice_is_not_undone_by_an_address_that_has_not_followed_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "_LATE", 600.0)
    page = AppTest.from_function(choosing).run()
    for name in "bca":
        late = dict(page.query_params)
        page.button(key=name).click().run()
        assert page.text[0].value == name
        page.query_params.clear()
        page.query_params.update(late)
        page.run()
        assert page.text[0].value == name
        assert page.query_params.get("step", "a") in (name, [name]), "it is set right"
    page.query_params["step"] = "b"
    monkeypatch.setattr(state, "_LATE", 0.0)
    assert page.run().text[0].value == "b", "later it is an address like any other"


@pytest.mark.parametrize(
    "link",
    [
        "nonsense",
        "1.",
        "1.AAAA",
        "2.eNqrVg",
        "9" * 20_000,
        "1." + "A" * 30_000,
        "../../etc/passwd",
        "1.\u0000",
        "<script>",
    ],
    ids=lambda text: text[:12].replace("\x00", "NUL"),
)
def test_a_bad_link_is_refused_and_the_default_shown(link: str, fresh: Path) -> None:
    page = opened(config=link)
    assert "cannot be opened" in errors(page)
    assert page.selectbox(key="form.dataset").value == "xor"
    page.number_input(key="form.run.steps").set_value(5).run()
    assert not errors(page), "once something is changed the link is a good one"
    assert config_of(page).steps == 5


def test_a_link_with_an_unknown_name_lists_the_valid_ones(fresh: Path) -> None:
    from qhn_core.config import text as text_forms

    page = opened(config=text_forms.pack({"schema_version": 1, "ansatz": {"name": "linaer"}}))
    told = errors(page)
    assert "brickwork" in told
    assert "'linear'" in told


def test_a_link_with_30_qubits_says_why_it_cannot_run(fresh: Path) -> None:
    big = RunConfig.parse({"network": {"name": "mlp", "layers": [2, 7, 1]}})
    page = opened(config=big.to_url())
    assert "29 qubits" in errors(page)
    assert page.button(key="train.train").disabled


def test_an_unknown_run_is_told_and_let_go(fresh: Path) -> None:
    for run in ("zzzzzzzz", "../../x", "'; DROP TABLE runs; --"):
        page = opened(run=run)
        assert not page.exception
        assert "run" not in page.query_params or page.query_params["run"] != "zzzzzzzz"
        assert page.button(key="train.train").disabled is False


def test_a_missing_upload_is_asked_for(fresh: Path) -> None:
    config = RunConfig.parse({"dataset": {"name": "csv", "sha256": "cd" * 32}})
    page = opened(config=config.to_url())
    assert "not on this machine" in errors(page)


def test_a_run_alone_in_the_url_brings_its_configuration(fresh: Path) -> None:
    config = RunConfig.parse({"steps": 2, "replicas": 2, "dataset": "moons"})
    run = services.supervisor().start(config)
    services.supervisor().wait(run, timeout=120)
    page = opened(run=run)
    assert not errors(page)
    assert config_of(page) == config
    assert page.query_params["run"] == run


def test_hidden_controls_are_in_the_link(fresh: Path) -> None:
    page = opened(hide="ansatz")
    assert not [w for w in page.selectbox if w.key == "form.ansatz"]
    page.session_state["share.menu"] = True
    page.run()
    assert any("hide=ansatz" in block.value for block in page.code)


def test_the_defaults_come_back(fresh: Path) -> None:
    page = opened(config=RunConfig.parse({"steps": 9, "dataset": "wine"}).to_url())
    page.button(key="defaults").click().run()
    assert config_of(page) == RunConfig()
    assert page.selectbox(key="form.1.dataset").value == "xor"
    assert page.number_input(key="form.1.run.steps").value == 250


def test_settings_too_long_for_a_link_work_from_a_file_and_say_so(fresh: Path) -> None:
    """4096 costs written out: the page's address cannot hold them, everything else can."""
    costs = tuple(round(i * 0.137713 % 1, 12) for i in range(4096))
    config = RunConfig.parse({"dataset": {"name": "cost_table", "costs": costs}, "network": None, "replicas": 1})
    page = opened()
    page.session_state["export.menu"] = True
    page.run()
    page.file_uploader(key="open.settings").upload("run.yaml", config.to_yaml().encode(), "application/yaml").run()
    assert not errors(page)
    assert page.selectbox(key="form.1.dataset").value == "cost_table"
    assert "config" not in page.query_params
    assert any("too long for this page's address" in caption.value for caption in page.caption)
    assert not next(b for b in page.button if b.label == "Train").disabled
    page.number_input(key="form.1.run.steps").set_value(3).run()
    assert not errors(page)
    assert page.number_input(key="form.1.run.steps").value == 3
    written = next(w for w in page.text_input if w.key and w.key.endswith(".costs")).value
    assert len(written.split(",")) == 4096
    page.selectbox(key="form.1.dataset").set_value("xor").run()
    assert config_of(page).dataset.name == "xor"
    assert not any("too long" in caption.value for caption in page.caption)
