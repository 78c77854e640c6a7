# Everything a newcomer and a CI machine need. `make` alone lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Debian packages of the programs that some tests need.
SYSTEM_PACKAGES := git openssl bluez-meshd dbus-daemon gcc libc6-dev libssl-dev tshark
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

# Old versions of pip apply the first to build tools as well, new ones want the second.
PIP := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt \
	PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore \
	$(BIN)/python -m pip install -qq

# Stamps: what they name is installed and newer than what it was made from.
CREATED := $(VENV)/.created
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development

# How long `make fuzz` spends on each target, and on which; all without TARGETS.
SECONDS_EACH ?= 60
TARGETS ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check format bench fuzz docs system-deps constraints clean distclean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: $(RUNTIME) ## Take ten virtual devices from the factory into a network
	@$(BIN)/python -m meshwright demo --devices 10 --seed 1

test: $(DEVELOPMENT) ## Run the tests; with REQUIRE_ALL=1 nothing may be skipped
	@$(BIN)/python -m pytest --numprocesses auto --dist worksteal --quiet $(TESTS)

check: $(DEVELOPMENT) ## Check format, lint, types, import contracts and changelog fragments
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/towncrier build --draft --version next > /dev/null

format: $(DEVELOPMENT) ## Format the code and repair what the linter can
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

bench: $(RUNTIME) ## Measure, print a table and write build/bench.json
	@$(BIN)/python -m bench

fuzz: $(DEVELOPMENT) ## Try to break every parser and both machines; SECONDS_EACH=60 for each target
	@$(BIN)/python -m fuzz --seconds $(SECONDS_EACH) --corpus build/fuzz $(TARGETS)

docs: $(DEVELOPMENT) ## Build the documentation into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "The documentation is in site/index.html."

system-deps: ## Install the Debian packages that some tests need
	@command -v apt-get > /dev/null || { echo "There is no apt-get here; install by hand: $(SYSTEM_PACKAGES)" >&2; exit 1; }
	$(SUDO) apt-get update -qq
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends --no-upgrade \
		-o Dpkg::Use-Pty=0 $(SYSTEM_PACKAGES)

constraints: ## Pin the newest versions that pyproject.toml and the oldest Python allow
	@rm -rf build/constraints
	@$(PYTHON) -m venv build/constraints
	@PIP_CONSTRAINT= build/constraints/bin/python -m pip install --quiet --editable '.[dev]' hatchling editables
	@{ sed -n '/^#/p' constraints.txt; build/constraints/bin/python -m pip freeze --exclude-editable | LC_ALL=C sort -f; } > build/constraints.txt
	@mv build/constraints.txt constraints.txt
	@rm -rf build/constraints

clean: ## Remove what was built and every cache
	@rm -rf build dist site .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find src tests bench fuzz -name __pycache__ -prune -exec rm -rf {} +

distclean: clean ## Remove the environment as well
	@rm -rf $(VENV)

$(CREATED):
	@command -v '$(PYTHON)' > /dev/null || { echo "There is no $(PYTHON); install Python 3.11 or later, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$('$(PYTHON)' -V) is too old; 3.11 or later is needed. Name another: make PYTHON=python3.11" >&2; exit 1; }
	@'$(PYTHON)' -c 'import venv, ensurepip' 2> /dev/null || { echo "$(PYTHON) lacks venv; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@'$(PYTHON)' -m venv $(VENV)
	@touch $@

$(RUNTIME): $(CREATED) pyproject.toml constraints.txt
	@echo "Installing meshwright into $(VENV) ..."
	@$(PIP) --editable .
	@touch $@

$(DEVELOPMENT): $(CREATED) pyproject.toml constraints.txt
	@echo "Installing meshwright and the development tools into $(VENV) ..."
	@$(PIP) --editable '.[dev]'
	@touch $(RUNTIME) $@
