# Everything happens in .venv; only `make system` touches the machine outside it.
# PYTHON=python3.12 chooses an interpreter (3.11 or later), JOBS=8 the processes that tests run in.

PYTHON ?= python3
JOBS ?= 2
PY := .venv/bin/python
PIP := $(PY) -m pip install --constraint constraints.txt

# The commands that tests marked `system` call, and the Debian packages that bring them.
COMMANDS := node pg_ctlcluster chromium
PACKAGES := nodejs postgresql chromium
MISSING = $(strip $(foreach each,$(COMMANDS),$(shell command -v $(each) >/dev/null 2>&1 || echo $(each))))
PYTEST := OMP_NUM_THREADS=1 $(PY) -m pytest
SHARED := -n $(JOBS) --dist loadfile --no-loadscope-reorder

.PHONY: demo test tests tiny gpu check format lint types law copies cards system reference bench agreement-full crash soak statistics fuzz-course fuzz receipts
.NOTPARALLEL:

demo: .venv/.installed
	$(PY) -m limner demo

test: .venv/.dev
	@if [ -n "$(MISSING)" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then $(MAKE) system; fi
	@$(MAKE) --no-print-directory tests

# `make test` after it has installed what it may: what is missing is looked up anew.
tests: .venv/.dev
ifeq ($(MISSING),)
	$(PYTEST) $(SHARED)
else
	@echo "!! no $(MISSING) here; as root on Debian, make system installs it.  LEFT OUT are:"
	@$(PYTEST) -m system --collect-only -q --no-header | grep ::
	@test "$(CI)" != true || { echo "!! under CI=true that is a failure"; exit 1; }
	$(PYTEST) $(SHARED) -m "not system"
	@echo "!! LEFT OUT, as said above: the tests that need $(MISSING)"
endif

tiny: .venv/.dev
	$(PYTEST) -q -m tiny

# The tests that need a CUDA device; without the shape checks, which torch.compile cannot read.
gpu: .venv/.dev
	JAXTYPING_DISABLE=1 $(PY) -m pytest -m gpu

check: format lint types law copies cards

format: .venv/.dev
	$(PY) -m ruff format --check

lint: .venv/.dev
	$(PY) -m ruff check

types: .venv/.dev
	$(PY) -m mypy

law: .venv/.dev
	$(PY) -c "from importlinter.cli import lint_imports_command as law; law()"

copies: .venv/.dev
	$(PY) -m pylint src tests

# A figure was measured again: does the shipped model's card say so?  `limner measure card` writes it.
cards: .venv/.dev
	$(PY) -m limner measure card --check

system:
	apt-get update
	apt-get install --yes --no-install-recommends $(PACKAGES)

# limner beside diffusers and, in an environment of its own, beside optimum-intel: some ten minutes, on a quiet machine
bench: .venv/.dev .venv/.peer
	$(PY) -m limner bench --peer .peer/bin/python

.venv/.peer: docs/bench-constraints.txt | .venv/.made
	$(PYTHON) -m venv --clear .peer
	.peer/bin/python -m pip install --constraint docs/bench-constraints.txt torch optimum-intel diffusers accelerate
	.peer/bin/python -m pip uninstall --yes torchvision  # optimum-intel asks for it; a pipeline does not, and it needs CUDA's torch
	touch $@

# The course's models at full size beside diffusers, one after the other: some 16 GB of memory, 8 GB of disk, half an hour
agreement-full: .venv/.dev
	PYTHONPATH=tests $(PY) tests/agreement/whole.py $${TMPDIR:-/tmp}/limner-agreement

# Two hundred rounds of kill -9 (clients, workers, the web) on each database, a death at each commit and fsync, a full disk: some ten minutes
crash: .venv/.dev
	PYTHONPATH=tests $(PY) tests/studio/crash.py --out docs/figures/crash.json

# Two hundred students for ten minutes, on a machine that has nothing else to do
soak: .venv/.dev
	OMP_NUM_THREADS=1 PYTHONPATH=tests $(PY) tests/studio/soak.py --out docs/figures/soak.json --plot docs/figures/soak.png

# How often the intervals of docs/bias.md hold and its tests find what is there, summed exactly: some two minutes
statistics: .venv/.dev
	$(PY) -m limner measure statistics
# Ten thousand broken hand-ins: some minutes on two cores
fuzz-course: .venv/.dev
	OMP_NUM_THREADS=1 PYTHONPATH=tests $(PY) tests/coursework/bent.py --out docs/figures/fuzz-course.json
# Ten thousand requests through every door, on each database: some six minutes of a processor
fuzz: .venv/.dev
	OMP_NUM_THREADS=1 PYTHONPATH=tests $(PY) tests/studio/fuzz.py --out docs/figures/fuzz.json

# What is said of pictures that were forged, edited and saved anew, and of innocent ones: a quarter of an hour, most of it drawing
receipts: .venv/.dev
	OMP_NUM_THREADS=1 PYTHONPATH=tests $(PY) tests/audit/receipts.py --out docs/figures/receipts.json --plot docs/figures/receipts.png

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
