# What developers and CI run. `make` alone lists the targets.

PYTHON ?= python3
# The Python of the image, not of .venv.
PYTHON_VERSION ?= 3.11
export PYTHON_VERSION

VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"$$/\1/p' laminar/version.py)
IMAGE := laminar:$(VERSION)
BIN := .venv/bin
SETUP := .venv/.setup
# Any .venv will do, unless a Python is named: then it is made anew where it is of another.
VENV := .venv/$(if $(filter file,$(origin PYTHON)),pyvenv.cfg,.of$(subst /,-,-$(PYTHON)))

.DEFAULT_GOAL := help
.PHONY: help setup demo image browser terminal lint types imports check test faults docs bench clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

# A plain path: the default's import hook costs every start of this Python 20 ms.
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --config-settings editable_mode=compat --editable

setup: $(SETUP) ## make .venv with laminar and the development tools
$(SETUP): setup.cfg pyproject.toml $(BIN)/laminar
	$(INSTALL) '.[dev]'
	@touch $@

$(BIN)/laminar: $(VENV)
	$(INSTALL) .

$(VENV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "laminar needs Python 3.11 or later; choose one: make setup PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	    || { echo "$(PYTHON) cannot make virtual environments; on Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	@touch $@

demo: $(BIN)/laminar ## run the first example, without a Docker engine
	cd examples/hello && ../../$(BIN)/laminar schedule main:HelloFlow --executor process --logs

image: ## build laminar:VERSION and laminar:latest, with an engine and a base image first
	base=$$(scripts/engine.sh) && docker build --build-arg BASE=$$base --build-arg VERSION=$(VERSION) \
	    --tag $(IMAGE) --tag laminar:latest .

browser: ## a Chromium for the tests of the report; as root on Debian, it is installed
	scripts/chromium.sh

terminal: ## tmux for the tests of the live view; as root on Debian, it is installed
	scripts/tmux.sh

lint: $(SETUP) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(SETUP) ## mypy, strict
	$(BIN)/mypy

imports: $(SETUP) ## import-linter: who may import whom
	$(BIN)/lint-imports

check: lint types imports ## lint, types, imports, and the tests that need no Docker engine
	$(BIN)/pytest -n 2 -m "not docker"

test: lint types imports image browser terminal ## the same with every test, on the real engine, and the coverage floor
	LAMINAR_REQUIRE_DOCKER=1 LAMINAR_TEST_IMAGE=$(IMAGE) $(BIN)/pytest -n 2 --cov --cov-report=term-missing

TIMES ?= 10
faults: $(SETUP) image ## run the tests of the fault matrix (docs/reliability.md) TIMES times, and count
	LAMINAR_REQUIRE_DOCKER=1 LAMINAR_TEST_IMAGE=$(IMAGE) $(BIN)/python scripts/faults.py $(TIMES) -n 2

docs: $(SETUP) browser ## make the pictures of the documentation again, and a site of it in build/site
	$(BIN)/python scripts/pictures.py
	$(BIN)/python scripts/graphs.py
	$(BIN)/python -m scripts.screens
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going -c docs -d build/doctrees . build/site
	@echo "build/site/index.html"

bench: $(SETUP) image ## run the benchmarks, one after the other
	@set -e; for script in $(filter-out benchmarks/_%,$(wildcard benchmarks/*.py)); do \
	    echo "== $$script"; $(BIN)/python $$script; \
	done

clean: ## remove what make and the tools left in this directory; never .laminar
	rm -rf .venv build dist *.egg-info .coverage .coverage.* htmlcov
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
