"""RunConfig: defaults, round trips through every text form, and what happens to bad input."""

from __future__ import annotations

import base64
import json
import re
import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qhn_core.config import SECTIONS, ConfigError, RunConfig, load_config
from qhn_core.errors import QHNError
from qhn_core.studies.race.config import RaceConfig
from qhn_core.studies.sweep import SweepConfig

FORMS = {
    "json": (RunConfig.to_json, RunConfig.from_json),
    "yaml": (RunConfig.to_yaml, RunConfig.from_yaml),
    "url": (RunConfig.to_url, RunConfig.from_url),
}
FULL = """
schema_version: 1
dataset:   {name: xor, n_train: 20, n_test: 500, label_noise: 0.1, seed: 0}
network:   {name: mlp, layers: [2, 3, 1], activation: sign}
prior:     {name: bernoulli, rho: 0.5}
ansatz:    {name: linear, layers: 3, hadamard: false, init: uniform}
objective: {name: elbo, beta: {kind: linear, start: 0, end: 1, steps: 100}}
engine:    {name: statevector, dtype: float64}
estimator: {name: adjoint}
optimiser: {name: adam, lr: 5e-2}
steps: 250
replicas: 16
seed: 0
log_every: 1
"""


def packed(value: object) -> str:
    return "1." + base64.urlsafe_b64encode(zlib.compress(json.dumps(value).encode())).decode().rstrip("=")


def test_default_is_the_demonstration():
    config = RunConfig()
    assert (config.dataset.name, config.dataset.n_train, config.dataset.label_noise) == ("xor", 20, 0.1)
    assert config.dataset.label_noise_test
    assert config.network.layers == (2, 3, 1)
    assert (config.ansatz.name, config.ansatz.layers) == ("linear", 3)
    assert (config.objective.name, config.objective.beta) == ("elbo", 0.3)
    assert (config.optimiser.name, config.optimiser.lr) == ("adam", 0.05)
    assert (config.steps, config.replicas, config.log_every, config.data_draws) == (250, 16, 1, 1)


@pytest.mark.parametrize("form", FORMS)
def test_round_trips_for_every_variant_of_every_section(form):
    write, read = FORMS[form]
    for section, registry in SECTIONS.items():
        for name in registry.names():
            try:
                config = RunConfig.parse({section: {"name": name}})
            except ConfigError:
                continue  # a variant with required options, or one that does not go with the other defaults
            assert read(write(config)) == config, (section, name)


def test_every_section_has_variants_that_stand_alone():
    for section, registry in SECTIONS.items():
        alone = []
        for name in registry.names():
            try:
                alone.append(RunConfig.parse({section: {"name": name}}))
            except ConfigError:
                continue
        assert alone, section


@settings(max_examples=60, deadline=None)
@given(
    steps=st.integers(1, 10**6),
    seed=st.integers(0, 2**32 - 1),
    beta=st.floats(0, 100),
    layers=st.integers(1, 64),
    lr=st.floats(1e-6, 100),
    noise=st.floats(0, 0.5),
    rho=st.floats(0.01, 0.99),
)
def test_round_trips_any_numbers(steps, seed, beta, layers, lr, noise, rho):
    config = RunConfig.parse(
        {
            "steps": steps,
            "seed": seed,
            "dataset": {"name": "moons", "label_noise": noise},
            "objective": {"name": "elbo", "beta": beta},
            "ansatz": {"name": "ring", "layers": layers},
            "optimiser": {"name": "sgd", "lr": lr},
            "prior": {"name": "bernoulli", "rho": rho},
        }
    )
    for write, read in FORMS.values():
        assert read(write(config)) == config
    assert len(config.to_url()) < 500


def test_the_documented_yaml_is_accepted():
    config = RunConfig.from_yaml(FULL)
    assert config.objective.beta.kind == "linear"
    assert config.optimiser.lr == 0.05
    assert RunConfig.from_yaml(config.to_yaml()) == config


def test_the_link_of_the_default_is_short_and_says_its_schema():
    link = RunConfig().to_url()
    assert len(link) < 60
    inner = zlib.decompress(base64.urlsafe_b64decode(link[2:] + "=="))
    assert json.loads(inner) == {"schema_version": 1}


def test_what_is_left_out_takes_its_default():
    assert RunConfig.from_yaml("objective: mle").objective.name == "mle"
    assert RunConfig.from_json('{"steps": 7}').steps == 7
    assert RunConfig.from_json("{}") == RunConfig()


def test_a_cost_table_has_no_network():
    table = {"name": "cost_table", "costs": [0.0, 1.0, 2.0, 3.0]}
    config = RunConfig.parse({"dataset": table})
    assert config.network is None
    assert "network" not in json.loads(config.to_json())
    for write, read in FORMS.values():
        assert read(write(config)) == config
    with pytest.raises(ConfigError, match="leave the network out"):
        RunConfig.parse({"dataset": table, "network": {"name": "mlp", "layers": [2, 1]}})


def test_frozen():
    with pytest.raises(ValueError, match="frozen"):
        RunConfig().steps = 3


@pytest.mark.parametrize(
    ("value", "path", "says"),
    [
        ({"dataset": {"name": "moon"}}, "dataset", "one of .*moons.*Did you mean 'moons'"),
        ({"ansatz": "qaoa"}, "ansatz", "one of .*brickwork.*linear"),
        ({"objective": {"beta": 1}}, "objective", "the key 'name'"),
        ({"objective": 3}, "objective", "a name, or a mapping"),
        ({"objective": {"name": "elbo", "lam": 1}}, "objective.lam", r"one of the fields beta.*, got lam\. "),
        (
            {"objective": {"name": "elbo", "beta": "much"}},
            "objective.beta",
            "a number or a mapping of names to values, got much",
        ),
        ({"objective": {"name": "elbo", "beta": float("nan")}}, "objective.beta", "finite"),
        ({"ansatz": {"name": "linear", "layers": 10**6}}, "ansatz.layers", "at most"),
        ({"steps": 0}, "steps", "expected at least 1, got 0"),
        ({"steps": 2.5}, "steps", r"expected a whole number, got 2\.5"),
        ({"steps": True}, "steps", "a whole number"),
        ({"steps": "many"}, "steps", "expected a whole number, got many"),
        ({"replicas": 10**9}, "replicas", "expected at most 4096"),
        ({"seed": -1}, "seed", "expected at least 0"),
        ({"step": 5}, "step", r"one of the fields .*steps.*, got step\. Did you mean 'steps'\?"),
        ({"network": None}, "network", "needs a network"),
        ({"data_draws": 17}, "data_draws", "at most replicas=16"),
        ({"schema_version": 2}, "schema_version", "Update QHN Lab"),
        ({"schema_version": 0}, "schema_version", "expected 1"),
        ({"schema_version": "1"}, "schema_version", "expected 1"),
        ({"prior": {"name": "bernoulli", "rho": 1.5}}, "prior.rho", "between 0 and 1"),
        ({"network": {"name": "mlp", "layers": []}}, "network.layers", "expected .* got"),
        (
            {"network": {"name": "mlp"}, "dataset": {"name": "csv", "missing": 1}},
            "dataset.missing",
            "'rows' or 'median'",
        ),
        ({"dataset": {"name": "digits", "classes": []}}, "dataset.classes", "expected 2 or more entries, got 0"),
        ({"dataset": {"name": "xor", "label_noise_test": "x"}}, "dataset.label_noise_test", "true or false, got x"),
        ({"network": {"name": "mlp", "layers": None}}, "network.layers", "expected a list, got nothing"),
        (
            {"network": {"name": "mlp", "alphabet": [1]}},
            "network.alphabet.1",
            r"expected a value, got nothing\. Add it\.",
        ),
        ({"engine": {"name": "pennylane", "options": 3}}, "engine.options", "a mapping of names to values, got 3"),
        (
            {"objective": {"name": "elbo", "beta": {"kind": "up"}}},
            "objective.beta",
            "'kind' one of 'linear', 'cyclical'",
        ),
        ([1, 2], "", "expected a mapping of names to values, got "),
    ],
)
def test_bad_values_are_named_with_path_and_reason(value, path, says):
    with pytest.raises(ConfigError, match=says) as caught:
        RunConfig.parse(value)
    assert any(p == path or p.startswith(path + ".") for p, _ in caught.value.problems)
    assert isinstance(caught.value, QHNError)


def test_all_problems_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        RunConfig.parse({"steps": 0, "dataset": "moon", "prior": {"name": "bernoulli", "rho": 2}, "extra": 1})
    assert [path for path, _ in caught.value.problems] == ["dataset", "prior.rho", "steps", "extra"]


def test_a_newer_schema_says_so_and_nothing_else():
    with pytest.raises(ConfigError) as caught:
        RunConfig.from_json('{"schema_version": 7, "future": [1], "dataset": {"name": "galaxy"}}')
    assert [path for path, _ in caught.value.problems] == ["schema_version"]
    assert "version 7; this QHN Lab reads version 1" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "nothing"),
        ("just words", "a mapping"),
        ("- 1\n- 2", "got list"),
        ("steps: [1", "line 1"),
        ("steps: 1\nsteps: 2", "'steps' occurs twice"),
        ("dataset: {name: xor, seed: 1, seed: 2}", "'seed' occurs twice"),
        ("a: &x [1]\nb: *x", "aliases are not accepted"),
        ("a: !!python/object/apply:os.system ['true']", "tags"),
        ("[" * 5000, "nested deeper"),
        ("{a: " * 5000, "nested deeper"),
        ("1: 2", "names as keys"),
        ("steps: .nan", "steps"),
        ("x" * 300_000, "characters"),
        ("steps: \x00", "not valid YAML"),
    ],
)
def test_bad_yaml(text, says):
    with pytest.raises(ConfigError, match=says):
        RunConfig.from_yaml(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1"),
        ('{"steps": 1', "line 1"),
        ("[]", "got list"),
        ("null", "got nothing"),
        ('{"steps": NaN}', "finite"),
        ('{"steps": 1, "steps": 2}', "occurs twice"),
        ("[" * 100_000, "nested deeper"),
        ('{"a":' + "[" * 100 + "]" * 100 + "}", "nested deeper"),
        ('{"steps": 1' + "0" * 5000 + "}", "digits"),
        ('{"steps": 1e999}', "steps"),
        ("{" + " " * 300_000 + "}", "characters"),
    ],
)
def test_bad_json(text, says):
    with pytest.raises(ConfigError, match=says):
        RunConfig.from_json(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("steps=3", "expected the form"),
        ("1.", "damaged"),
        ("1.####", "damaged"),
        ("1.AAAA", "damaged"),
        ("9.AAAA", "version 9; this QHN Lab reads version 1"),
        ("1." + "A" * 20_000, "characters"),
        ("1.\u00e9", "damaged"),
        (packed([1, 2]), "got list"),
        (packed({"schema_version": 3}), "version 3"),
        (packed({"steps": "<script>"}), "a whole number"),
        ("1." + base64.urlsafe_b64encode(zlib.compress(b"\xff\xfe")).decode(), "damaged"),
    ],
)
def test_bad_links(text, says):
    with pytest.raises(ConfigError, match=says):
        RunConfig.from_url(text)


def test_a_decompression_bomb_is_not_unpacked():
    bomb = base64.urlsafe_b64encode(zlib.compress(b" " * 10_000_000, 9)).decode().rstrip("=")
    assert len(bomb) < 16_000
    with pytest.raises(ConfigError, match="unpacks to more than"):
        RunConfig.from_url("1." + bomb)


def test_every_truncation_of_a_link_is_refused():
    link = RunConfig.parse({"steps": 99, "objective": {"name": "selbo", "lam": 0.7}}).to_url()
    for cut in range(len(link)):
        with pytest.raises(ConfigError):
            RunConfig.from_url(link[:cut])


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.text(max_size=80), st.binary(max_size=60).map(lambda b: "1." + base64.urlsafe_b64encode(b).decode()))
)
def test_no_text_does_worse_than_a_config_error(text):
    for read in (RunConfig.from_url, RunConfig.from_json, RunConfig.from_yaml):
        with suppress(ConfigError):
            assert isinstance(read(text), RunConfig)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "kind", "lr", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from([*SECTIONS, "steps", "seed", "schema_version", "other"]), _JSON, max_size=4))
def test_no_mapping_does_worse_than_a_config_error(value):
    with suppress(ConfigError):
        assert isinstance(RunConfig.parse(value), RunConfig)


def test_files(tmp_path):
    config = RunConfig.parse({"steps": 12})
    (tmp_path / "a.yaml").write_text(config.to_yaml())
    (tmp_path / "a.JSON").write_text(config.to_json())
    (tmp_path / "bom.yml").write_bytes(b"\xef\xbb\xbf" + config.to_yaml().encode())
    for name in ("a.yaml", "a.JSON", "bom.yml"):
        assert load_config(tmp_path / name) == config


def test_bad_files(tmp_path):
    (tmp_path / "latin.yaml").write_bytes("dataset: caf\u00e9".encode("latin-1"))
    (tmp_path / "big.json").write_text(" " * 400_000)
    (tmp_path / "code.py").write_text("steps = 1")
    (tmp_path / "folder.yaml").mkdir()
    for name, says in {
        "latin.yaml": "not UTF-8",
        "big.json": "larger than",
        "code.py": "ending in .yaml",
        "folder.yaml": "cannot be read",
        "missing.yaml": "cannot be read",
    }.items():
        with pytest.raises(ConfigError, match=says) as caught:
            load_config(tmp_path / name)
        assert name in str(caught.value)
        assert str(tmp_path) not in str(caught.value)


def test_unknown_fields_are_told_with_the_names_there_are_and_with_all_other_problems():
    config = {
        "datset": "xor",
        "foo": 1,
        "estimator": {"name": "adjoint", "shots": 1},
        "objective": {"name": "elbo", "beta": {"kind": "linear", "ends": 1}},
        "dataset": {"name": "xor", "nosie": 1, "n_train": -1},
    }
    with pytest.raises(ConfigError) as caught:
        RunConfig.parse(config)
    told = dict(caught.value.problems)
    assert "one of the fields schema_version, dataset," in told["datset"]
    assert told["datset"].endswith("got datset. Did you mean 'dataset'?")
    assert told["foo"].endswith("Correct the name, or leave it out.")
    assert "n_train, n_test, label_noise" in told["dataset.nosie"]
    assert told["dataset.nosie"].endswith("Did you mean 'noise'?")
    assert "no fields" in told["estimator.shots"]
    assert "Did you mean 'end'?" in told["objective.beta.linear.ends"]
    assert told["dataset.n_train"] == "expected at least 2, got -1"
    assert "Extra inputs" not in str(caught.value)


def test_unknown_options_of_a_variant_are_told_once():
    with pytest.raises(QHNError, match=r"^dataset.nosie: expected one of the fields .*Did you mean 'noise'\?$"):
        SECTIONS["dataset"].make("xor", nosie=1)
    with pytest.raises(QHNError, match=r"Also: dataset.nosie: expected one of"):
        SECTIONS["dataset"].make("xor", nosie=1, n_train=0)


#: What the validating library says by itself, and what no message of this package says.
LIBRARY = re.compile(
    r"[Ii]nput should|\bvalid\b|validation|type=|[Uu]nable to|Field required|Value error|something else"
)
MALFORMED: tuple[object, ...] = (
    *(None, True, "x", "", "12", 1.5, -1, 10**30, float("inf"), float("nan"), [], {}, ["x"], [[1]], ["a"] * 5000, b"x"),
    *({"a": 1}, {1: 2}, {"kind": "up"}, {"kind": "linear", "start": "x", "steps": 0, "z": 1}, "y" * 5000, object()),
)


def told_of(value: object) -> list[str]:
    try:
        RunConfig.parse(value)
    except ConfigError as error:
        return [f"{path}: {what}" for path, what in error.problems]
    return []


def test_no_field_is_refused_in_the_words_of_the_validating_library():
    told = [line for value in MALFORMED for line in told_of(value)]
    told += [line for name in RunConfig.model_fields for value in MALFORMED for line in told_of({name: value})]
    for section, registry in SECTIONS.items():
        for name in registry.names():
            for field in set(registry[name].model_fields) - {"name"}:
                for value in MALFORMED:
                    told += told_of({section: {"name": name, field: value}})
    assert len(told) > 10_000
    assert not [line[:200] for line in told if LIBRARY.search(line)][:5]


def test_races_sweeps_and_options_are_refused_in_the_same_words():
    refused = (
        (lambda: RaceConfig.parse({"contenders": []}), "contenders: expected 1 or more entries, got 0"),
        (lambda: RaceConfig.parse({"contenders": [{"label": 3}]}), r"contenders\.0\.label: expected text, got 3"),
        (lambda: RaceConfig.parse({"contenders": [{}]}), r"contenders\.0\.objective: expected a value, got nothing"),
        (lambda: RaceConfig.parse([]), r"Invalid race: expected a mapping of names to values, got \[\]"),
        (
            lambda: SweepConfig.parse({"axes": {"objective.beta": 3}}),
            r"axes\.objective\.beta: expected a list or a map",
        ),
        (lambda: SweepConfig.parse({}), "axes: expected a value, got nothing"),
        (lambda: SECTIONS["ansatz"].make("linear", layers="x"), r"^ansatz\.layers: expected a whole number, got x\.$"),
    )
    for make, says in refused:
        with pytest.raises(QHNError, match=says) as caught:
            make()
        assert not LIBRARY.search(str(caught.value).removeprefix("Invalid "))
