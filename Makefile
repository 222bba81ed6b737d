# The commands of a newcomer and of the gate. Needs Python >= 3.11 and make, nothing else.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
TEST ?= tests
WORKERS ?= 3

.PHONY: run test bench pictures lint format clean

run: $(VENV)/.run-installed
	@$(BIN)/python manage.py up --demo

test: $(VENV)/.test-installed
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup $(TEST) $(ARGS)

bench: $(VENV)/.test-installed
	@$(BIN)/python manage.py benchmark $(ARGS)

pictures: $(VENV)/.test-installed
	@EVENTSCOPE_PICTURES=1 $(BIN)/python -m pytest -q tests/system/test_pictures.py

lint: $(VENV)/.test-installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy

format: $(VENV)/.test-installed
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "Eventscope needs Python 3.11 or newer; none was found on PATH."; exit 1; }
	@echo "Making $(VENV) with $(PYTHON) ..."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run-installed: $(VENV)/.made requirements.txt
	@echo "Installing the pinned requirements (once; about half a minute) ..."
	@$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.test-installed: $(VENV)/.made tests/requirements.txt
	@echo "Installing the pinned test requirements (once; about a minute) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r tests/requirements.txt
	@touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
