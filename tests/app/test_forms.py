"""Forms: every registered variant and every field has a widget, and a form gives back what it was given."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import BaseModel, Field
from streamlit.testing.v1 import AppTest

from app import describe, forms
from app.fields import Kind, Spec, read_numbers, specs, step_of, write_numbers
from app.widgets import _WIDGETS
from qhn_core.config import SECTIONS, RunConfig

VARIANTS = [(section, name) for section, registry in SECTIONS.items() for name in registry.names()]


def form_page() -> None:
    """A page with nothing but a form; runs inside AppTest."""
    from pathlib import Path

    import streamlit as st

    from app import forms
    from qhn_core.config import RunConfig

    config = RunConfig.from_url(st.session_state["given"])
    form = forms.render(config, uploads=Path(st.session_state["uploads"]))
    st.session_state["got"] = None if form.config is None else form.config.to_url()
    st.session_state["problems"] = form.problems
    st.session_state["ready"] = form.ready
    st.session_state["given"] = st.session_state["got"] or st.session_state["given"]


def open_form(config: RunConfig, uploads: Path) -> AppTest:
    page = AppTest.from_function(form_page, default_timeout=30)
    page.session_state["given"] = config.to_url()
    page.session_state["uploads"] = str(uploads)
    return page.run()


def got(page: AppTest) -> RunConfig:
    assert not page.exception
    return RunConfig.from_url(page.session_state["got"])


@pytest.mark.parametrize(("section", "name"), VARIANTS, ids=[f"{s}-{n}" for s, n in VARIANTS])
def test_every_variant_and_field_has_a_widget(section: str, name: str) -> None:
    variant = SECTIONS[section][name]
    assert variant.label, "a form needs a label to show"
    for spec in specs(variant):
        assert spec.kind in _WIDGETS
        assert spec.help, f"{name}.{spec.name} needs a description, from which its help is made"
        if spec.kind == "float" and spec.default is not None:
            assert step_of(spec) > 0


def samples(spec: Spec) -> list[Any]:
    """Values that a configuration can hold in a field of this kind, as plain data."""
    if spec.kind == "schedule":
        return [0.25, *(model().model_dump() for model in spec.choices)]
    return {
        "bool": [True, False],
        "choice": list(spec.choices),
        "float": [0.25],
        "int": [3],
        "number or numbers": [0.25, [0.25, 1], [0.5] * 20],
        "numbers": [[], [2, 3, 1], [0.5, 2], [1.5] * 20],
        "text": ["", "word " * 20],
        "texts": [[], ["a", "b"], ["a column with a name that is far too long for a line"], list("abcdefghijkl")],
    }[spec.kind] + ([None] if spec.optional else [])


@pytest.mark.parametrize(("section", "name"), VARIANTS, ids=[f"{s}-{n}" for s, n in VARIANTS])
def test_every_value_of_every_field_has_words(section: str, name: str) -> None:
    """What a link may hold can be named: a list of words, too."""
    for spec in specs(SECTIONS[section][name]):
        for value in [spec.default, *samples(spec)]:
            assert isinstance(describe.value_text(value), str)
            label = describe.section_summary(section, {"name": name, spec.name: value}, limit=99)
            assert len(label) < 300


def test_words_for_lists_and_schedules() -> None:
    table = {"name": "cost_table", "n_train": 20, "costs": [1.0, 2.0]}
    assert describe.section_summary("dataset", table) == "costs 1, 2", "what draws examples has no effect on a table"
    assert describe.value_text(("a", "b")) == "a, b"
    assert describe.value_text((2, 3, 1)) == "2-3-1"
    assert describe.value_text((0.5, 2)) == "0.5, 2"
    assert describe.value_text({"kind": "linear"}) == "? → ?"


def test_there_is_a_widget_for_every_kind() -> None:
    assert set(get_args(Kind)) == set(_WIDGETS)


@pytest.mark.parametrize("section", ["dataset", "ansatz", "objective", "optimiser"])
def test_choosing_a_variant_gives_its_config(section: str, tmp_path: Path) -> None:
    """Each variant in turn, in one session, as a person would: never an exception, always a valid configuration."""
    page = open_form(RunConfig(), tmp_path)
    for name in SECTIONS[section].names():
        page.selectbox(key=f"form.{section}").set_value(name).run()
        config = got(page)
        assert getattr(config, section).name == name
        if name not in ("csv",):
            assert page.session_state["ready"], page.session_state["problems"]


def test_a_form_gives_back_what_it_was_given(tmp_path: Path) -> None:
    config = RunConfig.parse(
        {
            "dataset": {"name": "breast_cancer", "components": 4, "n_train": 33, "label_noise": 0.17},
            "network": {"name": "mlp", "layers": [4, 2, 1], "activation": "tanh", "bias": False},
            "prior": {"name": "bernoulli", "rho": 0.25},
            "ansatz": {"name": "brickwork", "layers": 5, "init": "normal", "scale": 0.25, "hadamard": True},
            "objective": {
                "name": "selbo",
                "gamma": [0.5, 1.25],
                "lam": {"kind": "cyclical", "start": 0.1, "end": 2.0, "steps": 50, "ramp": 0.25},
            },
            "optimiser": {"name": "adam", "lr": 0.0123, "clip": 1.5, "early_stop": 30, "beta2": 0.9991},
            "steps": 777,
            "replicas": 3,
            "seed": 99,
            "log_every": 2,
            "data_draws": 3,
        }
    )
    assert got(open_form(config, tmp_path)) == config


def test_new_data_get_a_network_that_fits(tmp_path: Path) -> None:
    page = open_form(RunConfig(), tmp_path)
    page.selectbox(key="form.dataset").set_value("iris").run()
    config = got(page)
    assert config.network is not None
    assert (config.network.n_inputs, config.network.n_classes) == (2, 3)
    page.slider(key="form.dataset.iris.components").set_value(4).run()
    config = got(page)
    assert config.network is not None
    assert config.network.n_inputs == 4
    assert page.session_state["ready"]


def test_a_cost_table_needs_no_network_and_back_again(tmp_path: Path) -> None:
    page = open_form(RunConfig(), tmp_path)
    page.selectbox(key="form.dataset").set_value("cost_table").run()
    assert got(page).network is None
    assert not [w for w in page.number_input if w.key and w.key.endswith("n_train")], "a table draws no examples"
    page.selectbox(key="form.dataset").set_value("moons").run()
    assert got(page).network is not None


def test_what_the_data_share_is_kept_when_they_change(tmp_path: Path) -> None:
    page = open_form(RunConfig(), tmp_path)
    page.number_input(key="form.dataset.xor.n_train").set_value(42).run()
    page.selectbox(key="form.dataset").set_value("circles").run()
    assert got(page).dataset.n_train == 42


def layers(page: AppTest) -> tuple[int, ...]:
    network = got(page).network
    assert network is not None
    return tuple(network.model_dump()["layers"])


def choose_data(page: AppTest, *names: str) -> None:
    for name in names:
        page.selectbox(key="form.dataset").set_value(name).run()


def test_a_narrowed_network_grows_back(tmp_path: Path) -> None:
    page = open_form(RunConfig(), tmp_path)
    choose_data(page, "iris")
    assert layers(page) == (2, 2, 3)
    choose_data(page, "xor")
    assert layers(page) == (2, 3, 1)
    choose_data(page, "csv")
    upload(page, "a,b,c,d,kind\n" + "".join(f"{3 * i},{i % 5},{i % 7},{-2 * i},{'xyz'[i % 3]}\n" for i in range(60)))
    assert layers(page) == (4, 1, 3)
    choose_data(page, "wine", "moons")
    assert layers(page) == (2, 3, 1)


def test_a_network_chosen_for_the_data_at_hand_is_what_the_next_data_get(tmp_path: Path) -> None:
    page = open_form(RunConfig(), tmp_path)
    choose_data(page, "iris")
    page.text_input(key=f"{network_key(page)}.layers").set_value("2, 1, 3").run()
    choose_data(page, "xor")
    assert layers(page) == (2, 1, 1)
    page.text_input(key=f"{network_key(page)}.layers").set_value("2, 4, 1").run()
    choose_data(page, "cost_table", "circles")
    assert layers(page) == (2, 4, 1)


def network_key(page: AppTest) -> str:
    return next(w.key for w in page.text_input if w.key and w.key.endswith(".layers")).removesuffix(".layers")


def test_real_labels_are_not_flipped_unless_one_asks_for_it(tmp_path: Path) -> None:
    page = open_form(RunConfig(), tmp_path)
    assert (got(page).dataset.label_noise, got(page).dataset.label_noise_test) == (0.1, True)
    for name in (n for n in SECTIONS["dataset"].names() if SECTIONS["dataset"][n].real):
        choose_data(page, name)
        assert (got(page).dataset.label_noise, got(page).dataset.label_noise_test) == (0.0, False), name
    choose_data(page, "iris")
    page.slider(key="form.dataset.iris.label_noise").set_value(0.2).run()
    assert got(page).dataset.label_noise == 0.2, "who asks for noise gets it"
    choose_data(page, "wine")
    assert got(page).dataset.label_noise == 0.0


def test_made_up_data_keep_their_noise_and_sizes_after_real_data(tmp_path: Path) -> None:
    page = open_form(RunConfig(), tmp_path)
    choose_data(page, "csv")
    upload(page, THREE_ROWS)
    choose_data(page, "iris", "moons")
    data = got(page).dataset
    assert (data.n_train, data.n_test, data.label_noise, data.label_noise_test) == (20, 500, 0.1, True)


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits"])
def test_more_examples_than_rows_are_refused_in_the_form(name: str, tmp_path: Path) -> None:
    page = open_form(RunConfig.parse({"dataset": {"name": name, "n_train": 5000}}), tmp_path)
    assert not page.session_state["ready"]
    assert "n_train: expected at most" in page.session_state["problems"][0]
    assert "got 5000. Choose at most" in page.session_state["problems"][0]


def test_a_long_cost_table_is_not_cut(tmp_path: Path) -> None:
    costs = tuple(round(i * 0.137713 % 1, 6) for i in range(512))
    config = RunConfig.parse({"dataset": {"name": "cost_table", "costs": costs}, "network": None})
    page = open_form(config, tmp_path)
    assert page.session_state["ready"], page.session_state["problems"]
    assert got(page) == config
    assert not any(field.max_chars for field in page.text_input if field.key and field.key.endswith(".costs"))


def test_one_start_is_not_several(tmp_path: Path) -> None:
    page = open_form(RunConfig.parse({"replicas": 1, "steps": 1}), tmp_path)
    labels = [fold.label for fold in page.expander]
    assert "Run: 1 step · 1 start" in labels


def test_a_number_becomes_a_schedule_and_back(tmp_path: Path) -> None:
    page = open_form(RunConfig(), tmp_path)
    page.selectbox(key="form.objective.elbo.beta.kind").set_value("linear").run()
    beta = got(page).objective.model_dump()["beta"]
    assert (beta["kind"], beta["start"], beta["end"]) == ("linear", 0.0, 0.3)
    page.selectbox(key="form.objective.elbo.beta.kind").set_value("constant").run()
    assert got(page).objective.model_dump()["beta"] == 0.3
    for kind in ("linear", "cyclical", "cosine", "anneal", "cyclical"):
        page.selectbox(key="form.objective.elbo.beta.kind").set_value(kind).run()
        assert got(page).objective.model_dump()["beta"]["kind"] == kind
        assert page.session_state["ready"], page.session_state["problems"]
    assert got(page).objective.model_dump()["beta"]["end"] == 0.3, "a schedule goes on where the one before ended"
    page.selectbox(key="form.objective.elbo.beta.kind").set_value("constant").run()
    assert got(page).objective.model_dump()["beta"] == 0.3


def test_what_does_not_fit_is_refused_with_the_reason(tmp_path: Path) -> None:
    page = open_form(RunConfig(), tmp_path)
    page.text_input(key="form.network.mlp.layers").set_value("2, 9, 1").run()
    assert not page.session_state["ready"]
    assert "37 qubits" in " ".join(page.session_state["problems"])
    page.text_input(key="form.network.mlp.layers").set_value("2, many, 1").run()
    assert not page.exception
    assert any("whole numbers" in caption.value for caption in page.caption)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"data_draws": 17}, "data_draws (Draws of the data): expected at most replicas=16"),
        ({"batch": 500}, "batch (Examples a step): expected at most 20"),
        ({"replicas": 0}, "Starts (replicas): expected at least 1, got 0"),
        ({"steps": 0}, "steps: expected at least 1, got 0"),
        (
            {"steps": 10**6, "replicas": 4096},
            "log_every (Log every): 1,000,001 logged steps of 4,096 starts (replicas)",
        ),
    ],
)
def test_a_refusal_has_the_name_in_the_form_and_in_a_file(settings: dict[str, Any], said: str) -> None:
    (problem,) = forms.check(RunConfig().to_dict() | settings, None).problems
    assert problem.startswith(said)


def test_contradictions_are_told(tmp_path: Path) -> None:
    page = open_form(RunConfig(), tmp_path)
    page.number_input(key="form.run.data_draws").set_value(17).run()
    assert page.session_state["got"] is None
    assert "data_draws" in " ".join(page.session_state["problems"])


def test_sections_can_be_hidden(tmp_path: Path) -> None:
    page = AppTest.from_function(form_page, default_timeout=30)
    page.session_state["given"] = RunConfig().to_url()
    page.session_state["uploads"] = str(tmp_path)
    page.query_params["hide"] = "objective,network,../x"
    page.run()
    assert not [w for w in page.selectbox if w.key == "form.objective"]
    assert [w for w in page.selectbox if w.key == "form.ansatz"]
    assert got(page) == RunConfig()


def test_any_model_makes_fields() -> None:
    """A variant that nobody has written yet needs no code in the form."""

    class Fresh(BaseModel):
        depth: int = Field(3, ge=1, lt=5, description="d")
        mix: float | tuple[float, ...] = Field(0.5, description="m")
        words: tuple[str, ...] = Field((), description="w")
        pair: tuple[float, float] = Field((0.0, 1.0), description="p")
        limit: float | None = Field(None, gt=0, description="l")

    found = {spec.name: spec for spec in specs(Fresh)}
    assert (found["depth"].kind, found["depth"].low, found["depth"].high, found["depth"].high_open) == (
        "int",
        1,
        5,
        True,
    )
    assert found["mix"].kind == "number or numbers"
    assert found["words"].kind == "texts"
    assert (found["pair"].kind, found["pair"].length) == ("numbers", 2)
    assert found["limit"].optional
    assert found["limit"].low_open


def test_numbers_as_text() -> None:
    assert read_numbers("2-3-1", whole=True) == (2, 3, 1)
    assert read_numbers("0.5; 1e-3, -2") == (0.5, 0.001, -2.0)
    assert read_numbers(write_numbers((0.1 + 0.2, 3.0))) == (0.1 + 0.2, 3.0)
    with pytest.raises(ValueError, match="whole numbers"):
        read_numbers("2, x", whole=True)


def test_fitted_layers_stay_trainable() -> None:
    assert describe.fit_layers((2, 3, 1), features=2, classes=2) == (2, 3, 1)
    assert describe.fit_layers((2, 3, 1), features=4, classes=2) == (4, 2, 1)
    assert describe.fit_layers((2, 3, 1), features=2, classes=3) == (2, 2, 3)
    assert describe.fit_layers((2, 5, 1), features=4, classes=2) == (4, 5, 1), "was large before: the user wants it so"


def test_words_for_people() -> None:
    assert describe.duration_text(130) == "2 min 10 s"
    assert RunConfig().objective.title == "ELBO β=0.3"
    assert "2-3-1 sign network" in describe.headline(RunConfig())
    assert "Cost table" in describe.headline(RunConfig.parse({"dataset": "cost_table", "network": None}))


CSV = "a,b,kind\n" + "\n".join(f"{3 * i},{i * i % 7},{'x' if i % 2 else 'y'}" for i in range(40))


def test_an_uploaded_table_offers_its_columns(tmp_path: Path) -> None:
    page = open_form(RunConfig(), tmp_path)
    page.selectbox(key="form.dataset").set_value("csv").run()
    assert not page.session_state["ready"]
    page.file_uploader(key="form.dataset.csv.sha256.file").upload("mine.csv", CSV.encode(), "text/csv").run()
    config = got(page)
    assert page.session_state["ready"], page.session_state["problems"]
    dataset = config.dataset.model_dump()
    assert len(dataset["sha256"]) == 64
    assert dataset["target"] == "kind"
    assert config.network is not None
    assert config.network.n_inputs == 2
    assert (tmp_path / f"{dataset['sha256']}.csv").is_file()


def upload(page: AppTest, text: str) -> None:
    page.file_uploader(key="form.dataset.csv.sha256.file").upload("mine.csv", text.encode(), "text/csv").run()


THREE_ROWS = "a,b,kind\n1,2,x\n3,4,y\n5,6,x\n"
WITH_ID = "id,a,b,c,kind\n" + "".join(f"p{i},{3 * i},{i * i % 7},{i % 5},{'x' if i % 2 else 'y'}\n" for i in range(40))


def test_a_table_with_an_id_is_trained_without_it(tmp_path: Path) -> None:
    page = open_form(RunConfig(), tmp_path)
    choose_data(page, "csv")
    upload(page, WITH_ID)
    assert page.session_state["ready"], page.session_state["problems"]
    assert got(page).dataset.model_dump()["features"] == ("a", "b", "c")
    assert any("Not usable: id (text 'p0' in row 2)" in caption.value for caption in page.caption)


def test_a_column_with_one_bad_cell_is_left_out(tmp_path: Path) -> None:
    page = open_form(RunConfig(), tmp_path)
    choose_data(page, "csv")
    upload(page, CSV.replace("\n9,", "\nnine,"))
    assert page.session_state["ready"], page.session_state["problems"]
    assert got(page).dataset.model_dump()["features"] == ("b",)


def test_features_can_be_narrowed_and_all_chosen_again(tmp_path: Path) -> None:
    page = open_form(RunConfig(), tmp_path)
    choose_data(page, "csv")
    upload(page, CSV)
    assert got(page).dataset.model_dump()["features"] == (), "all columns beside the target need no names"
    page.multiselect[0].set_value(["b"]).run()
    assert got(page).dataset.model_dump()["features"] == ("b",)
    assert got(page).network is not None
    assert layers(page)[0] == 1
    page.multiselect[0].set_value([]).run()
    assert got(page).dataset.model_dump()["features"] == ()
    link = open_form(got(page), tmp_path)
    assert link.session_state["ready"]


def test_a_link_with_features_opens(tmp_path: Path) -> None:
    page = open_form(RunConfig(), tmp_path)
    choose_data(page, "csv")
    upload(page, WITH_ID)
    page.multiselect[0].set_value(["a", "c"]).run()
    link = open_form(got(page), tmp_path)
    assert link.session_state["ready"], link.session_state["problems"]
    assert got(link) == got(page)


def test_a_short_table_is_split_into_what_it_has(tmp_path: Path) -> None:
    page = open_form(RunConfig(), tmp_path)
    choose_data(page, "csv")
    upload(page, THREE_ROWS)
    assert page.session_state["ready"], page.session_state["problems"]
    assert (got(page).dataset.n_train, got(page).dataset.n_test) == (2, 1)
    page.run()
    assert (got(page).dataset.n_train, got(page).dataset.n_test) == (2, 1)
    upload(page, CSV)
    assert (got(page).dataset.n_train, got(page).dataset.n_test) == (20, 20), "a longer one has what was asked for"
    asked = next(w for w in page.number_input if w.key and w.key.endswith(".n_train"))
    asked.set_value(41).run()
    assert not page.session_state["ready"]
    assert "expected at most 40" in page.session_state["problems"][0]


def test_the_uploader_is_in_view_and_the_message_sends_there(tmp_path: Path) -> None:
    page = open_form(RunConfig(), tmp_path)
    choose_data(page, "csv")
    assert "Upload one of at most 50 MB under Data" in page.session_state["problems"][0]
    assert not [w for fold in page.expander for w in fold.get("file_uploader")]
    assert "up to 50 MB" in page.file_uploader[0].label
    upload(page, CSV)
    said = " ".join(caption.value for caption in page.caption)
    assert "In use: `mine.csv`" in said
    assert "refused" not in said
    assert "more than 50 MB" in page.file_uploader[0].proto.help


def test_a_refused_file_leaves_the_one_before_in_use_and_says_so(tmp_path: Path) -> None:
    page = open_form(RunConfig(), tmp_path)
    choose_data(page, "csv")
    upload(page, CSV)
    before = got(page)
    place = page.file_uploader(key="form.dataset.csv.sha256.file")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qhn_core.uploads.MAX_BYTES", 10)
        place.upload("large.csv", WITH_ID.encode(), "text/csv").run()
    assert any("large.csv" in error.value and "expected at most" in error.value for error in page.error)
    assert got(page) == before
    assert any("In use: `mine.csv`" in caption.value for caption in page.caption)


def test_why_no_column_is_a_target_is_said_where_the_file_is(tmp_path: Path) -> None:
    page = open_form(RunConfig(), tmp_path)
    choose_data(page, "csv")
    upload(page, "a,kind\n" + "".join(f"{i},x\n" for i in range(30)))
    assert any("got only 'x'" in error.value for error in page.error)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"a,b\n", "row"),
        (b"a,b\n1,2\n3\n", "row"),
        (b"\xff\xfe\x00garbage\x00", ""),
        (b"a,b\n1,x\n2,x\n", ""),
    ],
    ids=["empty", "header only", "ragged", "binary", "one class"],
)
def test_a_bad_table_gets_a_message(content: bytes, word: str, tmp_path: Path) -> None:
    page = open_form(RunConfig(), tmp_path)
    page.selectbox(key="form.dataset").set_value("csv").run()
    page.file_uploader(key="form.dataset.csv.sha256.file").upload("bad.csv", content, "text/csv").run()
    assert not page.exception
    assert not page.session_state["ready"]
    told = " ".join([e.value for e in page.error] + list(page.session_state["problems"]))
    assert told
    assert word in told


def test_a_missing_upload_is_asked_for(tmp_path: Path) -> None:
    config = RunConfig.parse({"dataset": {"name": "csv", "sha256": "ab" * 32, "target": "kind"}})
    page = open_form(config, tmp_path)
    assert not page.session_state["ready"]
    assert "not on this machine" in " ".join(page.session_state["problems"])
    assert page.file_uploader, "there has to be a place for it"


def test_a_cost_table_file(tmp_path: Path) -> None:
    page = open_form(RunConfig.parse({"dataset": "cost_table", "network": None}), tmp_path)
    costs = "\n".join(str(x) for x in np.arange(32.0))
    page.file_uploader(key="form.dataset.cost_table.sha256.file").upload(
        "costs.txt", costs.encode(), "text/plain"
    ).run()
    assert page.session_state["ready"], page.session_state["problems"]
    form = forms.check(got(page).to_dict(), tmp_path)
    assert form.plan is not None
    assert form.plan.n_qubits == 5


def test_a_loss_that_is_chosen_again_has_the_weight_that_it_had(tmp_path: Path) -> None:
    page = open_form(RunConfig.parse({"objective": {"name": "elbo", "beta": 0.3}}), tmp_path)
    page.selectbox(key="form.objective").set_value("mle").run()
    page.selectbox(key="form.objective").set_value("selbo").run()
    page.number_input(key="form.objective.selbo.lam.constant").set_value(2.5).run()
    page.selectbox(key="form.objective").set_value("elbo").run()
    assert got(page).objective == RunConfig.parse({"objective": {"name": "elbo", "beta": 0.3}}).objective
    page.selectbox(key="form.objective").set_value("selbo").run()
    assert got(page).objective.model_dump()["lam"] == 2.5
