"""The wheel: built, put into a fresh environment that holds what a plain installation needs and no more, and used."""

from __future__ import annotations

import contextlib
import importlib.metadata as metadata
import os
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
import zipfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from playwright.sync_api import Browser, expect

from qhn_core.extras import EXTRAS

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONFIG = """
dataset:   {name: xor, n_train: 10, n_test: 20}
network:   {name: mlp, layers: [2, 1, 1]}
ansatz:    {name: linear, layers: 1}
optimiser: {name: OPTIMISER}
engine:    {name: ENGINE}
steps: 3
replicas: 2
"""


def needed(requirements: list[str]) -> dict[str, metadata.Distribution]:
    """The distributions that these need, all that those need included, as they are installed here."""
    found: dict[str, metadata.Distribution] = {}
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if name in found or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # for another system or version
            continue
        waiting += [Requirement(text) for text in found[name].requires or ()]
    return found


def link(distribution: metadata.Distribution, folder: Path) -> None:
    """Make an installed distribution importable from ``folder``."""
    for top in {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}:
        if not (folder / top).exists():
            (folder / top).symlink_to(Path(str(distribution.locate_file(top))))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-w",
        str(folder),
        str(ROOT),
    ]
    subprocess.run([sys.executable, *build], check=True, cwd=folder, timeout=120)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def fresh(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` of an environment with the wheel and the plain installation's packages."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=60)
    python = folder / "bin" / "python"
    install = ["-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([sys.executable, *install], check=True, cwd=folder, timeout=120)
    packages = next(folder.glob("lib/python*/site-packages"))
    for distribution in needed(PROJECT["dependencies"]).values():
        link(distribution, packages)
    return python.parent


def environment(tmp_path: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("QHN_", "STREAMLIT_", "PYTHON"))}
    return {**kept, "QHN_DATA": str(tmp_path / "data")}


def qhn(fresh: Path, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(fresh / "qhn"), *arguments],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=1500,
    )


def write(folder: Path, *, optimiser: str = "adam", engine: str = "statevector") -> str:
    path = folder / f"{optimiser}-{engine}.yaml"
    path.write_text(CONFIG.replace("OPTIMISER", optimiser).replace("ENGINE", engine))
    return path.name


def test_pins_lie_within_the_ranges() -> None:
    pins = dict(
        re.fullmatch(r"([\w-]+)==(\S+)", line).groups()  # type: ignore[union-attr]
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if line and not line.startswith("#")
    )
    extras = PROJECT["optional-dependencies"]
    ranges = [Requirement(text) for text in (*PROJECT["dependencies"], *chain.from_iterable(extras.values()))]
    for wanted in ranges:
        if wanted.name != PROJECT["name"]:
            assert wanted.specifier, f"{wanted.name} has no range"
            assert not any(part.operator == "==" for part in wanted.specifier), f"{wanted.name} is pinned"
            assert wanted.specifier.contains(pins[wanted.name]), f"{wanted} does not hold {pins[wanted.name]}"
    below = {"llvmlite", "pydantic-core"}  # pinned with what they are part of
    assert set(pins) - below == {wanted.name for wanted in ranges} - {PROJECT["name"]}
    all_of_them = next(wanted for wanted in ranges if wanted.name == PROJECT["name"]).extras
    assert all_of_them == set(extras) - {"all"}
    assert {extra for _, extra in EXTRAS.values()} == all_of_them


def test_the_wheel_holds_what_is_read_at_run_time(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"qhn_core", "qhn_lab", f"qhn_lab-{PROJECT['version']}.dist-info"}, "no general name"
    for folder in ("app", ".streamlit", "assets"):
        kept = {str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("*") if path.is_file()}
        for name in kept:
            aside = name.startswith(("assets/reports", "assets/screenshots", "app/static/")) or "__pycache__" in name
            assert aside or f"qhn_lab/{name}" in names, f"{name} is missing"


@pytest.mark.timeout(1800)
def test_it_trains_and_shows_its_version_without_the_extras(fresh: Path, tmp_path: Path) -> None:
    shown = qhn(fresh, tmp_path, "version")
    assert f"qhn-lab {PROJECT['version']}" in shown.stdout, shown.stderr
    for name in ("torch", "pennylane"):
        assert f"{name} is not installed" in shown.stdout
    trained = qhn(fresh, tmp_path, "train", write(tmp_path), "--quiet", "--name", "first")
    assert trained.returncode == 0, trained.stderr
    assert "first" in qhn(fresh, tmp_path, "runs").stdout
    for setting, extra in (
        ({"optimiser": "lbfgs"}, "qhn-lab[torch]"),
        ({"engine": "pennylane"}, "qhn-lab[devices]"),
    ):
        refused = qhn(fresh, tmp_path, "train", write(tmp_path, **setting))
        assert refused.returncode != 0
        assert extra in refused.stderr
        assert "Traceback" not in refused.stderr


def installed(fresh: Path) -> dict[str, int]:
    """The package's own files, without what Python compiles them to: name -> time of the last change."""
    site = next(fresh.parent.glob("lib/python*/site-packages"))
    files = [path for top in ("qhn_lab", "qhn_core") for path in (site / top).rglob("*") if path.is_file()]
    return {str(path): path.stat().st_mtime_ns for path in files if "__pycache__" not in path.parts}


@pytest.fixture
def served(fresh: Path, tmp_path: Path) -> Iterator[str]:
    """The address at which the installed dashboard is served, from a folder that has nothing to do with it.

    Where it is installed nobody may have the right to write: nothing is written there.
    """
    before = installed(fresh)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [str(fresh / "qhn"), "serve", "--port", str(port), "--data", "kept"],
            cwd=tmp_path,
            env=environment(tmp_path),
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, server, log)
        yield address
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(60)
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGKILL)
    assert installed(fresh) == before
    assert (tmp_path / "kept").is_dir(), "a relative folder is one below where the command was given"


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(4800):
        assert server.poll() is None, log.read_text()
        with contextlib.suppress(OSError):
            if urllib.request.urlopen(f"{address}/_stcore/health", timeout=5).status == 200:
                return
        time.sleep(0.25)
    raise AssertionError(log.read_text())


@pytest.mark.browser
@pytest.mark.timeout(1800)
def test_it_serves_its_pages(served: str, chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_default_timeout(120_000)
    page.goto(served)
    page.wait_for_selector("[data-chart=loss] .main-svg")
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_enabled(timeout=120_000)
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_text("finished", exact=False).first).to_be_visible(timeout=120_000)
    for name in ("Compare", "Explore", "Learn", "Hardware", "Runs"):
        page.goto(f"{served}/{name.lower()}")
        expect(page.get_by_role("link", name=name).first).to_be_visible(timeout=60_000)
        expect(page.get_by_text("Traceback")).to_have_count(0)
        expect(page.get_by_test_id("stException")).to_have_count(0)
    page.goto(f"{served}/hardware")
    expect(page.get_by_text("qhn-lab[devices]").first).to_be_visible(timeout=60_000)
    page.close()
    assert len(urllib.request.urlopen(f"{served}/app/static/plotly.min.js").read()) > 1_000_000
