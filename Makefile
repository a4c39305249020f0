# Commands of the template; `make help` lists them. Needs git, make and Python 3.11 or newer; everything else it installs
# into .venv, pinned with hashes.
.DEFAULT_GOAL := help
VENV := .venv
# Relative, since a path may have spaces.
BIN := $(VENV)/bin
PYTHON ?= python3
# The tests run each tool from the environment, whatever else is on PATH.
export PATH := $(CURDIR)/$(BIN):$(PATH)

PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement
# A test that waits for ever ends here: its stack is shown, and the others go on.
HUNG := -o faulthandler_timeout=600 -o faulthandler_exit_on_timeout=true
# Progress is shown on the way; at the end, what took longest.
SLOWEST := --durations=10 --durations-min=1
OURS := docs hooks tests template/scripts
PRODUCT_COMMANDS := $(shell grep -sl '^\#!/usr/bin/env python3' template/scripts/* )

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: new
new: $(VENV)/new ## Generate a product: DEST=../my-platform [ARGS=--defaults]
	@$(if $(DEST),,$(error say where to: make new DEST=../my-platform))NEW_ARGUMENTS="$$ARGS" $(BIN)/python -m hooks.new "$(DEST)"

.PHONY: test
test: $(VENV)/test ## Run the quick tests; they need only Python packages
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup -m "not slow" $(SLOWEST) $(HUNG) $(TESTS)

.PHONY: test-slow
test-slow: $(VENV)/test ## Run the slow ones: every product, real servers, updates
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup -m slow $(SLOWEST) $(HUNG) $(TESTS)

.PHONY: actionlint
actionlint: $(VENV)/test ## Install actionlint with Go; tests use it where it is there
	@test -x $(BIN)/actionlint || GOBIN="$(CURDIR)/$(BIN)" go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

.PHONY: test-life
test-life: $(VENV)/test ## Live through updates, with real git; writes docs/updates.md
	$(BIN)/python -m pytest tests/life --numprocesses 2 --dist loadgroup $(TESTS)

.PHONY: test-any
test-any: $(VENV)/test ## Try random answers, faults and races [ANY_CASES=10000]
	$(BIN)/python -m pytest --numprocesses 2 tests/any $(TESTS)

.PHONY: test-terraform
test-terraform: $(VENV)/test ## Run Terraform, OpenTofu and scanners (builds them, Go)
	$(BIN)/python -m pytest tests/terraform $(TESTS)

.PHONY: test-apply
test-apply: $(VENV)/test ## Apply to a stand-in for Azure, by azurerm itself (Go, npm)
	$(BIN)/python -m pytest tests/apply --numprocesses 2 --dist loadfile $(TESTS)

.PHONY: test-jenkins
test-jenkins: $(VENV)/test ## Run Jenkins' pipelines on its own Groovy (Java, Maven)
	$(BIN)/python -m pytest tests/jenkins $(TESTS)

.PHONY: test-signatures
test-signatures: $(VENV)/test ## Sign images with cosign itself (Go, docker-registry)
	$(BIN)/python -m pytest tests/signatures --numprocesses 2 $(TESTS)

.PHONY: test-renovate
test-renovate: $(VENV)/test ## Let Renovate itself read the pinned versions (npm)
	$(BIN)/python -m pytest tests/renovate $(TESTS)

.PHONY: test-live
test-live: $(VENV)/test ## Run the loop on a real cluster (Debian, root)
	$(BIN)/python -m pytest tests/live --ignore=tests/live/test_scale.py --ignore=tests/live/test_previews.py --capture=no $(TESTS)

# The two halves of the above, for machines with little time.
.PHONY: test-live-loop
test-live-loop: override TESTS += --ignore-glob=*/test_service_*.py
test-live-loop: test-live

.PHONY: test-live-services
test-live-services: $(VENV)/test
	$(BIN)/python -m pytest tests/live/test_service_*.py --capture=no $(TESTS)

.PHONY: test-laptop
test-laptop: $(VENV)/test ## Run `make local` with Docker, kind and Helm (Debian, root)
	$(BIN)/python -m pytest tests/laptop --capture=no $(TESTS)

.PHONY: test-previews
test-previews: $(VENV)/test ## Run previews on a real cluster (as test-live)
	$(BIN)/python -m pytest tests/live/test_previews.py --capture=no $(TESTS)

.PHONY: test-scale
test-scale: $(VENV)/test ## Run a hundred services on a real cluster (as test-live)
	$(BIN)/python -m pytest tests/live/test_scale.py --capture=no $(TESTS)

.PHONY: reference
reference: $(VENV)/test ## Write docs/questions.md, docs/cost.md, costs in README.md
	$(BIN)/python -m docs.tools.questions
	$(BIN)/python -m docs.tools.costs

.PHONY: prices
prices: $(VENV)/test ## Renew includes/prices.json from Azure's public price list
	$(BIN)/python -m docs.tools.prices

.PHONY: docs
docs: $(VENV)/docs ## Build the site into build/site, with an example product
	$(BIN)/python -m docs.tools.example
	$(BIN)/zensical build --clean --strict

.PHONY: test-site
test-site: $(VENV)/test docs ## Look at the site with a real browser (Chromium)
	$(BIN)/python -m pytest tests/site $(TESTS)

.PHONY: session
session: $(VENV)/docs ## Record docs/session.svg anew, from commands that run
	$(BIN)/python -m docs.tools.session

.PHONY: bench
bench: $(VENV)/bench ## Measure generation, checks, updates [ARGS=--quick]
	$(BIN)/python -m tests.bench $(ARGS)

.PHONY: coverage
coverage: $(VENV)/test ## Write docs/coverage.md: which answer set exercises what
	$(BIN)/python -m tests.any.coverage

.PHONY: lint
lint: $(VENV)/test ## Check our own code
	$(BIN)/ruff check $(OURS) $(PRODUCT_COMMANDS)
	$(BIN)/ruff format --check $(OURS) $(PRODUCT_COMMANDS)
	MYPYPATH=template/scripts $(BIN)/mypy docs hooks tests
	cd template/scripts && mypy --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache gitops checks cloud
	@for command in $(PRODUCT_COMMANDS); do MYPYPATH=template/scripts $(BIN)/mypy --scripts-are-modules $$command || exit 1; done
	$(BIN)/yamllint --strict .
	$(BIN)/zizmor --quiet --offline --persona=pedantic .github

.PHONY: format
format: $(VENV)/test ## Format our own code
	$(BIN)/ruff format $(OURS) $(PRODUCT_COMMANDS)
	$(BIN)/ruff check --fix $(OURS) $(PRODUCT_COMMANDS)

.PHONY: paths
paths: $(VENV)/test ## Note the paths of a version, which later ones keep
	$(BIN)/python -m tests.paths

.PHONY: lock
lock: ## Pin the newest versions for requirements/*.in (uv)
	@for name in bench docs new scan test; do \
		cd "$(CURDIR)/requirements" && uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
			--no-emit-index-url --no-header --no-annotate --output-file $$name.txt $$name.in && \
		sed -i "1i # Made from $$name.in by \`make lock\`." $$name.txt || exit 1; \
	done

.PHONY: clean
clean: ## Remove what the other commands have made
	rm -rf $(VENV) build .hypothesis .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3 …")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/new: requirements/new.txt | $(VENV)/bin/python
	@echo "Setting up $(VENV) ..."
	@$(PIP_INSTALL) $<
	@touch $@

$(VENV)/test: requirements/test.txt | $(VENV)/bin/python
	@echo "Setting up $(VENV) for the tests ..."
	@$(PIP_INSTALL) $<
	@touch $@ $(VENV)/new

$(VENV)/docs: requirements/docs.txt | $(VENV)/bin/python
	@echo "Setting up $(VENV) for the site ..."
	@$(PIP_INSTALL) $<
	@touch $@

$(VENV)/bench: requirements/bench.txt $(VENV)/test
	@$(PIP_INSTALL) $<
	@touch $@
