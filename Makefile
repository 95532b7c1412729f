# Everything one can do here. Needs Python 3.11 or newer; the rest comes into .venv and web/node_modules by itself.

PYTHON ?= python3
UV ?= uv
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
LOCK := $(UV) pip compile pyproject.toml --generate-hashes --universal --python-version 3.11 \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet
BROKERS := rabbitmq nats redis kafka
UNLOCATED := node -p 'const lock = require("./package-lock.json"); for (const one of Object.values(lock.packages)) { delete one.funding; delete one.resolved; } JSON.stringify(lock, null, 2)'
DESK := $(wildcard web/*.html web/*.json web/vite.config.ts) $(shell find web/src web/public ! -name graphql-env.d.ts)

# Node and npm out of a wheel go before those of this machine, which are too old where there is such a folder.
export PATH := $(CURDIR)/.venv/node:$(PATH)
NODE_FITS := npm --version >/dev/null 2>&1 && node -e 'const [major, minor] = process.versions.node.split(".").map(Number); \
	process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null
# Who has no network learns it in seconds, not minutes.
HASTY := --fetch-retries=1 --fetch-retry-mintimeout=500 --fetch-retry-maxtimeout=1000

.DEFAULT_GOAL := help
.PHONY: help run web test check fix bench schema docs lock clean

help: ## List what one can do
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 10

run: .venv/runtime ## Start the shop with its demo catalogue, and its desk
	@$(MAKE) --no-print-directory web || echo "The desk could not be built, for the reason above; the server starts as it is."
	@exec $(BIN)/python server.py serve --demo

web: web/dist/index.html ## Build the desk: the pages that the server shows at /
	@:

test: .venv/dev ## Run the tests
	@$(MAKE) --no-print-directory web || echo "The desk could not be built, for the reason above; the tests that need it will say so."
	@exec $(BIN)/python -m pytest -n auto $(TESTS)

check: .venv/dev web/node_modules/.locked ## Format, lint, types, walls, the API against its contract, locks
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python server.py schema --check
	$(BIN)/python -m pytest --quiet --no-header tests/test_locks.py
	cd web && npm run --silent check

fix: .venv/dev web/node_modules/.locked ## Format, and repair what can be repaired without thought
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .
	cd web && npm run --silent fix

bench: .venv/dev ## Measure, with the ceiling of this machine beside each number
	@exec $(BIN)/python -m benchmarks

schema: .venv/runtime ## Write what is made from the code: GraphQL schema, map, settings
	@exec $(BIN)/python server.py schema

docs: .venv/dev ## Write the generated pages of the documentation
	@exec $(BIN)/python server.py schema

lock: ## Resolve the dependencies anew (needs uv and npm)
	$(LOCK) -o requirements/runtime.txt
	$(LOCK) --extra dev $(BROKERS:%=--extra %) -o requirements/dev.txt
	for extra in web otel postgres $(BROKERS); do $(LOCK) --extra $$extra -o requirements/$$extra.txt || exit; done
	for folder in tests/clients web; do \
		(cd $$folder && npm install --package-lock-only --ignore-scripts --no-audit --no-fund && $(UNLOCATED) > lock.new && mv lock.new package-lock.json) || exit; \
	done

clean: ## Remove what was installed, cached or measured; never the data
	rm -rf .venv web/dist web/node_modules test-results .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage* htmlcov dist
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

# The desk. Its lock is compared by what it says: a copy of the folder needs no installation of its own.
web/node_modules/.locked: web/package-lock.json
	@{ $(NODE_FITS); } || $(MAKE) --no-print-directory .venv/node
	@cmp -s $< $@ || { echo "Installing what the desk is built with ..."; \
		cd web && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error $(HASTY) >/dev/null; }
	@cp $< $@

web/dist/index.html: $(DESK) web/node_modules/.locked
	@echo "Building the desk ..."
	@{ $(NODE_FITS); } || $(MAKE) --no-print-directory .venv/node
	@cd web && npm run --silent build -- --logLevel error --outDir node_modules/.dist --emptyOutDir
	@gzip -9 -k -r web/node_modules/.dist/assets
	@rm -rf web/dist && mv web/node_modules/.dist web/dist

.venv/node: requirements/web.txt | .venv/bin/python
	@echo "Installing Node ..."
	@$(PIP) install --require-hashes -r $<
	@mkdir -p $@ && ln -sf ../bin/node ../bin/npm $@ && touch $@
