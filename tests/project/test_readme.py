"""README and the other texts: their code runs, their links lead somewhere, their commands exist."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from qhn_core.config import load_config
from qhn_core.planning import plan

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def _path(block: str) -> str | None:
    """The file that a block is meant to be, from its first line."""
    match = re.match(r"# ([\w/.]+\.(?:py|yaml))\n", block)
    return match and match[1]


PROGRAMS = [block for block in _blocks("python") if not _path(block)]
ADDITIONS = {path: block for block in _blocks("python") if (path := _path(block))}


def _python(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a fresh interpreter that finds ``qhn_core`` in ``cwd``."""
    environment = {**os.environ, "PYTHONPATH": str(cwd)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return done


def test_readme_has_what_it_should() -> None:
    assert len(PROGRAMS) >= 2
    assert {path.split("/")[1] for path in ADDITIONS} == {"ansatze", "datasets", "objectives"}


def test_training_example_learns() -> None:
    before, after = map(float, re.findall(r"\d\.\d+", _python(PROGRAMS[0], ROOT).stdout))
    assert before < after <= 1.0


def test_circuits_from_elsewhere_are_trained() -> None:
    shown = _python(PROGRAMS[2], ROOT).stdout
    losses = re.findall(r"loss \[\s*([\d.]+)\s+([\d.]+)\s*\]", shown)
    assert len(losses) == 2
    assert all(float(after) < float(before) for before, after in losses)


def test_a_thousand_weights_are_drawn_and_scored() -> None:
    shown = _python(PROGRAMS[3], ROOT).stdout
    assert "strings (8, 640) score (2560,)" in shown
    assert -640 * 0.694 < float(shown.split()[-1]) < -200


def test_example_of_the_parts_shows_the_identity() -> None:
    """log Z − ELBO = KL(q‖posterior), which the example prints as a difference."""
    shown = _python(PROGRAMS[1], ROOT).stdout.split("posterior):")[1]
    residuals = [float(number) for number in re.findall(r"[-+]?\d[\d.]*(?:e[-+]?\d+)?", shown)]
    assert len(residuals) == 3
    assert max(map(abs, residuals)) < 1e-8


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the core with README's three additions in it, and the contract tests beside it."""
    folder = tmp_path_factory.mktemp("extended")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "qhn_core", folder / "qhn_core", ignore=ignore)
    shutil.copytree(ROOT / "tests" / "contracts", folder / "tests" / "contracts", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", folder)
    for path, code in ADDITIONS.items():
        assert not (folder / path).exists(), f"{path} is there already: README needs another example"
        (folder / path).write_text(code, encoding="utf-8")
    return folder


def test_added_variants_train_together(extended: Path) -> None:
    code = """
import qhn_core as qhn
config = qhn.RunConfig.model_validate({
    "dataset": {"name": "stripes", "n_train": 12, "n_test": 50}, "network": {"name": "mlp", "layers": [2, 2, 1]},
    "ansatz": {"name": "star", "layers": 2}, "objective": {"name": "frugal", "mu": 0.1}, "steps": 20, "replicas": 2})
loss = qhn.train(config).history["loss"]
print(loss.shape, bool((loss[-1] < loss[0]).all()))
"""
    assert _python(code, extended).stdout.split() == ["(21,", "2)", "True"]


def test_contract_tests_find_and_accept_added_variants(extended: Path) -> None:
    names = sorted(Path(path).stem for path in ADDITIONS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contracts", "-k", " or ".join(names)],
        cwd=extended,
        env={**os.environ, "PYTHONPATH": str(extended)},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) >= len(names)


def test_additions_keep_the_house_style(extended: Path) -> None:
    files = [str(extended / path) for path in ADDITIONS]
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *command, *files], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_yaml_example_is_a_valid_configuration(tmp_path: Path) -> None:
    for number, block in enumerate(_blocks("yaml")):
        path = tmp_path / f"{number}.yaml"
        path.write_text(block, encoding="utf-8")
        assert load_config(path).network is not None


def test_the_configuration_of_a_real_device_is_valid(tmp_path: Path) -> None:
    """The indented block of the steps that lead to a real device; it fits the default network and data."""
    (block,) = re.findall(r"^   ```yaml\n(.*?)^   ```$", README, flags=re.MULTILINE | re.DOTALL)
    path = tmp_path / "device.yaml"
    path.write_text(dedent(block), encoding="utf-8")
    config = load_config(path)
    assert getattr(config.engine, "remote", False)
    assert plan(config).circuits_per_step == 3


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_and_pictures_lead_to_files(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = [t for t in re.findall(r"\]\(([^)\s]+)\)", text) if not t.startswith(("https://", "#"))]
    assert [t for t in targets if not (ROOT / t.split("#")[0]).exists()] == []


def test_command_line_of_the_readme_exists() -> None:
    """Every ``./run.sh cli WORD`` in the texts is a command of the program."""
    words = set(re.findall(r"\./run\.sh cli ([a-z]+)", README))
    assert {"train", "runs", "show", "export", "resume"} <= words
    shown = subprocess.run(
        [sys.executable, "-m", "qhn_core", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60
    ).stdout
    assert {word for word in words if not re.search(rf"\b{word}\b", shown)} == set()
