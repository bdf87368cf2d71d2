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

# About an hour in one process; then the long run (tests/soak): real processes that are
# killed, developers over HTTP, 2000 requests within half an hour. `make soak N=500` is
# the long run alone with so many requests, within five minutes (a busy machine accepts
# fewer in that time, and says so); N=10000 within three hours. SECONDS=600 for another
# bound of its chaos, SEED=2 for another course. Its figures stand in .run/soak.json
# and .run/soak.md, and KEEP=folder keeps logs and tables if a promise was not kept.
# Of the first part: SOAK_EXAMPLES=3000 courses of the machine, SOAK_PAIR_SECONDS=0 for
# every pair of deaths, another SOAK_SEED for other pairs first.
soak: env ## Prove the promises: long courses, pairs of deaths, a long run (N=500: only it)
	@$(if $(N),,SOAK=1 SOAK_EXAMPLES=$(or $(SOAK_EXAMPLES),400) \
	  SOAK_PAIR_SECONDS=$(or $(SOAK_PAIR_SECONDS),900) \
	  $(PY) -m pytest -q --durations=10 tests/reliability tests/test_profiles.py tests/soak)
	@$(PY) -m tests.soak -n $(or $(N),2000) $(if $(SECONDS),--seconds $(SECONDS)) \
	  --seed $(or $(SEED),1) $(if $(KEEP),--keep $(KEEP))

mutants: env ## Put each of twelve known bugs into a copy of the code: a test must notice
	@$(PY) -m tests.mutants

# N developers, 2N requests, N/10 outbox rows, 10N requests behind the pages; 100000
# takes hours on two cores. Less of it: PART=mirror or pages, DATABASE=sqlite or
# postgres, ROUNDS=1, QUEUE=500. The figures are kept in .run/bench.json. Two parts have
# a size of their own: PART=out, one web process and one worker against three of each;
# PART=load, 50 pages and 20 logins a second while the Dashboard hangs (PACE=0.5: half).
bench: env ## Measure mirror, pages, more processes, load (make bench N=10000 for less)
	@$(PY) -m tests.bench $(PART) -n $(or $(N),100000) --rounds $(or $(ROUNDS),3) \
	  $(if $(QUEUE),--queue $(QUEUE)) $(if $(DATABASE),--database $(DATABASE)) \
	  $(if $(PACE),--pace $(PACE))

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
