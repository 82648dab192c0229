# One name for each chore, for people and for CI alike. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: up test bench chaos lint types replay rebuild help fast sweep whole install

# settings of this machine: see .env.example
-include .env
$(foreach name,$(filter PROXIMITY_%,$(.VARIABLES)),$(eval export $(name)))

BIN := .venv/bin
STAMP := .venv/.installed
MEMBERS := $(wildcard packages/*/pyproject.toml services/*/pyproject.toml)
CODE := packages services tests benchmarks

up: $(STAMP) ## run Proximity on this machine until Ctrl-C
	@exec $(BIN)/proximity up

test: lint types fast sweep whole ## everything that CI runs, fast checks first

bench: $(STAMP) ## the figures the design promises, beside their floors
	@$(BIN)/python benchmarks/run.py

TRIALS ?= 20
chaos: $(STAMP) ## strike a whole stack of real processes: make chaos SEED=n TRIALS=n STACKS=n
	@PYTHONPATH=tests $(BIN)/python -m chaos --trials $(TRIALS) $(if $(SEED),--seed $(SEED)) $(if $(STACKS),--stacks $(STACKS))

lint: $(STAMP) ## style, import rules, the recipes of the catalog
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest -q tests/unit/catalog

types: $(STAMP) ## mypy --strict
	$(BIN)/mypy $(CODE)

fast: $(STAMP)
	$(BIN)/pytest -q -n 2 --dist loadfile tests/unit
	# most of them wait for other processes most of the time: more of them than there are processors
	$(BIN)/pytest -q -n 6 --dist worksteal $(wildcard tests/replay tests/conformance tests/integration)

sweep: $(STAMP) ## every fault at every point of every operation, and a flaky cluster, under virtual time
	$(BIN)/pytest -q -n 2 tests/sweep tests/reality

whole: $(STAMP)
	$(BIN)/pytest -q -n 3 --dist loadfile $(wildcard tests/e2e tests/chaos)

GOLDEN ?= tests/replay/golden.json
replay: $(STAMP) ## recorded answers of a real Proxmox VE against the simulator's: make replay GOLDEN=file
	@PYTHONPATH=tests $(BIN)/python -m replay $(GOLDEN) $(AREAS)

rebuild: $(STAMP) ## fold the read model of the running Proximity anew from the log
	@$(BIN)/proximity rebuild

install: $(STAMP) ## .venv with everything needed; the other targets do it by themselves

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock $(MEMBERS)
	@.ci/install
