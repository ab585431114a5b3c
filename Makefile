# Everything one does here, as commands. `make` alone lists them.
#
# Needed beforehand: make and Python 3.11 or newer. Everything else goes into .venv.

VENV ?= .venv
TORCH ?= 2.13.0
CONSTRAINTS ?= constraints.txt
PYTHON ?= $(firstword $(foreach name,python3 python3.11 python3.12 python3.13 python3.14 python,\
	$(shell $(name) -c 'import sys; sys.version_info >= (3, 11) and print("$(name)")' 2>/dev/null)))

bin := $(VENV)/bin
ready := $(VENV)/.ready
pip := $(bin)/python -m pip -qq --disable-pip-version-check install --no-compile

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint check format serve tree clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(ready) ## Make .venv with the pinned versions (once; again when they change)

demo: $(ready) ## The main job on the bundled example, from folders of pictures to a chosen LoRA
	@OMP_NUM_THREADS=1 SDXL_REG_HOME="$(CURDIR)/demo" PATH="$(CURDIR)/$(bin):$$PATH" sh examples/demo.sh # one thread: nearly as fast as two, and not five times slower on a shared core

test: $(ready) ## Run all tests (PYTEST="-k lora" picks some)
	@OMP_NUM_THREADS=1 $(bin)/python -m pytest -n 2 --dist worksteal -q $(PYTEST) # one thread: two workers, two cores; neighbours share fixtures

lint: $(ready) ## Formatting, lint, types and layers
	@echo 'ruff format --check'; $(bin)/ruff format --check --quiet
	@echo 'ruff check'; $(bin)/ruff check --quiet
	@echo 'mypy'; $(bin)/mypy --no-error-summary
	@echo 'lint-imports'; $(bin)/lint-imports --no-logo >$(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }

check: lint test ## The whole gate: lint, then all tests (migrations and docs are among them)

format: $(ready) ## Format the code and mend what ruff can mend
	@$(bin)/ruff format --quiet
	@$(bin)/ruff check --quiet --fix

serve: $(ready) ## REST API and pages over the demo's registry
	@SDXL_REG_HOME="$${SDXL_REG_HOME:-$(CURDIR)/demo}" $(bin)/sdxl-reg serve

tree: $(ready) ## Write the tree of README.md anew from the modules' first sentences
	@$(bin)/python -m tests.house.readme_tree README.md

clean: ## Remove the demo and the caches; .venv stays
	@rm -rf demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(ready): pyproject.toml $(CONSTRAINTS)
	@test -n "$(PYTHON)" || { echo 'sdxl-reg needs Python 3.11 or newer, and found none: install it, or say make PYTHON=/path/to/python3'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo 'This Python cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv'; exit 1; }
	@echo '[1/3] making $(VENV) with $(PYTHON)'
	@test -x $(bin)/python || $(PYTHON) -m venv $(VENV)
	@echo '[2/3] installing torch $(TORCH)'
	@$(pip) torch==$(TORCH) -c $(CONSTRAINTS)
	@echo '[3/3] installing sdxl-reg and what it needs'
	@$(pip) -e '.[train,postgresql,dev]' -c $(CONSTRAINTS)
	@touch $@
