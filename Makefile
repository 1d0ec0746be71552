# The commands of this project. `make help` lists them.
# Everything works on a fresh Debian as root: missing system packages are installed, Python packages go into .venv.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CLIENTS := .venv-interop
SYSTEM := softhsm2 opensc gcc libc6-dev libnss3 libnss3-tools p11-kit p11-kit-modules
SCRATCH := $(shell if [ -w /dev/shm ]; then echo /dev/shm; else echo $${TMPDIR:-/tmp}; fi)
T ?= tests
FUZZ ?= ttlv json xml http
MINUTES ?= 10
REAL_CLIENTS := tests/interop/clients

# Every command that a test runs is a process of its own: its modules are compiled once, whatever the machine is set to.
export PYTHONDONTWRITEBYTECODE :=

PYTEST = $(BIN)/python -m pytest --basetemp=$$d/pytest -n 2 --dist loadgroup

.DEFAULT_GOAL := help
.PHONY: help demo test thorough interop check format lint types contracts bench docs fuzz faults run clean system

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: system $(VENV)/.ready ## the main job: key server on a new token, cluster, trust, rekey
	@$(BIN)/kmipd demo

test: system $(VENV)/.ready ## all tests (T=tests/core for some of them)
	@d=$$(mktemp -d $(SCRATCH)/kmipd-test.XXXXXX) && trap 'rm -rf $$d' EXIT && \
	  TMPDIR=$$d $(PYTEST) $(T)

interop: system $(VENV)/.ready $(CLIENTS)/.ready ## real clients: Swift, MongoDB, Barbican, PyKMIP and others
	@d=$$(mktemp -d $(SCRATCH)/kmipd-test.XXXXXX) && trap 'rm -rf $$d' EXIT && \
	  TMPDIR=$$d KMIPD_CLIENTS=$(CLIENTS) $(PYTEST) $(REAL_CLIENTS)

check: lint types contracts test interop ## everything CI runs: format, lint, types, import contracts, tests

format: $(VENV)/.ready ## format the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lint: $(VENV)/.ready ## is it formatted and clean?
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .

types: $(VENV)/.ready ## mypy, strict
	@$(BIN)/mypy

contracts: $(VENV)/.ready ## do the rooms import only what they may?
	@$(BIN)/lint-imports

bench: system $(VENV)/.ready ## measure beside PyKMIP's server, a TLS echo and the bare token
	@$(BIN)/python tests/bench/run.py $(BENCH)

faults: system $(VENV)/.ready ## every failure of the token in every call, while clients work; writes docs/faults.md
	@d=$$(mktemp -d $(SCRATCH)/kmipd-faults.XXXXXX) && trap 'rm -rf $$d' EXIT && \
	  TMPDIR=$$d $(BIN)/python -m tests.faults.matrix --table docs/faults.md

thorough: export KMIPD_THOROUGH := 1
thorough: test ## all tests, and what is sampled there in full: every step killed, minutes of load

docs: $(VENV)/.ready ## write the pages of docs/ that follow from the code
	@$(BIN)/python -m tests.docs

fuzz: $(VENV)/.ready ## fuzz every reader with atheris (MINUTES=10 each, FUZZ="json xml" for some)
	@$(BIN)/python -m pip install -q --group fuzz
	@for target in $(FUZZ); do $(BIN)/python -m tests.fuzz $$target $(MINUTES) || exit 1; done

run: system $(VENV)/.ready ## a development server in softhsm/dev
	@[ -e softhsm/dev ] || $(BIN)/kmipd init --dir softhsm/dev
	@$(BIN)/kmipd serve --dir softhsm/dev

clean: ## remove what was built
	@rm -rf $(VENV) $(CLIENTS) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# System packages are asked of dpkg first: with everything there, no root and no network is needed.
system:
	@missing=""; for p in $(SYSTEM); do \
	  dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	if ! command -v $(PYTHON) >/dev/null || ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
	  missing="$$missing python3 python3-venv"; fi; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" != 0 ]; then echo "missing system packages:$$missing - install them as root" >&2; exit 1; fi; \
	  echo "installing:$$missing"; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing >/dev/null; fi

$(VENV)/.ready: pyproject.toml | system
	@echo "preparing $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed" >&2; exit 1; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --upgrade pip
	@$(BIN)/python -m pip install -q -e . --group dev
	@touch $@

# The clients of others pin old libraries, so they get an environment of their own.
$(CLIENTS)/.ready: $(REAL_CLIENTS)/requirements.txt | system
	@echo "preparing $(CLIENTS)"
	@[ -x $(CLIENTS)/bin/python ] || $(PYTHON) -m venv $(CLIENTS)
	@$(CLIENTS)/bin/python -m pip install -q --upgrade pip
	@if $(CLIENTS)/bin/python -m pip install -q -r $<; then touch $@; else \
	  echo "not all clients can be had here: one by one, and the tests of the others are skipped"; \
	  grep '^[a-z]' $< | while read -r one; do \
	    $(CLIENTS)/bin/python -m pip install -q "$$one" || echo "cannot be had here: $$one"; done; fi
