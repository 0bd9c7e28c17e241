# The two commands: `make up` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
ENV ?= prod
BIN := .venv/bin
PIP_FLAGS := --quiet --disable-pip-version-check --require-hashes
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: up
up: install ## Deploy the whole platform to a local AWS and leave it serving
	@richesreach up

.PHONY: down
down: .venv/installed ## Stop everything that `make up` started
	@richesreach down

.PHONY: status
status: .venv/installed ## Show what runs and whether it serves
	@richesreach status

.PHONY: logs
logs: .venv/installed ## List the logs; `richesreach logs NAME` shows one
	@richesreach logs

.PHONY: test
test: install .venv-images/installed ## Run every test; acceptance starts the platform itself where it does not run
	@$(MAKE) --no-print-directory --keep-going --jobs=3 --output-sync=target \
		test-core test-stacks test-each-service test-acceptance test-ops

.PHONY: test-stacks test-ops test-services test-each-service test-core test-acceptance
test-stacks:
	@echo "tests/stacks, tests/bench" && $(BIN)/python -m pytest tests/stacks tests/bench

test-ops: .venv-images/installed
	@echo "tests/ops, tests/lambda_" && $(BIN)/python -m pytest tests/ops tests/lambda_

test-services:
	@echo "tests/services" && .venv-services/bin/python -m pytest tests/services

# The services' tests wait for servers most of the time: in two halves they take little more than the longer one,
# and what waits most begins first, so that no processor is idle at the end.
test-each-service:
	@echo "tests/services/*" && .venv-services/bin/python -m pytest $(filter-out %/__pycache__/,$(wildcard tests/services/*/))

test-core:
	@echo "tests/services/test_*.py" && .venv-services/bin/python -m pytest tests/services/test_*.py

# After the stacks: both take what processors there are.
test-acceptance: | test-stacks
	@echo "tests/acceptance" && $(BIN)/python -m pytest tests/acceptance

.PHONY: bench
bench: install ## Measure the rows of docs/benchmarks.md beside their rivals into bench/; ROWS='synth-areas' for some
	@$(BIN)/python -m tests.bench $(ROWS)

.PHONY: bench-ai
bench-ai: install ## Measure the AI router beside other gateways into bench/ai/; RIVALS='litellm' for some
	@PYTHON=$(PYTHON) tests/bench/gateways/install
	@$(BIN)/python -m tests.bench.ai $(RIVALS)

.PHONY: bench-ticks
bench-ticks: install ## Measure ticks from source to online feature, and the highest rate, into bench/ticks/ (fetches Kafka from Maven Central)
	@$(BIN)/python -m tests.bench.ticks

.PHONY: drill
drill: install ## Deploy over three regions, halt, kill, resume, destroy: on a platform of its own, for minutes
	@$(BIN)/python -m pytest tests/drill

.PHONY: drill-data
drill-data: .venv-services/installed ## Kill the cache's primary and the database's writer under load; print what users notice
	@.venv-services/bin/python -m pytest -s tests/drill_data

.PHONY: drill-ai
drill-ai: .venv-services/installed ## Spend one AI budget from replicas in two regions and kill some; print what the books say and cost
	@.venv-services/bin/python -m pytest -s tests/drill_ai

.PHONY: chaos-ai
chaos-ai: .venv-services/installed ## The AI router amid failing providers: success with fallbacks and without; REQUESTS=400 a row
	@.venv-services/bin/python tests/services/ai_router/chaos.py $(or $(REQUESTS),200)

.PHONY: test-feast
test-feast: .venv-services/installed .venv-feast/installed ## Apply the Feast registry to a Postgres, and compare it with the features service
	@.venv-services/bin/python -m pytest tests/feast

.PHONY: bench-features
bench-features: .venv-services/installed .venv-feast/installed ## Read features beside Feast's SDK into bench/features.md; ROUNDS=15
	@.venv-services/bin/python tests/services/features/bench_features.py $(or $(ROUNDS),15)

.PHONY: feature-catalogue
feature-catalogue: .venv-services/installed ## Write services/feast/catalogue.json of the feature views
	@cd services && ../.venv-services/bin/python -m richesreach.features.catalogue

.PHONY: test-rules
test-rules: .venv/installed ## Run the services' metric rules in Prometheus (fetches promtool from Debian)
	@ops/promtool
	@$(BIN)/python -m pytest tests/rules

.PHONY: drill-ticks
drill-ticks: .venv-services/installed ## Kill market-data, broker and stream under ticks, and count: nothing lost, bars equal (fetches Kafka from Maven Central)
	@ops/kafka
	@.venv-services/bin/python -m pytest -s tests/drill_ticks

.PHONY: test-kafka
test-kafka: .venv-services/installed ## Run the stream's tests on Apache Kafka, and kill it (fetches Kafka from Maven Central)
	@ops/kafka
	@.venv-services/bin/python -m pytest -s tests/kafka

.PHONY: test-flink
test-flink: .venv/installed .venv-services/installed ## Run the Flink job beside the operator (fetches Kafka and jars from Maven Central)
	@$(MAKE) --no-print-directory .venv-flink/installed
	@ops/kafka
	@.venv-services/bin/python -m pytest -s --timeout 1800 tests/flink

.PHONY: flink-package
flink-package: .venv/installed ## Build the Flink job's package, as a deployment does (fetches jars from Maven Central)
	@$(BIN)/python -m ops.flink

.PHONY: test-collector
test-collector: .venv/installed ## Run the tasks' collector on its configuration (builds it with Go: minutes)
	@ops/collector/build
	@$(BIN)/python -m pytest tests/collector

.PHONY: lint
lint: install ## Formatting, lint, types, import contracts, and the workflows with zizmor
	@ruff check .
	@ruff format --check .
	@mypy
	@.venv-services/bin/mypy --config-file services/mypy.ini
	@.venv-services/bin/python services/proto/contracts.py --check
	@.venv-services/bin/python services/graphql/published.py --check
	@lint-imports
	@zizmor --offline --quiet --strict-collection .github

.PHONY: lock-check
lock-check: .venv/installed ## Compare what holds state in each environment with the lock of state
	@richesreach lock check

.PHONY: graphql-schema
graphql-schema: .venv-services/installed ## Publish the GraphQL schema of the code; refuses what breaks a client
	@.venv-services/bin/python services/graphql/published.py

.PHONY: fuzz
fuzz: .venv-services/installed ## Fuzz a running gateway by its OpenAPI document and GraphQL schema; EXAMPLES=500 each
	@.venv-services/bin/python tests/services/fuzzing.py $(or $(EXAMPLES),500)

.PHONY: proto
proto: .venv-services/installed ## Make the gRPC contracts' messages of services/proto; refuses what breaks a neighbour
	@.venv-services/bin/python services/proto/contracts.py

.PHONY: lint-workflows
lint-workflows: ## actionlint on the workflows (fetches it from the Go module proxy)
	@ops/actionlint

.PHONY: policy
policy: .venv/installed .venv-policy/installed ## Policy packs and tools on prod: findings, and everything accepted with its reason
	@$(BIN)/python -m ops.policy

.PHONY: synth
synth: install ## Synthesise ENV (default prod) into cdk.out/, without network or credentials
	@rm -rf cdk.out
	@RICHESREACH_ENV=$(ENV) CDK_OUTDIR=cdk.out $(BIN)/python app.py
	@echo "cdk.out: $$(ls cdk.out/*.template.json | wc -l) stacks of $(ENV)"

.PHONY: diff
diff: install ## What deploying ENV would change
	@richesreach cdk --env $(ENV) diff --no-notices

.PHONY: deploy
deploy: install ## Deploy ENV in waves; STACKS=eu-west-1 (regions, stacks) for some; ARGS for more options
	@richesreach deploy --env $(ENV) $(addprefix --only ,$(STACKS)) $(ARGS)

.PHONY: images
images: .venv/installed .venv-images/installed ## Build, run, list and audit every image; AUDIT=offline without advisories
	@richesreach images $(SERVICE) --audit $(or $(AUDIT),online)

.PHONY: lock
lock: .venv/installed ## Write the lock files anew from the *.in files
	@ops/lock

.PHONY: resource-coverage
resource-coverage: install ## Write docs/resource-coverage.md: each resource type and how it is tested
	@$(BIN)/python -m tests.stacks.resource_coverage

.PHONY: event-schemas
event-schemas: .venv-services/installed ## Write the next version of each topic's schema that its classes have changed
	@.venv-services/bin/python tests/services/event_schemas.py

.PHONY: plan-picture
plan-picture: install ## Take the picture of a plan that docs/delivery.md shows; needs Chromium
	@$(BIN)/python -m tests.stacks.plan_picture

.PHONY: clean
clean: ## Stop the platform and remove everything that is not in git
	@if [ -x $(BIN)/richesreach ]; then $(BIN)/richesreach down; fi
	@rm -rf .venv .venv-local .venv-services .venv-images .venv-policy .venv-feast .venv-flink node_modules cdk.out .local .deploy bench .bench-ai
	@rm -rf tests/bench/typescript/node_modules tests/bench/typescript/dist

# ---------------------------------------------------------------- environments
.PHONY: install
install: ## Install everything that the locks name
	@$(MAKE) --silent --no-print-directory --jobs=2 .venv/installed .venv-local/installed .venv-services/installed node_modules/installed

.PHONY: install-checks
install-checks: ## Install that, and what `make policy` and the tests of images need
	@$(MAKE) --silent --no-print-directory --jobs=2 .venv/installed .venv-local/installed .venv-services/installed node_modules/installed \
		.venv-policy/installed .venv-images/installed

define venv
	@echo "installing $(@D) from $<"
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "error: $(PYTHON) is no Python 3.11 to 3.13; run make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -m venv --clear $(@D) || { echo "error: no venv module; apt-get install python3-venv" >&2; exit 2; }
	@$(@D)/bin/python -m pip install $(PIP_FLAGS) -r $<
endef

.venv/installed: requirements.txt pyproject.toml
	$(venv)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv-local/installed: ops/local/requirements.txt
	$(venv)
	@touch $@

.venv-services/installed: services/requirements-dev.txt
	$(venv)
	@touch $@

.venv-policy/installed: ops/policy/requirements.txt
	$(venv)
	@touch $@

.venv-feast/installed: services/feast/requirements.txt
	$(venv)
	@touch $@

.venv-flink/installed: services/flink/requirements.txt
	$(venv)
	@touch $@

.venv-images/installed: ops/images/requirements.txt
	$(venv)
	@touch $@

node_modules/installed: package-lock.json .venv/installed
	@echo "installing node_modules from $<"
	@npm ci --no-audit --no-fund --silent
	@touch $@
