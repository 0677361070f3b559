# Every habit of the house. `make demo` and `make test` build what they need; the second run starts at once.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
READY := .venv/.ready
WORKERS ?= 2

.PHONY: help env demo test check format bench conformance sql-cases lock clean
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

env: $(READY) ## make the environment in .venv
$(READY): pyproject.toml requirements-dev.lock guardrails/masking/detect/tagger/_core.c
	@test -n "$(PYTHON)" || { echo "gloveport needs Python 3.11 or newer on PATH" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@mkdir -p .venv/src && ln -sfn ../.. .venv/src/gloveport # where pyright finds the package
	@touch $(READY)

demo: env ## the main job on an embedded database, in a terminal
	@$(BIN)/gloveport demo $(ARGS)

test: env ## all tests
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

check: env ## format, lint, types, import arrows, packaging
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_house.py

format: env ## write the format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: env ## every figure of the README; ONLY=name for one
	$(BIN)/python -m benchmarks $(ONLY)

conformance: env ## the official MCP suite, one line per revision
	@$(BIN)/python scripts/conformance.py --setup && $(BIN)/python scripts/conformance.py

sql-cases: env ## attacks and benign queries on twin databases, through the MCP door
	@$(BIN)/python scripts/sql_cases.py $(ARGS)

# every extra but `search`, whose model library brings gigabytes that no test here needs
LOCKED := langchain postgresql mysql duckdb export compiled # not search: its model library alone is gigabytes
lock: ## write requirements-dev.lock anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml $(addprefix --extra ,$(LOCKED)) --group dev --universal --quiet --no-annotate \
		--custom-compile-command "make lock" -o requirements-dev.lock

clean: ## remove what was built
	rm -rf .venv build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .cache
