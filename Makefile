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
.PHONY: help run test test-sqlite test-postgres browser soak screens check format env manage clean

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

soak: env ## Prove the promises for long: thousands of courses, every pair of deaths
	@SOAK=1 $(PY) -m pytest -q tests/reliability

screens: env ## Photograph the main job into docs/screens
	@PICTURES=docs/screens $(PY) -m tests.services.suite browser

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
