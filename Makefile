# Each target does its own set-up in .venv; only Python 3.11 or newer, make and the package registries are needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS := .ci/constraints.txt
# Three on two cores: a fifth of the time of these tests is waiting.
WORKERS := -n 3 --dist loadfile --no-loadscope-reorder

# The tests start hundreds of interpreters: these must find what the first one compiled.
test test-full: export PYTHONDONTWRITEBYTECODE =

.PHONY: try test test-full check format bench clean

try: $(VENV)/.run
	$(BIN)/musicsyncctl try

test: $(VENV)/.dev
	.ci/system-packages
	$(BIN)/python -m pytest $(WORKERS)

test-full: $(VENV)/.dev
	.ci/system-packages
	$(BIN)/python -m pytest $(WORKERS) --full

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "musicsyncd needs Python 3.11 or newer: run 'make PYTHON=/path/to/python3.12 ...'." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "This Python cannot make virtual environments: install its venv package (Debian: apt-get install python3-venv)." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml $(CONSTRAINTS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml $(CONSTRAINTS)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[dev]'
	@touch $@ $(VENV)/.run

clean:
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
