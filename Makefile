# SPDX-License-Identifier: GPL-2.0-only
# Every target sets the machine up first (ci/setup); that takes no time when all is there.

BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
FAST := -m 'not vm and not network' -n auto --dist worksteal
# One table of what tests took, for both runs of a make.
SECONDS_FILE := build/test-seconds
TIMED = TEST_SECONDS=$(SECONDS_FILE) $(PYTEST)
# With ARGS one of two pytest runs may have nothing to do, which it says by this exit code.
MAY_BE_EMPTY = $(if $(ARGS),|| [ $$? = 5 ])
SHELL_SCRIPTS = $(shell git grep -lE '^\#!/(usr/)?bin/(env )?(ba|da)?sh')

.DEFAULT_GOAL := help
.PHONY: help setup browser run test test-fast test-full soak lint docs man format clean

help: ## show this
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | expand -t 12

setup: ## install what is missing: Debian packages, virtual environment
	@ci/setup

browser: setup ## install the browser that tests of the page of a run use
	@ci/setup --browser

run: setup ## test the bundled series on the default base; options: make run ARGS="-p my.patch --base debian:6.1"
	@$(BIN)/dmabuf-harness run $(ARGS)

test: lint browser ## lint, then the whole test suite, real kernels included
	@rm -f $(SECONDS_FILE)
	$(TIMED) $(FAST) $(ARGS) $(MAY_BE_EMPTY)
	$(TIMED) -m '(vm or network) and not full' $(ARGS) $(MAY_BE_EMPTY)

test-full: lint browser ## the same with the tests that take long: every way to crash, hangs, a broken variant
	@rm -f $(SECONDS_FILE)
	$(TIMED) $(FAST) $(ARGS) $(MAY_BE_EMPTY)
	$(TIMED) -m 'vm or network' $(ARGS) $(MAY_BE_EMPTY)

soak: setup ## run all suites again and again on a base; options: make soak BASE=debian:6.12 N=10
	@ci/soak $(or $(BASE),debian:6.12) $(or $(N),10) $(ARGS)

test-fast: setup ## the tests that need neither a guest nor the network
	$(PYTEST) $(FAST) $(ARGS)

lint: setup ## style, types, import directions, shell scripts, links of the docs
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/mkdocs build --strict
	shellcheck $(SHELL_SCRIPTS)

docs: setup ## make pages of docs/, build/docs; a dead link fails
	@$(BIN)/mkdocs build --strict

man: setup ## write the man page, build/dmabuf-harness.1
	@mkdir -p build
	@$(BIN)/python -m harness.cli.man_page > build/dmabuf-harness.1

format: setup ## rewrite the Python code in the project's format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## remove the environment and what tools left; kernels and sources stay in the cache
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
