#!/usr/bin/env bash
# QHN Lab's one entrance: sets up what is missing, then serves the dashboard, runs the tests or the command line.
# `./run.sh help` lists what it can do.
set -euo pipefail

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
HERE=$PWD
VENV=${QHN_VENV:-$ROOT/.venv}
case $VENV in /*) ;; *) VENV=$HERE/$VENV ;; esac
MIN_PYTHON="(3, 11)"
cd -- "$ROOT"

usage() {
  cat <<'HELP'
Usage:
  ./run.sh [--classroom] [--port N] [--address A] [--data DIR] [--host-name NAME]... [--embed ORIGIN]... [OPTION...]
      Set up what is missing, then serve the dashboard on http://127.0.0.1:8501.
      --host-name: a further name under which this machine is reached, e.g. behind a proxy; others are turned away.
      --classroom: for a class: listen in the network too, and let in only who gives the class's code, shown here.
      --embed: a site, e.g. https://moodle.example.edu, whose pages may show the dashboard in a frame.
      Further options go to Streamlit as they are, e.g. --server.headless true.
  ./run.sh test [PYTEST OPTION...]
      Lint, types, import order and all tests, on all cores (-n 0: on one), then those in a real browser. Non-zero
      exit if anything fails.
  ./run.sh cli COMMAND...
      The command line: ./run.sh cli train my.yaml, ./run.sh cli runs, ./run.sh cli --help.
  ./run.sh setup
      Only set up: virtual environment, packages, compiled kernels.
  ./run.sh help

Environment:
  QHN_VENV     folder of the virtual environment   (default: .venv beside this script)
  QHN_PYTHON   interpreter to make it with         (default: the first Python >= 3.11 found)
  QHN_DATA     folder where runs are kept          (default: the user's data folder)
HELP
}

say() { printf '%s\n' "$*"; }
fail() {
  printf 'run.sh: %s\n' "$*" >&2
  exit 1
}

# ---------------------------------------------------------------- setting up

is_suitable() { # is_suitable PYTHON: recent enough, and able to make virtual environments
  "$1" -c "import sys, venv, ensurepip; sys.exit(sys.version_info < $MIN_PYTHON)" >/dev/null 2>&1
}

find_python() {
  local candidate
  if [ -n "${QHN_PYTHON:-}" ]; then
    is_suitable "$QHN_PYTHON" || fail "QHN_PYTHON=$QHN_PYTHON is no Python 3.11 or later with the modules venv and ensurepip."
    say "$QHN_PYTHON"
    return
  fi
  # 3.11 first: the pinned versions are tested with it. A name can exist without working (version managers'
  # shims), hence the trial run.
  for candidate in python3.11 python3.12 python3.13 python3.14 python3 python; do
    if is_suitable "$candidate"; then
      say "$candidate"
      return
    fi
  done
  fail "no Python 3.11 or later with the modules venv and ensurepip was found (tried python3.11 to python3.14,
python3 and python). Install one, on Debian and Ubuntu with 'apt-get install python3 python3-venv', or name it:
QHN_PYTHON=/path/to/python ./run.sh"
}

stamp_of() { # stamp_of FILE-OR-FOLDER...: Python's version and the contents of the files, as one line
  "$VENV/bin/python" - "$@" <<'PY'
import hashlib, pathlib, platform, sys
given = [pathlib.Path(name) for name in sys.argv[1:]]
files = [file for path in given for file in (sorted(path.rglob("*.py")) if path.is_dir() else [path])]
content = hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
print(platform.python_version(), content)
PY
}

make_venv() {
  local python
  if [ -x "$VENV/bin/python" ] && is_suitable "$VENV/bin/python"; then
    return
  fi
  if [ -e "$VENV" ] && [ ! -f "$VENV/pyvenv.cfg" ] && [ -n "$(ls -A "$VENV")" ]; then
    fail "$VENV exists and is no virtual environment. Move it away, or choose another folder with QHN_VENV."
  fi
  python=$(find_python)
  say "Making a virtual environment in $VENV with $("$python" --version) ..."
  "$python" -m venv --clear "$VENV"
}

install() { # install KIND FILE...: the last FILE is what pip installs; the others are what it includes
  local kind=$1 stamp
  shift
  make_venv
  stamp=$(stamp_of "$@")
  if [ "$(cat "$VENV/.qhn-$kind" 2>/dev/null)" = "$stamp" ]; then
    return
  fi
  say "Installing pinned packages from ${!#} (a few minutes the first time) ..."
  rm -f "$VENV/.qhn-$kind"
  "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check -r "${!#}" ||
    fail "packages could not be installed. Check the network connection and the messages above, then start again:
what is already there is kept."
  say "$stamp" >"$VENV/.qhn-$kind"
  if [ "$kind" = dev ]; then # includes the other
    stamp_of requirements.txt >"$VENV/.qhn-run"
  fi
}

kernel_cache() { # where machine code is kept (qhn_core/compiled/cache.py)
  "$VENV/bin/python" -c \
    'import os, platformdirs; print(os.environ.get("NUMBA_CACHE_DIR") or platformdirs.user_cache_path("qhn-lab"))'
}

compile_kernels() { # once per version of the code and machine; what says so stands beside the machine code
  local stamp ready
  stamp="$(stamp_of requirements.txt qhn_core) on $(uname -n)"
  ready=$(kernel_cache)/ready-$(printf '%s' "$stamp" | cksum | tr -d ' ')
  if [ "$(cat "$ready" 2>/dev/null)" = "$stamp" ]; then
    return
  fi
  say "Compiling the simulator's kernels for this processor (once, one to two minutes) ..."
  "$VENV/bin/python" - <<'PY'
import qhn_core as qhn
from qhn_core.engines import mps
from qhn_core.engines.statevector import warm_up

warm_up(("float64", "float32"))
mps.warm_up()
for loss in ("mle", "elbo", "selbo"):  # those of losses and metrics
    qhn.train(qhn.RunConfig.model_validate({"objective": {"name": loss}, "steps": 1}))
PY
  say "$stamp" >"$ready" || say "Where compiled kernels are kept cannot be written: they are compiled at each start."
}

setup() {
  install run requirements.txt
  compile_kernels
}

# ---------------------------------------------------------------- the dashboard

serve() {
  case ${1:-} in
    -* | "") ;;
    *) usage >&2; fail "'$1' is not something this script can do." ;;
  esac
  install run requirements.txt
  (command_line serve --check "$@") || exit $? # before kernels are compiled
  compile_kernels
  # exec: Ctrl-C reaches the server itself, and nothing stays behind.
  command_line serve "$@"
}

command_line() { # command_line COMMAND...: in the caller's folder, so that relative paths mean what they say
  cd -- "$HERE"
  PYTHONPATH="$ROOT${PYTHONPATH:+:$PYTHONPATH}" exec "$VENV/bin/python" -m qhn_core "$@"
}

# ---------------------------------------------------------------- the tests

browser_works() { # a Chromium on the path that starts, or Playwright's own
  local name
  for name in chromium-headless-shell chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null && "$name" --version >/dev/null 2>&1; then
      return 0
    fi
  done
  "$VENV/bin/python" - <<'PY' >/dev/null 2>&1
import os, sys
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    sys.exit(not os.path.exists(playwright.chromium.executable_path))
PY
}

install_browser() {
  local name
  browser_works && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "Installing Chromium with apt-get ..."
    if apt-get update -qq; then
      # The shell first: without windows that nobody sees, it takes a sixth less of the processor.
      for name in chromium-headless-shell chromium; do
        browser_works ||
          DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$name" fonts-dejavu-core >/dev/null 2>&1 || true
      done
    fi
    browser_works && return
  fi
  say "Installing Playwright's Chromium ..."
  "$VENV/bin/python" -m playwright install chromium ||
    fail "no browser for the tests. Install Chromium so that the command 'chromium' starts it, then run ./run.sh test again."
}

FAILED=""
stage() { # stage NAME COMMAND...: run it, say how long it took, remember a failure and go on
  local name=$1 started=$SECONDS
  shift
  say ""
  say "=== $name: $*"
  if "$@"; then
    say "=== $name: ok, $((SECONDS - started)) s"
  else
    say "=== $name: FAILED, $((SECONDS - started)) s"
    FAILED="$FAILED $name"
  fi
}

run_pytest() { # run_pytest NAME OPTION...
  local name=$1
  shift
  say ""
  say "=== $name: pytest $*"
  "$VENV/bin/python" -m pytest "$@"
}

pytest_stage() { # pytest_stage NAME OPTION...: that nothing was chosen here is no failure if another stage has some
  local code=0
  run_pytest "$@" || code=$?
  [ "$code" = 5 ] || COLLECTED=yes
  [ "$code" = 0 ] || [ "$code" = 5 ] || FAILED="$FAILED $1"
}

# A real browser on a busy machine: where at most so many tests failed, they are tried once more, one after the other,
# and both tries are shown. What fails twice is a failure.
SECOND_TRIES=2

count_failed() { # of the browser tests, in the run that has just ended
  "$VENV/bin/python" -c 'import json, pathlib
failed = json.loads(pathlib.Path(".pytest_cache/v/cache/lastfailed").read_text())
print(sum(test.startswith("tests/browser/") for test in failed))'
}

browser_stage() { # browser_stage OPTION...
  local name="tests (browser)" code=0
  run_pytest "$name" -m browser "$@" || code=$?
  [ "$code" = 5 ] && return
  COLLECTED=yes
  [ "$code" = 0 ] && return
  if [ "$code" = 1 ] && [ "$(count_failed)" -le "$SECOND_TRIES" ]; then
    run_pytest "$name, second try of what failed" -m browser "$@" -n 0 --last-failed && return
  fi
  FAILED="$FAILED $name"
}

run_tests() {
  local python=$VENV/bin/python
  SECONDS=0
  COLLECTED=no
  install dev requirements.txt requirements-dev.txt
  compile_kernels
  install_browser
  say "=== setting up: ok, $SECONDS s"
  unset QHN_DATA STREAMLIT_SERVER_PORT STREAMLIT_SERVER_ADDRESS # the tests choose their own, never the user's
  stage lint "$python" -m ruff check .
  stage format "$python" -m ruff format --check .
  stage types "$python" -m mypy
  stage imports "$python" "$VENV/bin/lint-imports" --no-cache --no-logo
  # A process for each core, up to four; a file's tests stay together, as they share servers and runs. A later -n in
  # the caller's own options wins: -n 0 runs them one after the other.
  # A browser beside its server keeps little more than one core busy: two of those. Last, and nothing printed after
  # its closing line unless something failed.
  local parallel=(-n logical --maxprocesses 4 --dist loadfile) browsers=(-n logical --maxprocesses 2 --dist loadfile)
  case " $* " in
    *" -m "*) pytest_stage "tests" "${parallel[@]}" "$@" ;; # the caller's own choice
    *)
      pytest_stage "tests (unit, property, contract and page)" -m "not browser" "${parallel[@]}" "$@"
      browser_stage "${browsers[@]}" "$@"
      ;;
  esac
  [ "$COLLECTED" = yes ] || FAILED="$FAILED tests (none was found)"
  [ -z "$FAILED" ] || fail "failed:$FAILED (after $SECONDS s in all)"
}

# ---------------------------------------------------------------- which of them

case ${1:-} in
  help | -h | --help) usage ;;
  test) shift; run_tests "$@" ;;
  setup) setup; say "Ready: ./run.sh" ;;
  cli)
    shift
    install run requirements.txt
    command_line "$@"
    ;;
  *) serve "$@" ;;
esac
