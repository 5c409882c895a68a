# Two commands: `make reproduce` and `make test`. Each sets up what it needs the first time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BENCH := .venv-bench
BENCH_INSTALLED := $(BENCH)/.installed
ROWS ?=

.DEFAULT_GOAL := help
.PHONY: help setup reproduce test lint lab data bench bench-json lock clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## /\t/' | expand -t 14

setup: $(INSTALLED)  ## make the virtual environment from requirements.lock

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else f"Python 3.11 or newer is needed, $(PYTHON) is {sys.version.split()[0]}; try: make PYTHON=python3.12 setup")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

reproduce: $(INSTALLED)  ## build the data, run every notebook, write figures and reports/site
	$(BIN)/compendium reproduce

test: $(INSTALLED)  ## run the whole test suite
	$(BIN)/python -m pytest -n auto --no-loadscope-reorder

lint: $(INSTALLED)  ## ruff (lint and format) and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lab: $(INSTALLED)  ## open JupyterLab on the notebooks
	$(BIN)/jupyter lab --notebook-dir=notebooks

data: $(INSTALLED)  ## build data/processed from data/raw
	$(BIN)/compendium data build

bench: $(BENCH_INSTALLED)  ## time our solvers against their peers: all, or ROWS="twfe_million ..."
	$(BENCH)/bin/python -m benchmarks.run $(ROWS)

bench-json: $(BENCH_INSTALLED)  ## the same, also as a JSON list on standard output
	@$(BENCH)/bin/python -m benchmarks.run --json $(ROWS)

$(BENCH_INSTALLED): requirements.lock benchmarks/requirements.txt pyproject.toml
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

lock:  ## resolve pyproject.toml anew: requirements.lock and environment.yml (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --all-extras --quiet pyproject.toml -o requirements.lock
	@{ printf '# Made by `make lock` from requirements.lock: do not edit.\n'; \
	   printf 'name: compendium\nchannels:\n  - conda-forge\n  - nodefaults\ndependencies:\n  - python=3.11\n  - pip\n  - pip:\n'; \
	   sed -nE 's/^([A-Za-z0-9_.-]+==[^ ]+( ; .*)?) \\$$/      - "\1"/p' requirements.lock; \
	   printf '      - -e .\n'; } > environment.yml

clean:  ## remove everything that can be made again (keeps the environment)
	rm -rf data/processed data/processed-own runs reports figures/*/ .pytest_cache .mypy_cache .ruff_cache
