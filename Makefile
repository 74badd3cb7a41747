# Everything lives in .venv; needs Python 3.11 or newer, make and git. What is set up says so on stderr.
.DEFAULT_GOAL := help
SHELL := /bin/bash
# What is compiled is kept: the tests start the program some thousand times.
unexport PYTHONDONTWRITEBYTECODE
.SHELLFLAGS := -eu -o pipefail -c

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PROJECT := pyproject.toml loom/__init__.py
CODE := $(wildcard loom tests examples bench fuzz supply)
# As many tests at once as there are cores, up to eight; `make test` twice as many, because most of them wait for
# other processes.
PARALLEL := -n auto --maxprocesses=8 --dist worksteal
TYPED := $(foreach d,$(CODE),$(if $(shell find $(d) -name '*.py' -print -quit),$(d)))

.PHONY: help demo test check format lock bench fuzz mutate formal audit sbom wheel screenshots clean

help:
	@echo 'make demo         set up and talk to Ada'
	@echo 'make test         set up and run the tests, without the longest'
	@echo 'make check        format, lint, types, layers, all tests'
	@echo 'make bench        measure Loom against its peers'
	@echo 'make screenshots  paint the pictures of the README anew'
	@echo 'make fuzz         look for inputs that break a promise'
	@echo 'make mutate       change the core in small ways, and see whether the tests notice'
	@echo 'make formal       run the ProVerif models and compare their verdicts'
	@echo 'make audit        compare the pinned versions with ADVISORIES=PATH, offline'
	@echo 'make sbom         write the bill of materials (CycloneDX) to dist'
	@echo 'make wheel        build the wheel of the last commit, the same bytes everywhere'
	@echo 'make format       rewrite the code in the house format'
	@echo 'make lock         resolve and pin every dependency anew'
	@echo 'make clean        remove what was set up or built'

demo: .venv/runtime
	@exec $(BIN)/loom demo

# All but the long tests, or what ARGS says, then in one process: ARGS='tests/model -s'.
test: .venv/dev
	@PYTEST_XDIST_AUTO_NUM_WORKERS=$$((2 * $$(getconf _NPROCESSORS_ONLN))) \
	  $(BIN)/python -m pytest $(or $(ARGS),$(PARALLEL) -m 'not long')

check: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(TYPED)
	$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m pytest $(PARALLEL)

format: .venv/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/bench
	@exec $(BIN)/python -m bench $(ARGS)

fuzz: .venv/fuzz
	@exec $(BIN)/python -m fuzz $(ARGS)

screenshots: .venv/dev
	@$(BIN)/python -m tests.tui.screenshots

# What lives and is not in docs/MUTANTS.md makes it fail; `make mutate ARGS='loom.core.ratchet*'` tries some.
mutate: .venv/mutation
	@$(BIN)/mutmut run $(ARGS)
	@$(BIN)/python -m tests.mutants.survivors

formal: .venv/dev
	@exec $(BIN)/python -m tests.formal $(ARGS)

audit: .venv/dev
	@exec $(BIN)/python -m supply.audit $(if $(ADVISORIES),--advisories '$(ADVISORIES)') $(ARGS)

sbom: .venv/dev
	@SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} \
	  $(BIN)/python -m supply.sbom --output dist/loom-messenger.cdx.json

wheel: .venv/dev
	@exec $(BIN)/python -m supply.wheel $(ARGS)

# The hashes must be those of the public files, so this machine's own pip settings stay out.
lock: export PIP_CONFIG_FILE := /dev/null
lock: export PIP_EXTRA_INDEX_URL :=
lock: export PIP_FIND_LINKS :=
lock: LOCK := $(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras \
	--no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --annotation-style=line
lock: .venv/dev
	$(LOCK) --output-file=requirements/runtime.txt requirements/build.in pyproject.toml
	$(LOCK) --output-file=requirements/dev.txt requirements/dev.in
	$(LOCK) --output-file=requirements/bench.txt requirements/bench.in
	$(LOCK) --output-file=requirements/fuzz.txt requirements/fuzz.in
	$(LOCK) --output-file=requirements/mutation.txt requirements/mutation.in

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .fuzz \
	  mutants tests/interop/node_modules

.venv/python:
	@python=; \
	for candidate in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    python=$$candidate; break; \
	  fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo 'Loom needs Python 3.11 or newer: install it, or name one with make PYTHON=/path/to/python3.' >&2; \
	  exit 1; \
	fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "$$python has no venv module: install the package python3-venv, then try again." >&2; \
	  exit 1; \
	fi; \
	echo "Setting up Loom in .venv with $$("$$python" --version) ..." >&2; \
	"$$python" -m venv --clear .venv >&2
	@touch $@

.venv/runtime: .venv/python requirements/runtime.txt $(PROJECT)
	@echo 'Installing what Loom needs ...' >&2
	@$(PIP) install --require-hashes -r requirements/runtime.txt >&2
	@$(PIP) install --no-build-isolation --no-deps --no-index --editable . >&2
	@touch $@

.venv/dev: .venv/runtime requirements/dev.txt
	@echo 'Installing what the tests need ...' >&2
	@$(PIP) install --require-hashes -r requirements/dev.txt >&2
	@touch $@

.venv/bench: .venv/dev requirements/bench.txt
	@echo 'Installing what the benchmarks compare with ...' >&2
	@$(PIP) install --require-hashes -r requirements/bench.txt >&2
	@touch $@

.venv/fuzz: .venv/dev requirements/fuzz.txt
	@echo 'Installing what guides the fuzzing ...' >&2
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/fuzz.txt >&2 || { \
	  echo "There is no atheris for $$($(BIN)/python --version) here (it needs CPython 3.11 to 3.13 on" \
	    'Linux x86-64): `make test` runs the targets without it.' >&2; \
	  exit 1; \
	}
	@touch $@

.venv/mutation: .venv/dev requirements/mutation.txt
	@echo 'Installing what makes the mutants ...' >&2
	@$(PIP) install --require-hashes -r requirements/mutation.txt >&2
	@touch $@
