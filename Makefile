# Two commands do everything on a fresh machine with Python >= 3.11, pip and make: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out
SHARED := $(or $(RNC_EPI_SHARED),../shared)
SOURCES := $(shell find rnc_epi notebooks data_samples -type f -not -path '*/__pycache__/*' -not -name '*.pyc')
# Numerical libraries stay on one thread: fits give the same bytes on every machine of a kind.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

.PHONY: help install demo real test lint types imports tests test-slow test-oracles test-mutations docs bench notebook lock clean

help:
	@echo "make demo      environment, then the whole job on the embedded sample"
	@echo "make test      lint, types, import contracts, tests against the built wheel"
	@echo "make real      the whole job on the real tables under RNC_EPI_SHARED (default ../shared)"
	@echo "make notebook  Jupyter with the notebooks"
	@echo "make bench | test-slow | test-oracles | test-mutations | lock | clean"

$(VENV)/.locked: requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.installed: $(VENV)/.locked pyproject.toml README.md $(SOURCES)
	@rm -rf dist
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation -w dist .
	$(BIN)/python -m pip install --quiet --no-deps --force-reinstall dist/*.whl
	@touch $@

install: $(VENV)/.installed

demo: install
	$(BIN)/rnc-epi demo --out $(OUT)/demo

real: install
	RNC_EPI_SHARED=$(SHARED) $(BIN)/rnc-epi real --shared $(SHARED) --out $(OUT)/real

lint: $(VENV)/.locked
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.locked
	$(BIN)/mypy

imports: install
	$(BIN)/lint-imports

tests: install
	RNC_EPI_TEST_WHEEL=1 $(BIN)/pytest -q -n 2 --dist loadfile -m "not slow"

test: lint types imports tests

test-slow: install
	$(BIN)/pytest -q -n 2 --dist loadfile -m slow

test-oracles: install
	RNC_EPI_REQUIRE_SHARED=1 RNC_EPI_SHARED=$(SHARED) $(BIN)/pytest -q tests/oracle

test-mutations: install
	$(BIN)/python tests/mutations/run.py

docs: install
	$(BIN)/python docs/make_errors_page.py

bench: install
	for script in benchmarks/bench_*.py; do RNC_EPI_SHARED=$(SHARED) $(BIN)/python $$script || exit 1; done

notebook: install
	$(BIN)/jupyter lab notebooks

lock:
	$(PYTHON) -m pip install --quiet uv
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --quiet -o requirements.lock

clean:
	rm -rf $(VENV) dist build $(OUT)
