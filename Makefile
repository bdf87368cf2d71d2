# Two commands: `make run` and `make test`. They need Python 3.11+ and nothing else.
PYTHON ?= python3
BOOTSTRAP = $(PYTHON) -I portal_site/bootstrap.py
PY = .venv/bin/python

# What a production start must have; the values are examples for the checks only.
PRODUCTION = env DEBUG=false DOTENV=/dev/null DATA_DIR=/tmp/portal-deploy-check \
  PORTAL_BASE_URL=https://developers.example.com \
  SECRET_KEY=an-example-for-the-deploy-check-0123456789-abcdefghijklm \
  SEAL_KEYS=6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e \
  TYK_DASHBOARD_URL=https://dashboard.example.com TYK_API_KEY=example \
  REDIS_URL=redis://127.0.0.1:6379/0 DATABASE_URL=sqlite://:memory: \
  EMAIL_URL=smtp+tls://portal:example@mail.example.com:587 TRUSTED_PROXY_COUNT=1

.DEFAULT_GOAL := help
.PHONY: help run test test-sqlite test-postgres browser browser-all soak mutants bench screens check format env manage clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

run: ## Start the portal with everything it needs, in the foreground (Ctrl-C ends it)
	@$(BOOTSTRAP) run

test: env ## Run the tests on SQLite and PostgreSQL, and in a browser if there is one
	@$(PY) -m tests.services.suite

test-sqlite: env ## Run the tests on SQLite only
	@$(PY) -m tests.services.suite sqlite

test-postgres: env ## Run the tests on PostgreSQL only
	@$(PY) -m tests.services.suite postgres

browser: env ## Run the browser tests only (Chromium at /usr/bin/chromium or CHROMIUM=path)
	@$(PY) -m tests.services.suite browser

browser-all: env ## Every page in both themes, both widths and two brands
	@EVERY_LOOK=1 TEST_LEG_SECONDS=3600 $(PY) -m tests.services.suite browser

# One process, about an hour. For longer: SOAK_EXAMPLES=3000 courses of the machine,
# SOAK_PAIR_SECONDS=0 for every pair of deaths, another SOAK_SEED for other pairs first.
soak: env ## Prove the promises for an hour: long courses, pairs of deaths, every profile
	@SOAK=1 SOAK_EXAMPLES=$(or $(SOAK_EXAMPLES),400) \
	  SOAK_PAIR_SECONDS=$(or $(SOAK_PAIR_SECONDS),900) \
	  $(PY) -m pytest -q --durations=10 tests/reliability tests/test_profiles.py

mutants: env ## Put each of twelve known bugs into a copy of the code: a test must notice
	@$(PY) -m tests.mutants

# N developers, 2N requests, N/10 outbox rows, 10N requests behind the pages; 100000
# takes hours on two cores. Less of it: PART=mirror or pages, DATABASE=sqlite or
# postgres, ROUNDS=1, QUEUE=500. The figures are kept in .run/bench.json.
bench: env ## Measure the mirror and the pages at size (make bench N=10000 for less)
	@$(PY) -m tests.bench $(PART) -n $(or $(N),100000) --rounds $(or $(ROUNDS),3) \
	  $(if $(QUEUE),--queue $(QUEUE)) $(if $(DATABASE),--database $(DATABASE))

screens: env ## Photograph the pages into docs/screens, with an index
	@$(PY) -m tests.browser.gallery

check: env ## Format, lint, types, import contracts, migrations, deployment settings
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PRODUCTION) $(PY) -m mypy .
	.venv/bin/lint-imports --no-logo
	$(PRODUCTION) $(PY) manage.py makemigrations --check --dry-run
	$(PRODUCTION) $(PY) manage.py check --deploy --fail-level WARNING

format: env ## Format the code and mend what ruff can mend
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

env: ## Make or refresh .venv with everything for tests and checks
	@$(BOOTSTRAP) install --dev

manage: ## A manage.py command beside a running portal: make manage DO="outbox --json"
	@DOTENV=$(or $(DATA_DIR),.run)/environment $(PY) manage.py $(DO)

clean: ## Start over: remove DATA_DIR (.run) and .venv
	@$(BOOTSTRAP) clean
