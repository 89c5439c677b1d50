# Everything here sets up what it needs, in this folder: Python 3.11, make and git are enough.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
PYTHON := python3
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup demo local test build contract-dynamodb-local soak check bench format release aws-check redrive validators lock mutants clean

help:  ## What there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY)  ## Set up the virtual environment

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Recloser needs Python 3.11 or newer; this is " + sys.version)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

build:  ## sam build, with a sam that is new enough
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(PYTHON) release/check_sam.py
	PATH="$(CURDIR)/$(BIN):$$PATH" sam build

demo: $(READY)  ## Watch the deployed system trip on an outage and recover, on a local AWS; KEEP=1: it stays up
	$(BIN)/python -m recloser.lab.demo $(if $(KEEP),--keep)

local: $(READY)  ## The local AWS with the stack and callers, up until Ctrl-C
	$(BIN)/python -m recloser.lab.demo.local

test: check  ## All tests
	$(BIN)/python -m pytest --quiet --numprocesses 2 --dist loadgroup

# The npm package carries Amazon's program, a jar; nothing of npm runs.
DYNAMODB_LOCAL := build/dynamodb-local
DYNAMODB_LOCAL_PACKAGE := amplify-dynamodb-simulator@2.9.30
DYNAMODB_LOCAL_SHA256 := 3503ffac19f183407909fecdacf4db51ab1fdad1da7b2f177016670b2d80e4b9

contract-dynamodb-local: $(READY) $(DYNAMODB_LOCAL)/package  ## The tables' contract, in Amazon's DynamoDB Local too; needs npm and a JDK
	RECLOSER_DYNAMODB_LOCAL=$(DYNAMODB_LOCAL)/package/emulator $(BIN)/python -m pytest --quiet tests/contract -k dynamodb_local

$(DYNAMODB_LOCAL)/package:
	@command -v npm > /dev/null || { echo "contract-dynamodb-local needs npm, to fetch $(DYNAMODB_LOCAL_PACKAGE)"; exit 1; }
	@command -v javac > /dev/null || { echo "contract-dynamodb-local needs a JDK: java and javac, 17 or newer"; exit 1; }
	mkdir -p $(DYNAMODB_LOCAL)
	cd $(DYNAMODB_LOCAL) && npm pack --silent $(DYNAMODB_LOCAL_PACKAGE)
	echo "$(DYNAMODB_LOCAL_SHA256)  $(DYNAMODB_LOCAL)/amplify-dynamodb-simulator-2.9.30.tgz" | sha256sum --check --quiet
	tar -xzf $(DYNAMODB_LOCAL)/amplify-dynamodb-simulator-2.9.30.tgz -C $(DYNAMODB_LOCAL)

soak: $(READY)  ## Thousands of random scenarios full of faults
	$(BIN)/python -m pytest tests/faults --scenarios 10000 -n auto

# In an environment of its own: what mutmut needs is of no use to anything else.
MUTANTS_ENVIRONMENT := build/mutants-environment

mutants: $(READY)  ## Change the core in small ways; each must fail a test. Writes docs/mutants.md, takes about an hour
	test -x $(MUTANTS_ENVIRONMENT)/bin/mutmut || { \
		$(PYTHON) -m venv $(MUTANTS_ENVIRONMENT) && \
		$(MUTANTS_ENVIRONMENT)/bin/pip install --quiet --no-deps --require-hashes --requirement requirements.lock && \
		$(MUTANTS_ENVIRONMENT)/bin/pip install --quiet mutmut==3.8.1; }
	$(MUTANTS_ENVIRONMENT)/bin/python tests/mutants/run.py

check: $(READY)  ## Lint and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)  ## Measure against the other libraries; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.report build/benchmarks > build/benchmarks/page.md
	mv build/benchmarks/page.md docs/benchmarks.md

format: $(READY)  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

release: $(READY)  ## Wheel, layer, functions, template without macros and checksums, in dist/
	$(BIN)/python release/make.py

aws-check: $(READY)  ## Ask the AWS account of the environment what only AWS can answer; asks you first
	$(BIN)/python release/aws_check.py

redrive: $(READY)  ## Tell again what announce of the stack STACK gave up on, in the account of the environment
	$(BIN)/python release/redrive.py

validators: $(READY)  ## Compile the schemas of events for the functions
	$(BIN)/python events/compile_schemas.py

lock:  ## Pin every dependency anew, with hashes
	$(PYTHON) -m venv build/lock-venv
	build/lock-venv/bin/pip install --quiet uv
	build/lock-venv/bin/uv pip compile pyproject.toml --all-extras --group dev \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
		--upgrade --output-file requirements.lock

clean:  ## Remove everything that was built, the virtual environment included
	rm -rf $(VENV) build dist .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis
