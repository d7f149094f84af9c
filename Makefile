# make demo            the whole thing on this machine, with sample data; PORT=8001 for another port
# make test            every check and every test; BROWSER=0 leaves the browser tests out
# make services-test   the tests that need a real Kafka, PostgreSQL and Redis, which they start themselves
# make lock            pin all requirements, with hashes, in requirements.lock
# Needed: make and Python 3.11 or later.

.DEFAULT_GOAL := help
.PHONY: help demo test services-test lock python browser

PORT ?= 8000
BROWSER ?= 1
LOCKED ?= 0
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
BIN := .venv/bin
SAFE := FLOWX_PRODUCTION=true DEBUG=false ALLOWED_HOSTS=flows.example.com DATABASE_URL=postgres://flowx@localhost/flowx \
	SECRET_KEY=only-for-the-check-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFG

help:
	@sed -n '1,5s/^# //p' Makefile

demo: .venv/ready-to-run
	@exec $(BIN)/python manage.py demo --port "$(PORT)"

# All checks run, so that one run tells all that is wrong.
test: .venv/ready-to-test browser
	@failed=; check() { echo "$$1"; shift; "$$@" || failed=1; }; \
	check "ruff" $(BIN)/ruff check --quiet .; \
	check "ruff format" $(BIN)/ruff format --quiet --check .; \
	check "mypy" $(BIN)/mypy --no-error-summary; \
	check "import-linter" $(BIN)/lint-imports --no-cache --no-logo; \
	check "migrations" env DATABASE_URL=sqlite://:memory: $(BIN)/python manage.py makemigrations --check --dry-run; \
	check "deploy checks" env $(SAFE) $(BIN)/python manage.py check --deploy --fail-level WARNING; \
	check "pytest" env BROWSER=$(BROWSER) $(BIN)/pytest -q -n 2 --dist worksteal; \
	test -z "$$failed"

services-test: .venv/ready-to-test
	@SERVICES=1 BROWSER=$(BROWSER) $(BIN)/pytest -q tests/services

lock: .venv/ready-to-test
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--upgrade requirements-dev.txt --output-file requirements.lock

# A browser is had in two ways: it is there, or Playwright can fetch its own.
browser: .venv/ready-to-test
	@test "$(BROWSER)" = 0 || $(BIN)/python -m tests.browsers >/dev/null 2>&1 \
		|| $(BIN)/playwright install chromium >/dev/null 2>&1 || true
	@test "$(BROWSER)" = 0 || $(BIN)/python -m tests.browsers >/dev/null

# Python itself, then the environment, then what is to be installed in it; each is made again when its list changes.
python:
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or later is needed: install it, or name one with PYTHON=/path/to/python3.11." >&2; exit 1; }

.venv/made: | python
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 || { rm -rf .venv; \
		echo "$(PYTHON) makes no virtual environment: install its venv module (Debian, Ubuntu: python3-venv)." >&2; exit 1; }
	@touch $@

.venv/ready-to-run: requirements.txt .venv/made
	@echo "Installing what the program needs (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/ready-to-test: requirements.txt requirements-dev.txt requirements.lock .venv/made
	@echo "Installing what the tests need (once) ..."
	@if test "$(LOCKED)" = 1; \
		then $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; \
		else $(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt; fi
	@touch $@
