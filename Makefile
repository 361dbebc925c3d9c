# Every verb of the project. `make` alone lists them.
# Paths are relative throughout, so the checkout may lie in a folder with spaces in its name.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup demo demo-sync load build refresh sync test fuzz lint format docs report bench start stop clean pins

BIN := .venv/bin
INSTALLED := .venv/.installed

help: ## list these verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

setup: $(INSTALLED) ## make the virtual environment .venv and install everything into it

# Nothing is installed again until one of these two files changes. Any Python from 3.11 on will do;
# PYTHON=… chooses one.
$(INSTALLED): pyproject.toml constraints.txt
	@set -e; \
	test -x $(BIN)/python || { \
		for candidate in "$$PYTHON" python3 python3.13 python3.12 python3.11; do \
			"$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
				&& found=$$candidate && break; \
		done; \
		test -n "$$found" || { \
			echo "Python 3.11 or newer is needed and was not found." >&2; \
			echo "  fix: install it, or name it: make setup PYTHON=/path/to/python3" >&2; exit 1; }; \
		"$$found" -c 'import ensurepip, venv' 2>/dev/null || { \
			echo "$$found cannot make virtual environments: its modules venv and ensurepip are missing." >&2; \
			echo "  fix: on Debian and Ubuntu, apt-get install python3-venv" >&2; exit 1; }; \
		echo "Making .venv with $$("$$found" --version)"; \
		"$$found" -m venv .venv || { rm -rf .venv; exit 1; }; \
	}
	@echo "Installing packages (a few minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt
	@touch $@

demo: $(INSTALLED) ## load the example files, build the marts and show them: start here
	@$(BIN)/omics demo

# The values reach the recipes through the environment, never through the text of a command: a
# folder may have any name.
load: $(INSTALLED) ## land files: make load DIR=folder [SOURCE=lipidomics]
	@test -n "$$DIR" || { echo "Which folder? make load DIR=folder [SOURCE=lipidomics]" >&2; exit 64; }
	@$(BIN)/omics load $${SOURCE:+"$$SOURCE"} --dir "$$DIR"

build: $(INSTALLED) ## build and test the marts with dbt
	@$(BIN)/omics build

refresh: $(INSTALLED) ## what a schedule runs: load, check freshness, build: make refresh DIR=folder
	@set -- $${DIR:+--dir "$$DIR"}; $(BIN)/omics refresh "$$@"

sync: $(INSTALLED) ## publish what changed: make sync [SERVICE=notion]
	@$(BIN)/omics sync apply $${SERVICE:+"$$SERVICE"}

demo-sync: $(INSTALLED) ## load, build and publish the examples to local stand-ins: no key needed
	@$(BIN)/python -m tests.standins demo

test: $(INSTALLED) ## run the tests: make test [ARGS="-k lock"]
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile \
		--no-loadscope-reorder $(ARGS)

fuzz: $(INSTALLED) ## spoil files of every format and read them: make fuzz [CASES=20000] [SEED=1]
	@$(BIN)/python -m tests.fuzz --cases "$${CASES:-20000}" --seed "$${SEED:-1}"

lint: $(INSTALLED) ## check style and types of Python and SQL, and that dbt understands the project
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint dbt_project
	@$(BIN)/dbt --quiet parse --project-dir dbt_project

format: $(INSTALLED) ## put Python and SQL in shape
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/sqlfluff fix dbt_project

# --static: one file that a browser opens without a server.
docs: $(INSTALLED) ## build the dbt site: models, columns, lineage from landing to what reads the marts
	@eval "$$($(BIN)/omics env)" && $(BIN)/dbt docs generate --static --project-dir dbt_project
	@echo "Open in a browser: dbt_project/target/static_index.html"

report: $(INSTALLED) ## write the quality report omics-report.html (needs the extra packages `report`)
	@$(BIN)/omics report

bench: $(INSTALLED) ## measure the budgets; writes docs/benchmarks.md
	@$(BIN)/python -m benchmarks $(ARGS)

start: $(INSTALLED) ## start the embedded Postgres (commands do so themselves when they need it)
	@$(BIN)/omics start

stop: $(INSTALLED) ## stop the embedded Postgres
	@$(BIN)/omics stop

clean: ## remove caches and build results; keeps .venv and the data in .warehouse
	@rm -rf build dist ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis logs
	@rm -rf dbt_project/target dbt_project/logs target
	@find . -name .venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# No "##": for whoever maintains the dependencies. Needs uv, which nothing else here does. Dagster
# holds coloredlogs below what the report gets, so everything with it is pinned a second time.
PIN := uv pip compile pyproject.toml --universal --python-version 3.11 --no-annotate --no-header \
	--no-emit-index-url --quiet

pins:
	@{ sed -n '/^#/p' constraints.txt; $(PIN) --upgrade --extra remote --extra report --extra mcp \
		--extra dev; } > constraints.txt.new && mv constraints.txt.new constraints.txt
	@sed '/^coloredlogs==/d' constraints.txt > constraints.common
	@{ sed -n '/^#/p' constraints-dagster.txt; $(PIN) --all-extras -c constraints.common; } \
		> constraints-dagster.txt.new && mv constraints-dagster.txt.new constraints-dagster.txt
	@rm constraints.common
