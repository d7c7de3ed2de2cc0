"""What no single module can promise: every variant explained, every package pinned, nothing dangerous or private."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import qhn_core
from qhn_core.registry import Registry, VariantConfig

ROOT = Path(__file__).parents[2]


def _tracked() -> list[Path]:
    """Every file of the project that git does not ignore (or, without git, every file outside dot-folders)."""
    git = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if git.returncode == 0:
        return [path for line in git.stdout.splitlines() if (path := ROOT / line).is_file()]
    return [
        p for p in ROOT.rglob("*") if p.is_file() and not any(part[0] == "." for part in p.parts[len(ROOT.parts) :])
    ]


FILES = _tracked()
SOURCES = [p for p in FILES if p.suffix == ".py" and p.relative_to(ROOT).parts[0] in {"app", "qhn_core"}]
TEXTS = [p for p in FILES if p.suffix in {".py", ".md", ".toml", ".txt", ".sh", ".js", ".yaml", ".yml"} or not p.suffix]


def _registries() -> list[Registry]:
    rooms = [m.name for m in pkgutil.iter_modules(qhn_core.__path__) if m.ispkg]
    found = {
        id(value): value
        for room in rooms
        for value in vars(importlib.import_module(f"qhn_core.{room}")).values()
        if isinstance(value, Registry)
    }
    return sorted(found.values(), key=lambda registry: registry.kind)


VARIANTS = [(r.kind, r[name]) for r in _registries() for name in r.names()]


# ------------------------------------------------------------------------------------------------ variants


def test_every_room_has_its_variants() -> None:
    kinds = {kind for kind, _ in VARIANTS}
    assert {"ansatz", "network", "dataset", "prior", "engine", "objective", "estimator", "optimiser"} <= kinds


@pytest.mark.parametrize(("kind", "variant"), VARIANTS, ids=lambda v: v if isinstance(v, str) else v.variant_name())
def test_every_variant_explains_itself(kind: str, variant: type[VariantConfig]) -> None:
    """Forms and documentation are made from these texts, so that none may be missing."""
    assert variant.label.strip(), f"{kind} {variant.variant_name()} has no label"
    assert variant.__doc__, f"{kind} {variant.variant_name()} has no docstring"
    assert variant.__doc__ != variant.__mro__[1].__doc__, "its docstring is its base's"
    without = [name for name, field in variant.model_fields.items() if name != "name" and not field.description]
    assert not without, f"fields without a description: {without}"
    assert variant.model_config.get("frozen")
    assert variant.model_config.get("extra") == "forbid"


def test_labels_are_distinct_within_a_room() -> None:
    labels = [(kind, variant.label) for kind, variant in VARIANTS]
    assert len(labels) == len(set(labels))


# ---------------------------------------------------------------------------------------------- public surface

PUBLIC = (
    "Gate Circuit ansatz initial_angles dataset network prior problem problem_from_costs engine objective "
    "RunConfig train RunResult"
)


@pytest.mark.parametrize("name", PUBLIC.split())
def test_promised_names_are_public(name: str) -> None:
    assert name in qhn_core.__all__
    assert getattr(qhn_core, name).__doc__


def test_all_lists_only_what_exists_and_shadows_no_folder() -> None:
    assert all(hasattr(qhn_core, name) for name in qhn_core.__all__)
    modules = {m.name for m in pkgutil.iter_modules(qhn_core.__path__)}
    functions = {n for n in qhn_core.__all__ if callable(getattr(qhn_core, n))}
    assert not functions & modules


# ------------------------------------------------------------------------------------------------- packages


def _pins(name: str) -> dict[str, str]:
    lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text().splitlines()]
    pins = {}
    for line in filter(None, lines):
        if line.startswith("-r "):
            continue
        match = re.fullmatch(r"([A-Za-z0-9_.-]+)(\[[a-z,]+\])?==([0-9][0-9A-Za-z.]*)", line)
        assert match, f"{name}: not an exact pin: {line!r}"
        pins[_canonical(match[1])] = match[3]
    return pins


def _canonical(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def test_requirements_are_pinned_and_installed() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        for package, version in _pins(name).items():
            assert importlib.metadata.version(package).split("+")[0] == version, package


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def test_every_imported_package_is_pinned() -> None:
    """An import that only works because something else happens to bring the package breaks one day."""
    outside = set().union(*map(_imports, SOURCES)) - set(sys.stdlib_module_names) - {"qhn_core", "app"}
    owners = importlib.metadata.packages_distributions()
    pinned = set(_pins("requirements.txt"))
    optional = {"jax", "jaxlib", "quimb"}  # rivals in the benchmark, used where they happen to be installed
    loose = {m for m in outside - optional if not {_canonical(d) for d in owners.get(m, [])} & pinned}
    assert not loose, f"imported, but not in requirements.txt: {sorted(loose)}"


def test_every_pinned_package_is_used() -> None:
    inside = set().union(*map(_imports, SOURCES))
    owners = importlib.metadata.packages_distributions()
    used = {_canonical(owner) for module in inside for owner in owners.get(module, [])}
    # Its script is served; devices that PennyLane finds by name.
    by_name = {"plotly", "pennylane-lightning", "pennylane-qiskit"}
    assert set(_pins("requirements.txt")) - used - by_name == set()


def test_readme_says_why_each_package_is_here() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").split("## Dependencies", 1)[1].split("\n## ", 1)[0].lower()
    missing = [package for package in _pins("requirements.txt") if f"`{package}`" not in table]
    assert not missing


# --------------------------------------------------------------------------------------------------- safety


def test_app_settings_keep_the_server_to_this_machine() -> None:
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert settings["server"]["address"] == "127.0.0.1"
    assert settings["server"]["enableXsrfProtection"] is True
    assert settings["server"].get("enableCORS", True) is True
    assert 1 <= settings["server"]["maxUploadSize"] <= 50
    assert settings["browser"]["gatherUsageStats"] is False
    assert settings["client"]["showErrorDetails"] in {"none", False}


def _dangers(path: Path) -> list[str]:
    """Calls and imports that run or load code from data."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            shell = any(k.arg == "shell" and getattr(k.value, "value", False) for k in node.keywords)
            pickles = any(k.arg == "allow_pickle" and getattr(k.value, "value", False) for k in node.keywords)
            if name in {"eval", "exec", "yaml.load", "torch.load", "os.system"} or shell or pickles:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} {name}")
    bad = _imports(path) & {"pickle", "cloudpickle", "dill", "shelve", "marshal"}
    return found + [f"{path.relative_to(ROOT)} imports {name}" for name in bad]


def test_nothing_runs_or_unpickles_data() -> None:
    assert [danger for path in SOURCES for danger in _dangers(path)] == []


def test_the_check_for_dangers_can_fail(tmp_path: Path) -> None:
    bad = ROOT / "app" / "__init__.py"
    sample = tmp_path / "sample.py"
    sample.write_text("import pickle\nnp.load(f, allow_pickle=True)\nsubprocess.run(c, shell=True)\neval(x)\n")
    assert _dangers(bad) == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[__name__], "ROOT", tmp_path)
        assert len(_dangers(sample)) == 4


def test_core_never_imports_the_dashboards_framework() -> None:
    core = [p for p in SOURCES if p.relative_to(ROOT).parts[0] == "qhn_core"]
    assert [p for p in core if _imports(p) & {"streamlit", "app"}] == []


def test_pages_do_not_poll_by_sleeping() -> None:
    """Sleep and rerun freezes a page; pages poll in a fragment."""
    pages = [p for p in SOURCES if p.relative_to(ROOT).parts[:2] in {("app", "views"), ("app", "main.py")}]
    assert [page for page in pages if "time.sleep(" in page.read_text(encoding="utf-8")] == []


def test_no_private_paths_and_no_leftovers() -> None:
    private = re.compile(r"(?<![\w.])/(?:home|root|Users|work|mnt|opt)/\w")
    leftover = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    index = re.compile(r"--(?:extra-)?index-" + r"url|find-" + r"links")
    for path in TEXTS:
        text = path.read_text(encoding="utf-8")
        for what in (private, leftover, index):
            match = what.search(text)
            assert match is None, f"{path.relative_to(ROOT)}: {match and match[0]!r}"


def test_repository_stays_light() -> None:
    """No generated, private or heavy file in the repository; screenshots stay small enough to clone."""
    heavy = [p for p in FILES if p.stat().st_size > (600_000 if p.suffix == ".png" else 3_000_000)]
    assert not heavy
    assert not [p for p in FILES if p.suffix in {".pyc", ".sqlite", ".db", ".npz", ".safetensors", ".pem", ".env"}]


def test_no_files_import_each_other_in_a_circle() -> None:
    """Imports inside functions and for types alone are counted: two such files are one idea cut in two."""
    modules = {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p for p in SOURCES}
    asked = {name: _modules_imported(path, set(modules)) - {name} for name, path in modules.items()}
    while leaves := {name for name, others in asked.items() if not others}:
        asked = {name: others - leaves for name, others in asked.items() if name not in leaves}
    assert not asked, f"in a circle, or importing one that is: {sorted(asked)}"


def _modules_imported(path: Path, known: set[str]) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {
                f"{node.module}.{a.name}" if f"{node.module}.{a.name}" in known else node.module for a in node.names
            }
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
    return found & known
