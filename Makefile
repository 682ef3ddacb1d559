# make run: the demo shop on http://127.0.0.1:8000    make test: all tests    make check: what CI runs
.DEFAULT_GOAL := help
.PHONY: help setup run test check fix docs lock bench sbom audit clean

VENV := .venv
PY := $(VENV)/bin/python
LOCKS := requirements-build.lock requirements.lock requirements-demo.lock
ASSETS := src/springtide/web/static/vendor/.ready
COMPILED := $(VENV)/.compiled

help:  ## list these commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

setup: $(VENV)/.ready $(ASSETS) $(COMPILED)  ## make .venv with the springtide command in it

$(VENV)/.ready: $(LOCKS) pyproject.toml tools/venv.sh
	@bash tools/venv.sh $(VENV) $(LOCKS)
	@touch $@

$(ASSETS): assets/package-lock.json assets/icons.txt tools/assets.py | $(VENV)/.ready
	@$(PY) tools/assets.py
	@touch $@

$(COMPILED): requirements-compile.lock tools/compile.py src/springtide/kit/compiled.py $(wildcard src/springtide/domain/pricing/*.py) $(VENV)/.ready
	@$(PY) tools/compile.py
	@touch $@

run: setup  ## build the demo shop at the first start, then serve it (PORT=8000)
	@exec $(VENV)/bin/springtide demo run

$(VENV)/.dev: requirements-dev.lock tools/test-system.sh $(VENV)/.ready
	@bash tools/test-system.sh
	@$(PY) -m pip install -q --require-hashes -r requirements-dev.lock
	@touch $@

# All of them: two at a time, and then, one after the other, those that run servers of their own.
PASS := $(if $(ARGS),$(PY) -m pytest $(ARGS),failed=0; \
	$(PY) -m pytest -n 2 --dist worksteal --ignore tests/stories || failed=1; \
	$(PY) -m pytest tests/stories || failed=1; exit $$failed)

test: setup $(VENV)/.dev  ## set up what the tests need and pass them all (ARGS=... for some)
	@$(PASS)

check: setup $(VENV)/.dev  ## format, lint, types, import contracts, tests: what CI runs
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports --no-logo
	@$(PASS)

fix: setup $(VENV)/.dev  ## format and mend what lint can
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .

docs: setup  ## write docs/reference anew from the code
	@$(PY) -m tools.reference

bench: setup $(VENV)/.dev  ## print the benchmarks and write bench.json (ONLY=name for some)
	@$(PY) -m tests.bench $(ONLY)

sbom: setup $(VENV)/.dev  ## write dist/springtide.cdx.json: every package in it (CycloneDX)
	@$(PY) -m tools.sbom

audit: setup  ## ask an OSV service (SPRINGTIDE_OSV) for known holes in the pinned packages
	@$(PY) -m tools.audit

lock: setup  ## write the locks anew after a change in pyproject.toml
	@bash tools/lock.sh $(VENV)

clean:  ## remove what set-up made; the shop's data in var stays
	@rm -rf $(VENV) src/springtide/web/static/vendor src/springtide/compiled build dist src/*.egg-info
