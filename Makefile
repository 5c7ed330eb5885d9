# Needs Python >= 3.11 (with venv), git and make; everything else comes from the lock into .venv.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# The first Python that will do; `make … PYTHON=/path/to/python3.12` chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$p" && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
# Arguments for the command behind a target: make demo ARGS=--headless, make test ARGS='-k feed'
ARGS ?=
# Broker of the demo: embedded, or apache (Java >= 17 and Maven).
BROKER ?= embedded
# Which tests of test-full.
MARKERS ?= java or prometheus or chromium

.PHONY: help setup hooks demo test test-servers-1 test-servers-2 test-others test-kafka test-full lint bench bench-growth faults faults-sample soak soak-sample quality migrate lock ci clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/dev.stamp ## Make .venv with everything the other targets need

hooks: $(VENV)/dev.stamp ## Let git commit run the checks first
	@$(BIN)/pre-commit install

demo: $(VENV)/demo.stamp ## Watch plants being judged from a real stream (BROKER=apache, ARGS=--headless)
	@$(BIN)/cuofeng demo --broker $(BROKER) $(ARGS)

# All of them run in three parts side by side, each with servers of its own: two wait much, the third reckons.
test: $(VENV)/dev.stamp ## Run the tests that need nothing but this machine; says what it left out
ifeq ($(strip $(ARGS)),)
	@$(MAKE) --no-print-directory -j3 test-servers-1 test-servers-2 test-others
else
	@$(BIN)/python -m pytest $(ARGS)
endif

test-servers-1: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest tests/integration/test_[a-h]*.py

test-servers-2: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest tests/integration --ignore-glob='*/test_[a-h]*.py'

test-others: $(VENV)/dev.stamp
	@$(BIN)/python -m pytest --ignore=tests/integration

test-kafka: $(VENV)/dev.stamp ## Run the broker-facing tests against Apache Kafka (Java >= 17, Maven)
	@CUOFENG_TEST_BROKER=apache $(BIN)/python -m pytest -m kafka $(ARGS)

test-full: $(VENV)/dev.stamp ## Run the tests that need Java, Prometheus or Chromium; fails where one is missing
	@CUOFENG_TEST_FULL=1 $(BIN)/python -m pytest -m '$(MARKERS)' $(ARGS)

lint: $(VENV)/dev.stamp ## Check style, types and who may import whom
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/dev.stamp ## Measure every path of the service (docs/performance.md)
	@$(BIN)/python -m tests.bench $(ARGS)

bench-growth: $(VENV)/dev.stamp ## Measure what a reading costs as meters, history and processes grow
	@$(BIN)/python -m tests.bench growth $(ARGS)

faults: $(VENV)/dev.stamp ## Fault suite in full, hours (CLASS=kill COUNT=100 SEEDS=3 FIRST_SEED=1 OUTAGE_S=600 BROKER=apache)
	@$(BIN)/python -m tests.faults $(if $(CLASS),--class '$(CLASS)') $(if $(COUNT),--count $(COUNT)) $(if $(SEEDS),--seeds $(SEEDS)) \
		$(if $(FIRST_SEED),--first-seed $(FIRST_SEED)) $(if $(OUTAGE_S),--outage-s $(OUTAGE_S)) $(if $(TOGETHER),--together) \
		--broker $(BROKER) $(ARGS)

faults-sample: $(VENV)/dev.stamp ## A seeded sample of every class of fault, minutes
	@$(BIN)/python -m pytest -m faults tests/faults tests/integration $(ARGS)

soak: $(VENV)/dev.stamp ## Run everything for long and draw what it holds: build/soak.html (DURATION_S=3600 RATE=2000 BROKER=apache)
	@$(BIN)/python -m tests.soak $(if $(DURATION_S),--duration-s $(DURATION_S)) $(if $(RATE),--rate $(RATE)) \
		$(if $(filter apache,$(BROKER)),--broker apache) $(ARGS)

soak-sample: $(VENV)/dev.stamp ## The same for a short while, with every check at its end
	@$(BIN)/python -m pytest -m soak tests/soak $(ARGS)

quality: $(VENV)/quality.stamp ## Measure how good the verdicts are, on measured data (QUALITY_SEEDS=1000-1039 CASE=steel:night_run:1017)
	@$(BIN)/python -m tests.quality $(if $(QUALITY_SEEDS),--seeds $(QUALITY_SEEDS)) $(if $(CASE),--case '$(CASE)') $(ARGS)

migrate: $(VENV)/demo.stamp ## Bring the database CUOFENG_DATABASE_URL to the newest schema
	@$(BIN)/cuofeng migrate $(ARGS)

# The locks hold for every platform and for Python 3.11 and later; plain pip installs them with --require-hashes.
lock: ## Resolve the requirements again and write the locks with hashes
	@$(PYTHON) -m venv build/lock && build/lock/bin/python -m pip install --quiet uv
	@export UV_CUSTOM_COMPILE_COMMAND='make lock'; \
	compile='build/lock/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 pyproject.toml'; \
	$$compile --output-file requirements/core.txt; \
	$$compile --extra demo --extra build --constraint requirements/core.txt --output-file requirements/demo.txt; \
	$$compile --extra dev --constraint requirements/demo.txt --output-file requirements/dev.txt; \
	$$compile --extra build --extra quality --constraint requirements/dev.txt --output-file requirements/quality.txt

ci: ## Everything that CI runs, in its order
	@.ci/run

clean: ## Remove what the other targets made
	rm -rf $(VENV) build dist deploy/kafka-dev/libs .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .benchmarks
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo 'No Python >= 3.11 with venv found (Debian: apt install python3-venv); or: make PYTHON=/path/to/python' >&2; exit 1; fi
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

# The demo needs less than the tests do: its versions are those of the tests, so one environment serves both.
$(VENV)/demo.stamp: requirements/demo.txt pyproject.toml | $(BIN)/python
	@$(PIP) install --require-hashes -r $<
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml | $(BIN)/python
	@$(PIP) install --require-hashes -r $<
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

# On top of the tests' environment: the harness compares with a detector of scikit-learn.
$(VENV)/quality.stamp: requirements/quality.txt $(VENV)/dev.stamp
	@$(PIP) install --require-hashes -r $<
	@touch $@
