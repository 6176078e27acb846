# Everything happens in .venv; only `make system` touches the machine outside it.
# PYTHON=python3.12 chooses an interpreter (3.11 or later), JOBS=8 the processes that tests run in.

PYTHON ?= python3
JOBS ?= 2
PY := .venv/bin/python
PIP := $(PY) -m pip install --constraint constraints.txt

# Commands that tests marked `system` call, and the Debian packages they come in.
COMMANDS := node npm
PACKAGES := nodejs npm
MISSING = $(strip $(foreach each,$(COMMANDS),$(shell command -v $(each) >/dev/null 2>&1 || echo $(each))))

.PHONY: demo test tiny check system reference
.NOTPARALLEL:

demo: .venv/.installed
	$(PY) -m limner demo

test: .venv/.dev
	@if [ -n "$(MISSING)" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then $(MAKE) system; fi
	@$(MAKE) --no-print-directory .pytest

# Asks anew what is missing, now that `make system` may have run.
.PHONY: .pytest
.pytest:
ifeq ($(MISSING),)
	OMP_NUM_THREADS=1 $(PY) -m pytest -n $(JOBS) --dist loadfile
else
	@echo; echo "!! $(MISSING) not found.  'make system' installs them (as root, on Debian).  LEFT OUT:"
	@$(PY) -m pytest -q --collect-only --no-header -m system | grep :: || true
	@if [ "$(CI)" = true ]; then echo "!! under CI=true that is a failure" >&2; exit 1; fi
	OMP_NUM_THREADS=1 $(PY) -m pytest -n $(JOBS) --dist loadfile -m "not system"
	@echo "!! $(MISSING) not found: the tests listed above were LEFT OUT"
endif

tiny: .venv/.dev
	OMP_NUM_THREADS=1 $(PY) -m pytest -q -m tiny

check: .venv/.dev
	$(PY) -m ruff format --check
	$(PY) -m ruff check
	$(PY) -m mypy
	$(PY) -c "from importlinter.cli import lint_imports_command as law; law()"
	$(PY) -m pylint src tests

system:
	apt-get update
	apt-get install --yes --no-install-recommends $(PACKAGES)

# docs/reference, from the commands' own parsers
reference: .venv/.dev
	$(PY) docs/reference/generate.py

# A stamp is newer than the files that decide what is installed.  The sources themselves are installed by reference,
# so a change to them installs nothing.
.venv/.made:
	$(PYTHON) -m venv .venv
	touch $@

.venv/.installed: pyproject.toml constraints.txt | .venv/.made
	$(PIP) --editable .
	touch $@

.venv/.dev: pyproject.toml constraints.txt | .venv/.made
	$(PIP) --editable ".[dev]"
	touch .venv/.installed $@
