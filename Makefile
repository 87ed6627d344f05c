# make         the locked environment, then the shipped review (results/report.html)
# make test    the tests
# make docs    the pictures of docs/gallery
# make bench   the coverage simulation, on the screen
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/.venv/bin:$(PATH)
CORES ?= 2
PYTEST := $(BIN)/python -m pytest
# Tests that hold a limit of seconds are marked `alone`: they come after the others, one by one.
BESIDE := --numprocesses $(CORES) --dist worksteal

.PHONY: review env test test-slow bench verify lock lint docs

review: env
	$(BIN)/metamill run . --cores $(CORES)

env: .venv/.complete

.venv/.complete: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

test: env
	$(PYTEST) -m "not slow and not alone" $(BESIDE)
	$(PYTEST) -m "alone and not slow"

test-slow: env
	$(PYTEST) -m "slow and not alone" $(BESIDE)
	$(PYTEST) -m "slow and alone"

verify: env
	$(BIN)/metamill verify . --cores $(CORES)

bench: env
	$(BIN)/python tests/benchmark/coverage.py

lock: review
	$(BIN)/metamill lock .

docs: env
	$(BIN)/python docs/gallery/build.py

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint
