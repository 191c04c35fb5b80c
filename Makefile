# Everything a newcomer needs: Python 3.11 or later, make and git. `make help` lists the targets.
#
# Packages come from the locks in requirements/, by version and hash, into environments inside this folder.
# A stamp file beside each environment remembers the lock it was made from, so that a second call does nothing.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
VENV_LOCALSTRIPE := .venv-localstripe
VENV_PATRONI := .venv-patroni
VENV_FUZZ := .venv-fuzz
VENV_BENCH := .venv-bench
VENV_LOCK := .venv-lock
BIN := $(VENV)/bin
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --no-input

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup setup-service setup-localstripe setup-patroni setup-etcd setup-fuzz setup-browser
.PHONY: run test check fmt lock clean soak planted crash poor failover patroni fuzz overload growth soak-kills
.PHONY: soak-long bench bench-reconcile setup-bench

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.made-tests ## make .venv with the service, the tools and the tests' packages

setup-service: $(VENV)/.made-service ## make .venv with what the service needs and nothing more

setup-localstripe: $(VENV_LOCALSTRIPE)/.made ## make the separate environment of the stand-in for Stripe

setup-patroni: $(VENV_PATRONI)/.made ## make the separate environment of Patroni

setup-etcd: ## find etcd, or install it (root on Debian), or say how
	@set -eu; \
	if command -v etcd >/dev/null 2>&1; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo "No etcd found; installing Debian's."; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends etcd-server >/dev/null; \
		exit 0; \
	fi; \
	echo "Patroni needs etcd on the PATH, and none was found." >&2; \
	echo "  Debian, Ubuntu: sudo apt-get install etcd-server" >&2; \
	echo "  Fedora:         sudo dnf install etcd" >&2; \
	echo "  macOS:          brew install etcd" >&2; \
	exit 1

setup-fuzz: $(VENV_FUZZ)/.made ## make the separate environment of the fuzzer

setup-bench: $(VENV_BENCH)/.made ## make the separate environment of the benchmark's peers and pictures

setup-browser: ## find Chromium, or install it (root on Debian), or say how
	@set -eu; \
	for name in chromium chromium-browser google-chrome google-chrome-stable; do \
		if command -v $$name >/dev/null 2>&1; then exit 0; fi; \
	done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo "No Chromium found; installing Debian's."; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium >/dev/null; \
		exit 0; \
	fi; \
	echo "The browser tests need Chromium or Google Chrome on the PATH, and none was found." >&2; \
	echo "  Debian, Ubuntu: sudo apt-get install chromium" >&2; \
	echo "  Fedora:         sudo dnf install chromium" >&2; \
	echo "  macOS:          brew install --cask google-chrome, and put a script named google-chrome on the PATH" >&2; \
	exit 1

run: setup-service ## start the service with its database; ARGS="--port 9000" are passed on
	@$(BIN)/payonce serve $(ARGS)

# Each process that runs tests has a database server of its own, and waits for it and for others some of the time: one
# process more than there are processors leaves none of these idle.
TEST_PROCESSES ?= $(shell $(PYTHON) -c 'import os; print(1 + (os.cpu_count() or 1))')
test: setup setup-localstripe setup-patroni setup-browser check ## check, then run every test; ARGS="-k word" are passed on
	@$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --maxprocesses 4 --dist worksteal $(ARGS)

SEEDS ?= 1:30
DAY ?= any
soak: setup ## play seeds of the simulation on all cores; SEEDS=first:last, DAY=storm or rush; the report goes to dist/soak.json
	@PYTHONPATH=. $(BIN)/python -m payonce.simulation --seeds $(SEEDS) --day $(DAY) --provider tests.simulation.stripe:adapter \
		--provider tests.simulation.zalopay:adapter --provider tests.simulation.nowpayments:adapter \
		--report dist/soak.json

planted: setup ## look whether the simulation finds every planted bug; the report goes to dist/planted.json
	@PYTHONPATH=. $(BIN)/python -m tests.planted.look --report dist/planted.json $(ARGS)

crash: setup ## die at every boundary of every flow in every mode, and again in recovery; figures go to dist/crash.json
	@PYTHONPATH=. $(BIN)/python -m tests.crash --report dist/crash.json $(ARGS)

poor: setup ## the promises, use cases and races under SERIALIZABLE and without SKIP LOCKED
	@PAYONCE_TESTS_POOR=1 PAYONCE_TESTS_REPORT=$(CURDIR)/dist/poor.json $(BIN)/python -m pytest tests/promises tests/usecases tests/races tests/jobs \
		--numprocesses $(TEST_PROCESSES) --maxprocesses 4 --dist worksteal $(ARGS)

KILLS ?= 20
failover: setup ## kill a primary under load that often, promote its standby; figures go to dist/failover.json
	@PYTHONPATH=. $(BIN)/python -m tests.failover.scripted --kills $(KILLS) --report dist/failover.json

patroni: setup setup-patroni setup-etcd ## trouble Patroni's leader that often under the service; figures go to dist/patroni.json
	@PYTHONPATH=. $(BIN)/python -m tests.failover.patroni --kills $(KILLS) --report dist/patroni.json $(ARGS)

BUDGET ?= 200000
fuzz: $(VENV_FUZZ)/.made ## fuzz all that reads bytes of strangers with BUDGET inputs; figures go to dist/fuzz.json
	@PYTHONPATH=.:src $(VENV_FUZZ)/bin/python -m tests.fuzz --budget $(BUDGET) --report dist/fuzz.json $(ARGS)

FLOOD ?= 60
overload: setup ## send ten times what the service can answer for FLOOD seconds; figures go to dist/overload.json
	@PAYONCE_TESTS_OVERLOAD=$(FLOOD) PAYONCE_TESTS_OVERLOAD_REPORT=dist/overload.json \
		$(BIN)/python -m pytest -q -s tests/attacks/test_overload.py $(ARGS)

ORDERS ?= 500000
growth: setup ## count what every question reads behind ORDERS and ten times as many; figures go to dist/growth.json
	@PYTHONPATH=. $(BIN)/python -m tests.growth --orders $(ORDERS) --report dist/growth.json

HOURS ?= 4
MINUTES ?= $(shell echo $$(($(HOURS) * 60)))
soak-kills: setup ## kill and stop service, worker, proxy and database at random for HOURS (or MINUTES); to dist/soak-kills.json
	@PYTHONPATH=. $(BIN)/python -m tests.soak --minutes $(MINUTES) --report dist/soak-kills.json $(ARGS)

# What takes hours, one after the other: a target in each line, and what each of them is given. What each measured goes
# to docs/guarantees.md when it is done, so that a run that is broken off is gone on with by ONLY="what is left".
LONG_RUNS := \
	soak \
	planted \
	crash \
	poor \
	fuzz \
	overload \
	growth \
	failover \
	patroni \
	soak-kills
ONLY ?= $(LONG_RUNS)
LONG_WITH ?= SEEDS=1:2000 BUDGET=10000000 FLOOD=300 KILLS=100
# ADD=1 adds what is measured to what was measured before: SEEDS=1001:2000 one evening, after 1:1000 on another.
ADD ?=
soak-long: setup ## all that takes hours (or ONLY="crash fuzz"), with a summary and docs/guarantees.md; 1 when any failed
	@failed=; : > $(VENV)/.soak-long; \
	for run in $(ONLY); do \
		echo "== $$run"; began=$$(date +%s); said=passed; rm -f dist/$$run.json; \
		$(MAKE) --no-print-directory $$run $(LONG_WITH) || { said=FAILED; failed="$$failed $$run"; }; \
		PYTHONPATH=. $(BIN)/python -m tests.project.long_run $(if $(ADD),--add) $$run || { said=FAILED; failed="$$failed $$run"; }; \
		echo "$$run: $$said, $$(($$(date +%s) - began)) s" >> $(VENV)/.soak-long; \
	done; \
	echo "== summary"; cat $(VENV)/.soak-long; test -z "$$failed"

# QUICK=1 takes three minutes on a quiet machine; without it an hour, with five million orders in the tables.
QUICK ?=
bench: setup setup-bench ## measure speed beside the floor and the peers, in one run; QUICK=1, ARGS="--only F1,F5"
	@PYTHONPATH=. $(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(ARGS)

PAYMENTS ?= 1000000
bench-reconcile: setup ## measure reconciling a day of PAYMENTS in the database beside its floor, and 1M, 10M and 30M on files
	@PYTHONPATH=. $(BIN)/python -m benchmarks.reconcile --payments $(PAYMENTS) --report dist/reconcile.json $(ARGS)

check: setup ## lint, format, types, import contracts and a security scan
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml src

fmt: setup ## format the code and mend what the linter can mend
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

# An export of the resolver's answer: names, versions and hashes, and no address of an index.
EXPORT := $(VENV_LOCK)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate

lock: $(VENV_LOCK)/.made ## resolve the versions in requirements/ again; ARGS="--upgrade" takes newer ones
	$(EXPORT) $(ARGS) pyproject.toml --extra server --extra embedded --extra alerts --extra batch --group build -o requirements/service.txt
	$(EXPORT) $(ARGS) pyproject.toml --extra server --extra embedded --extra alerts --extra batch --group build --group check --group test \
		--constraints requirements/service.txt -o requirements/tests.txt
	$(EXPORT) $(ARGS) --group localstripe -o requirements/localstripe.txt
	$(EXPORT) $(ARGS) --group patroni -o requirements/patroni.txt
	$(EXPORT) $(ARGS) --group fuzz -o requirements/fuzz.txt
	$(EXPORT) $(ARGS) --group bench -o requirements/bench.txt
	$(EXPORT) $(ARGS) --group lock -o requirements/lock.txt

clean: ## remove the environments and the caches; never data
	rm -rf $(VENV) $(VENV_LOCALSTRIPE) $(VENV_PATRONI) $(VENV_FUZZ) $(VENV_BENCH) $(VENV_LOCK) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Make an environment, or say what is missing. An environment of another Python version is made anew.
define make_environment
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "payonce needs Python 3.11 or later; found '$(PYTHON)'. Say which: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(1)/bin/python -c '' 2>/dev/null || "$(PYTHON)" -m venv --clear $(1) \
		|| { echo "Python has no venv module here; on Debian: sudo apt-get install python3-venv" >&2; exit 1; }
endef

$(VENV)/.made-service: requirements/service.txt pyproject.toml
	$(call make_environment,$(VENV))
	@echo "Installing the service into $(VENV)"
	@$(BIN)/python $(PIP_INSTALL) --require-hashes --requirement requirements/service.txt
	@$(BIN)/python $(PIP_INSTALL) --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(VENV)/.made-tests: requirements/tests.txt $(VENV)/.made-service
	@echo "Installing the tools and the tests' packages into $(VENV)"
	@$(BIN)/python $(PIP_INSTALL) --require-hashes --requirement requirements/tests.txt
	@touch $@

$(VENV_LOCALSTRIPE)/.made: requirements/localstripe.txt
	$(call make_environment,$(VENV_LOCALSTRIPE))
	@echo "Installing localstripe into $(VENV_LOCALSTRIPE)"
	@$(VENV_LOCALSTRIPE)/bin/python $(PIP_INSTALL) --require-hashes --requirement requirements/localstripe.txt
	@touch $@

$(VENV_PATRONI)/.made: requirements/patroni.txt
	$(call make_environment,$(VENV_PATRONI))
	@echo "Installing Patroni into $(VENV_PATRONI)"
	@$(VENV_PATRONI)/bin/python $(PIP_INSTALL) --require-hashes --requirement requirements/patroni.txt
	@touch $@

$(VENV_FUZZ)/.made: requirements/fuzz.txt requirements/service.txt
	$(call make_environment,$(VENV_FUZZ))
	@echo "Installing the fuzzer into $(VENV_FUZZ)"
	@$(VENV_FUZZ)/bin/python $(PIP_INSTALL) --require-hashes --requirement requirements/service.txt
	@$(VENV_FUZZ)/bin/python $(PIP_INSTALL) --only-binary :all: --require-hashes --requirement requirements/fuzz.txt \
		|| echo "There is no package of the fuzzer for this platform; make fuzz will say so and fail." >&2
	@touch $@

$(VENV_BENCH)/.made: requirements/bench.txt
	$(call make_environment,$(VENV_BENCH))
	@echo "Installing the benchmark's peers into $(VENV_BENCH)"
	@$(VENV_BENCH)/bin/python $(PIP_INSTALL) --require-hashes --requirement requirements/bench.txt
	@touch $@

$(VENV_LOCK)/.made: requirements/lock.txt
	$(call make_environment,$(VENV_LOCK))
	@$(VENV_LOCK)/bin/python $(PIP_INSTALL) --require-hashes --requirement requirements/lock.txt
	@touch $@
