# Two commands for a newcomer: make demo, make test. Everything they need is set up by themselves.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export TPMA_HOME ?= var

.DEFAULT_GOAL := help
.PHONY: help demo test check setup setup-dev system format messages clean

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: setup ## run one whole campaign on this machine, then serve it
	@$(BIN)/tpma demo

test: setup-dev ## the whole test suite
	@$(BIN)/pytest -n 2 --dist loadgroup

check: setup-dev ## lint, types, import contracts, migrations, catalogs
	$(BIN)/ruff check tpma tests migrations
	$(BIN)/ruff format --check tpma tests migrations
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tpma check

setup: system $(VENV)/.core ## virtual environment with what tpma needs to run
setup-dev: system $(VENV)/.dev

system: ## system libraries and fonts WeasyPrint needs, by apt-get where allowed
	@deploy/system-packages.sh

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "tpma needs Python 3.11 or newer; $(PYTHON) is older. Set PYTHON=python3.12, for example."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv is missing: apt-get install python3-venv"; exit 1; }

$(VENV)/.core: $(BIN)/python pyproject.toml
	@echo "Installing tpma into $(VENV) (once, about a minute)…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml
	@echo "Installing tpma and its test tools into $(VENV) (once, about two minutes)…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $(VENV)/.core $@

format: setup-dev ## format and fix what can be fixed
	$(BIN)/ruff check --fix tpma tests migrations
	$(BIN)/ruff format tpma tests migrations

messages: setup-dev ## extract the interface's strings and update the catalogs
	$(BIN)/pybabel -q extract -F pyproject.toml -k gettext -k _ -k lazy -k ngettext:1,2 -k pgettext:1c,2 --no-location --sort-output --omit-header --width 98 -o locales/tpma.pot .
	$(BIN)/pybabel -q update -D tpma -i locales/tpma.pot -d locales --no-fuzzy-matching --omit-header --width 98

clean: ## remove the environment and the demo's data
	rm -rf $(VENV) var build dist
