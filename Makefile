# Wallet Streams. Needs only make and a Python of 3.11 to 3.14; everything else lands in .venv, by
# hash. `make setup PYTHON=python3.12` makes .venv of another interpreter (with one in place: make
# clean setup PYTHON=...); ARGS="..." goes on to the command behind a target.

# For newer ones some packages have no build yet, and where python3 is one, an older may be beside it.
FITS := 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))'
ifeq ($(origin PYTHON),undefined)
PYTHON := $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$each -c $(FITS) 2>/dev/null && echo $$each && exit; done; echo python3)
endif
ARGS ?=

BIN := .venv/bin
STAMP := .venv/.made
PACKAGES := schemas streams producers consumers wallet
UV := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --compile-bytecode --python $(BIN)/python
COMPILE := $(UV) pip compile --quiet --universal --generate-hashes \
  --custom-compile-command "make lock"

HAS_PYTHON = command -v $(PYTHON) >/dev/null || { \
  echo "make: $(PYTHON) is not installed; Python 3.11 to 3.14 is needed" >&2; exit 1; }
WHICH_PYTHON := 'import os, sys; print(sys.version, os.path.realpath(sys.base_prefix))'

# Every worker, command and test is a Python that starts: it need not compile two seconds of source.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup same-python run check test format lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

# An interpreter that is said is not silently left out because there is a .venv of another one.
ifneq ($(filter command environment,$(firstword $(origin PYTHON))),)
setup: same-python
endif

same-python:
	@$(HAS_PYTHON)
	@test ! -e $(BIN)/python || \
	  test "$$($(PYTHON) -c $(WHICH_PYTHON) 2>&1)" = "$$($(BIN)/python -c $(WHICH_PYTHON) 2>&1)" || { \
	  echo "make: .venv is of another interpreter than $(PYTHON);" \
	       "make it anew with make clean setup PYTHON=$(PYTHON)" >&2; exit 1; }

setup: $(STAMP) ## make .venv from requirements.lock (the other targets do this when needed)
	@:

$(UV): requirements-uv.lock
	@$(HAS_PYTHON)
	@$(PYTHON) -c $(FITS) || { \
	  echo "make: $(PYTHON) is $$($(PYTHON) --version 2>&1), Python 3.11 to 3.14 is needed;" \
	       "another one is chosen with make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "make: $(PYTHON) cannot make virtual environments;" \
	       "on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "making .venv ..."
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --require-hashes -r requirements-uv.lock
	@touch $@

$(STAMP): $(UV) requirements.lock pyproject.toml
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

# exec: Ctrl-C and SIGTERM reach the supervisor itself, not a shell in between.
run: setup ## start Kafka, PostgreSQL and the workers here: make run ARGS="--data DIR --http-port N"
	@exec $(BIN)/wallet up $(ARGS)

check: setup ## format, lint, types, imports, deploy files (fast, nothing is started)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

test: setup check ## make check, then the tests: make test ARGS="tests/unit -k money"
	$(BIN)/pytest $(ARGS)

format: setup ## write the format and the fixes ruff is sure of
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

# deploy/requirements.lock is the part of the same resolution that the image needs: no test tools.
lock: setup ## resolve again: requirements.lock, deploy/requirements.lock, requirements-uv.lock
	$(COMPILE) --group bootstrap --output-file requirements-uv.lock $(ARGS)
	$(COMPILE) pyproject.toml --group dev --output-file requirements.lock $(ARGS)
	$(COMPILE) pyproject.toml --group build --constraint requirements.lock --no-annotate \
	  --output-file deploy/requirements.lock

clean: ## remove .venv and the tools' caches; the data of local copies stays (wallet reset)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage htmlcov
	find $(PACKAGES) tests -name __pycache__ -type d -prune -exec rm -rf {} +
