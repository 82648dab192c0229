# One name for each chore, for people and for CI alike. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: up pages-or-none test bench bench-ui chaos lint types pages schema frontend replay rebuild help unit integration sweep whole browser install

# settings of this machine: see .env.example
-include .env
$(foreach name,$(filter PROXIMITY_%,$(.VARIABLES)),$(eval export $(name)))

# many processes start from the same sources: they are compiled once, whatever this machine says otherwise
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
STAMP := .venv/.installed
MEMBERS := $(wildcard packages/*/pyproject.toml services/*/pyproject.toml)
CODE := packages services tests benchmarks
NPM := npm --prefix frontend --no-update-notifier
MODULES := frontend/node_modules/.installed
PAGES := frontend/build/index.html
SOURCES := $(shell find frontend/src frontend/static -type f) $(wildcard frontend/*.config.*) frontend/tsconfig.json

up: ## run Proximity on this machine until Ctrl-C
	@# a first start waits for the longer of the two installations, not for both
	@$(MAKE) --no-print-directory -j2 $(STAMP) pages-or-none
	@exec $(BIN)/proximity up

pages-or-none:
	@# without its pages it still runs, and says there how to get them
	@{ .ci/node && $(MAKE) --no-print-directory $(PAGES); } || echo "Going on without the pages." >&2

test: ## everything that CI runs, fast checks first
	@# two processors have room for two of these, and for both installations; what each says stays together
	$(MAKE) -j2 --output-sync=target lint types frontend $(PAGES)
	$(MAKE) unit
	$(MAKE) -j2 --output-sync=target integration sweep
	$(MAKE) whole

bench: $(STAMP) ## the figures the design promises, beside their floors
	@$(BIN)/python benchmarks/run.py

bench-ui: $(STAMP) $(PAGES) ## what the pages weigh and cost in a browser, beside what was promised
	@$(BIN)/python benchmarks/run.py pages

TRIALS ?= 20
chaos: $(STAMP) ## strike a whole stack of real processes: make chaos SEED=n TRIALS=n STACKS=n
	@PYTHONPATH=tests $(BIN)/python -m chaos --trials $(TRIALS) $(if $(SEED),--seed $(SEED)) $(if $(STACKS),--stacks $(STACKS))

lint: $(STAMP) ## style, import rules, the recipes of the catalog, what containers are made of
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/lint-imports --no-cache
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml deploy/nats-cluster/compose.yaml
	$(BIN)/compose-lint check --quiet --skip-suppressed --strict-config --config deploy/compose-lint.yml --fail-on low compose.yaml
	$(BIN)/pytest -q tests/unit/catalog tests/unit/test_environment.py tests/unit/test_members.py tests/compose/test_promises.py

types: $(STAMP) ## mypy --strict
	$(BIN)/mypy $(CODE)

pages: $(PAGES) ## build the pages that `make up` serves

schema: $(STAMP) $(MODULES) ## write the frontend's types anew from the routes of the api
	@$(BIN)/python -m proximity_api.document > frontend/openapi.json
	@$(NPM) run --silent types

frontend: $(STAMP) $(MODULES) ## the frontend's types, style and tests
	@$(BIN)/python -m proximity_api.document > frontend/openapi.json
	@$(NPM) run --silent types -- --check || { echo "The api has changed: run make schema." >&2; exit 1; }
	$(NPM) run --silent lint
	$(NPM) run --silent check
	$(NPM) run --silent test

unit: $(STAMP)
	$(BIN)/pytest -q -n 2 --dist loadfile tests/unit

integration: $(STAMP)
	# most of them wait for other processes most of the time: more of them than there are processors
	@# with the plus its progress is shown at once, also where another target runs beside it
	+$(BIN)/pytest -q -n 6 --dist worksteal $(wildcard tests/replay tests/conformance tests/integration)

sweep: $(STAMP) ## every fault at every point of every operation, and a flaky cluster, under virtual time
	# it measures time by a clock of its own, so it takes what processors the others leave
	nice $(BIN)/pytest -q -n 2 tests/sweep tests/reality

whole: $(STAMP) $(PAGES)
	# they wait for Proxmox as long as they keep a processor busy, so there are more of them than processors; those that
	# wait most come first
	$(BIN)/pytest -q -n 4 --dist loadfile tests/browser tests/chaos tests/e2e tests/compose

browser: $(STAMP) $(PAGES) ## every page and every story in a real browser
	$(BIN)/pytest -q -n 2 --dist loadfile tests/browser

GOLDEN ?= tests/replay/golden.json
replay: $(STAMP) ## recorded answers of a real Proxmox VE against the simulator's: make replay GOLDEN=file
	@PYTHONPATH=tests $(BIN)/python -m replay $(GOLDEN) $(AREAS)

rebuild: $(STAMP) ## fold the read model of the running Proximity anew from the log
	@$(BIN)/proximity rebuild

install: $(STAMP) ## .venv with everything needed; the other targets do it by themselves

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock $(MEMBERS)
	@.ci/install

$(MODULES): frontend/package-lock.json
	@.ci/node
	@echo "Installing what frontend/package-lock.json pins (once)." >&2
	@$(NPM) ci --silent
	@touch $@

$(PAGES): $(MODULES) $(SOURCES)
	@echo "Building the pages." >&2
	@mkdir -p frontend/.svelte-kit
	@$(NPM) run --silent build >frontend/.svelte-kit/build.log 2>&1 || { cat frontend/.svelte-kit/build.log >&2; exit 1; }
