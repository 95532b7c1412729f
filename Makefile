# Everything one can do here. Needs Python 3.11 or newer; the rest comes into .venv by itself.

PYTHON ?= python3
UV ?= uv
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
LOCK := $(UV) pip compile pyproject.toml --generate-hashes --universal --python-version 3.11 \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet

.DEFAULT_GOAL := help
.PHONY: help run test check fix bench schema docs lock clean

help: ## List what one can do
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 10

run: .venv/runtime ## Start the shop with its demo catalogue
	@exec $(BIN)/python server.py serve --demo

test: .venv/dev ## Run the tests
	@exec $(BIN)/python -m pytest -n auto $(TESTS)

check: .venv/dev ## Format, lint, types, walls, the API against its contract, locks
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python server.py schema --check
	$(BIN)/python -m pytest --quiet --no-header tests/test_locks.py

fix: .venv/dev ## Format, and repair what can be repaired without thought
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

bench: .venv/dev ## Measure, with the ceiling of this machine beside each number
	@exec $(BIN)/python -m benchmarks

schema: .venv/runtime ## Write what is made from the code: GraphQL schema, map, settings
	@exec $(BIN)/python server.py schema

docs: .venv/dev ## Write the generated pages of the documentation
	@exec $(BIN)/python server.py schema

lock: ## Resolve the dependencies anew (needs uv)
	$(LOCK) -o requirements/runtime.txt
	$(LOCK) --extra dev -o requirements/dev.txt

clean: ## Remove what was installed, cached or measured; never the data
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage* htmlcov dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One environment. What a target needs is installed once, and again when its lock changes.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Dispensary needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	@$(PYTHON) -m venv .venv

.venv/runtime: requirements/runtime.txt | .venv/bin/python
	@echo "Installing what the server needs ..."
	@$(PIP) install --require-hashes -r $<
	@touch $@

.venv/dev: requirements/dev.txt | .venv/bin/python
	@echo "Installing what the tests and checks need ..."
	@$(PIP) install --require-hashes -r $<
	@touch $@ .venv/runtime
