# The two commands of a start are `make run` and `make test`; each does its own set-up first.
# PORT and DESK_DATA_DIR work with `make run`; ONLY=name picks one measurement; TESTS=path picks tests.

SHELL = /bin/sh
BIN = .venv/bin
TESTS ?=
WORKERS ?= 3
ONLY ?=

.PHONY: run test lint unit bench faults soak docs-pictures docs-media docs-hostile-media set-up set-up-tests locks vendor clean help

run: set-up ## start the rehearsal desk and print its address
	@DESK_MODE=$${DESK_MODE:-rehearsal} exec $(BIN)/desk serve

test: set-up-tests lint unit ## lint, types, import contracts, templates, then every test

# One command after the other, cheapest first, so that a slip is told in seconds.
lint: set-up-tests
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "Type '$(BIN)/ruff format .'"; exit 1; }
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/djlint --lint --quiet $$(ls -d templates desk/rehearsal/templates 2>/dev/null)
	@$(BIN)/mypy

unit: set-up-tests
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(TESTS)

bench: set-up-tests ## measure against bare tools, print ratios, write var/bench.json
	@$(BIN)/python -m bench bench $(ONLY)

faults: set-up-tests ## break things on purpose, write var/faults.json
	@$(BIN)/python -m bench faults $(ONLY)

soak: set-up-tests ## run for long, write var/soak.json
	@$(BIN)/python -m bench soak $(ONLY)

docs-pictures: set-up-tests ## take the pictures of the documentation from a running desk
	@$(BIN)/python -m docs.pictures

docs-media: set-up-tests ## measure what comes out of every format, into docs/media.md
	@$(BIN)/python -m docs.media

docs-hostile-media: set-up-tests ## meet every file made to do harm, into docs/hostile-media.md
	@$(BIN)/python -m docs.hostile_media

set-up:
	@sh setup/bootstrap.sh run

set-up-tests:
	@sh setup/bootstrap.sh test

locks: ## write the locks anew from pyproject.toml
	@sh setup/lock.sh

clean: ## remove the environment and what runs left; the desk's data in var/ stays
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache *.egg-info

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile
