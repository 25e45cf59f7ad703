# Each target sets up what it needs: Python 3.11 and make are enough on a fresh machine.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH := $(VENV)/.ready-to-bench
SDKS := tests/sdks/node_modules/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test check dev bench property docs clean

help: ## List the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Footfall needs Python 3.11: '$(PYTHON)' was not found. Install it, or name it: make PYTHON=/path/to/python3.11 …"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

# SDKs of Node and of browsers, which the collector is tested with; without npm their tests are skipped
$(SDKS): tests/sdks/package-lock.json
	@if command -v npm >/dev/null; then cd tests/sdks && npm ci --ignore-scripts --no-audit --no-fund --silent && touch node_modules/.ready; \
	else echo "npm was not found: tests with SDKs of Node and of browsers are skipped."; fi

# what our questions are measured against, and is too large for everybody
$(BENCH): benchmarks/requirements.lock $(READY)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r benchmarks/requirements.lock
	@touch $@

demo: $(READY) ## Load the bundled real data, build, publish, and print what to look at.
	@$(BIN)/footfall demo

test: $(READY) $(SDKS) ## Run every test.
	@$(BIN)/python -m pytest

check: $(READY) ## Lint and type-check; SQL that was found clean is looked at again when it, or what it is rendered with, changes.
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m tests.conventions.lint_sql

dev: $(READY) ## Open Dagster on http://127.0.0.1:3000.
	@$(BIN)/footfall dev

bench: $(BENCH) ## Measure every performance claim (long).
	@$(BIN)/python -m benchmarks

property: $(READY) ## The long run of the property tests: zero drift, hostile histories, and those of Hypothesis, drawn anew.
	@FOOTFALL_PROPERTY_HISTORIES=5000 $(BIN)/python -m pytest tests/end_to_end/test_zero_drift.py tests/end_to_end/test_hostile_histories.py
	@FOOTFALL_PROPERTY_HISTORIES=5000 $(BIN)/python -m pytest -m hypothesis

docs: $(READY) ## Write docs/metrics from the metrics' cards, the dashboards' exposures, and the dbt documentation as one offline page.
	@$(BIN)/python -m orchestration.metric_pages
	@$(BIN)/footfall dashboards exposures
	@$(BIN)/dbt docs generate --static && echo "open target/static_index.html"

clean: ## Remove what can be made again, but never a home with data in it.
	@rm -rf target logs .pytest_cache .mypy_cache .ruff_cache .sqlfluff_cache
