# Two commands: `make demo` shows the product on this machine, `make test` runs every check.
# Both set themselves up on a machine with Python 3.11+ and make.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready-$(shell cat requirements/dev.txt 2>/dev/null | cksum | cut -d' ' -f1)
JOBS   ?= 3
ARGS   ?=
SEEDS  ?= 10000

# The emulator, where it is found, is started once and shared; without it the runner says what is left out.
EMULATOR := $(BIN)/python -m sandbox.emulator $(if $(filter true,$(CI)),,--optional) --

# Compiled modules make every start four times faster; the checks start many processes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test lint types layers tests tests-313 bundles bundles-served terraform scan soak lock clean

help:
	@echo 'make demo [ARGS="--once --json out.json"]   the whole product on this machine'
	@echo 'make test                                  every check'
	@echo 'make bundles                               what is deployed, in dist/'
	@echo 'make terraform                             the deployment, checked without a cloud'
	@echo 'make soak [SEEDS=10000]                    many more seeds, and every kind of EHR'

$(READY): requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or newer is needed; set PYTHON=…' >&2; exit 1; }
	@echo 'setting up $(VENV) …'
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) || { echo 'python3 -m venv failed; on Debian: apt-get install python3-venv' >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(READY)
	@$(BIN)/python -m sandbox.demo $(ARGS)

test: lint types layers tests tests-313
	@echo 'left out: each bundle installed and served (make bundles-served), the plan under the rules of checkov (make scan)'
	@echo 'all checks passed'

lint: $(READY)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .

types: $(READY)
	@$(BIN)/mypy --no-error-summary

layers: $(READY)
	@$(BIN)/lint-imports --no-logo | tail -n 2

tests: $(READY)
	@$(EMULATOR) $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal

# The deployed runtime. What needs no second set-up of servers is run on it too.
tests-313: $(READY)
	@python=$$(tests/find_python313) || { echo 'left out: the tests on Python 3.13, the deployed runtime: no python3.13 here'; exit 0; }; \
	ready=.venv-313/.ready-$$(cksum < requirements/dev.txt | cut -d' ' -f1); \
	if [ ! -e $$ready ]; then \
	  echo 'setting up .venv-313 …'; rm -rf .venv-313; $$python -m venv .venv-313; \
	  .venv-313/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt; \
	  touch $$ready; \
	fi; \
	$(EMULATOR) .venv-313/bin/python -m pytest -q -n $(JOBS) --dist worksteal tests/core tests/app

# What is deployed: dist/{function}-{hash}.zip.
bundles: $(READY)
	@$(BIN)/python -m tools.bundles

# Each bundle with its requirements and nothing else, under the framework: a minute or two of installing.
bundles-served: $(READY)
	@$(BIN)/python -m pytest -q -n 0 tests/deploy/served_bundles.py

# Without a cloud, by `terraform` on the PATH or $$TERRAFORM; also among the tests.
terraform: $(READY)
	@$(BIN)/python -m pytest -q -n $(JOBS) tests/deploy/test_terraform.py tests/deploy/test_terraform_mutations.py

# The plan under checkov's rules, in an environment of its own: it has a hundred distributions.
scan: $(READY)
	@ready=.venv-checkov/.ready-$$(cksum < requirements/checkov.txt | cut -d' ' -f1); \
	if [ ! -e $$ready ]; then \
	  echo 'setting up .venv-checkov …'; rm -rf .venv-checkov; $(PYTHON) -m venv .venv-checkov; \
	  .venv-checkov/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/checkov.txt; \
	  touch $$ready; \
	fi
	@CHECKOV=.venv-checkov/bin/checkov $(BIN)/python -m pytest -q -n 0 tests/deploy/scanned_plan.py

soak: $(READY)
	@$(BIN)/python -m tests.simulation.soak --seeds $(SEEDS) --jobs $(JOBS)
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal tests/process/soak_whole_story.py

lock:
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml -o requirements/runtime.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --extra dev pyproject.toml -o requirements/dev.txt
	@echo checkov | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url - -o requirements/checkov.txt

clean:
	@rm -rf .venv .venv-313 .venv-checkov dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
