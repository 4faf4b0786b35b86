# Every target makes its own .venv first; Python >= 3.11 and make are all it takes. Windows: the README has the plain commands.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
PEERS := build/peers
MINUTES ?= 3
BEFORE ?= $(shell $(PYTHON) -c 'import datetime as d; print(d.date.today() - d.timedelta(days=7))')

.PHONY: help venv demo expected test check format fix lint types layers coverage conformance peers bench wheel hooks lock clean

help:                  ## this list
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 12

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("interop needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(READY)

venv: $(READY)         ## make .venv with the locked dependencies

demo: $(READY)         ## the whole way on the sample cohort, into demo/
	$(BIN)/interop demo --out demo --force

expected: $(READY)     ## what the sample becomes, after a change that is wanted
	$(BIN)/python samples/expected.py

test: $(READY)         ## the tests
	$(BIN)/python -m pytest

check: format lint types layers coverage  ## everything a change must pass

format: $(READY)       ## is the code formatted?
	$(BIN)/ruff format --check .

fix: $(READY)          ## format, and repair what ruff can repair
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(READY)         ## ruff, all rules but a few
	$(BIN)/ruff check .

types: $(READY)        ## mypy --strict
	$(BIN)/mypy

layers: $(READY)       ## who may import whom
	$(BIN)/lint-imports

# COVERED=yes reports what a test run with --cov has just measured, instead of running the tests again.
coverage: $(READY)     ## the tests, with branch coverage
ifeq ($(COVERED),yes)
	$(BIN)/coverage report
else
	$(BIN)/python -m pytest --cov
endif

conformance: $(READY)  ## docs/conformance.md, from a run of its suites
	$(BIN)/python tests/conformance.py
	[ ! -e $(PEERS)/.ready ] || INTEROP_PEERS=$(PEERS) $(BIN)/python tests/conformance.py --peers

peers: $(READY) $(PEERS)/.ready  ## compare with HL7's examples and parsers: downloads them (npm, Maven), needs Java 17
	INTEROP_PEERS=$(PEERS) $(BIN)/python -m pytest tests/peers tests/test_conformance.py

$(PEERS)/.ready: tests/peers/pom.xml tests/peers/Twins.java
	rm -rf $(PEERS) && mkdir -p $(PEERS)/examples $(PEERS)/cases
	npm pack --silent --pack-destination $(PEERS) hl7.fhir.r4.examples@4.0.1
	tar -xzf $(PEERS)/hl7.fhir.r4.examples-4.0.1.tgz -C $(PEERS)/examples --strip-components=1 --exclude=package/package.json
	mvn --quiet --batch-mode --file tests/peers/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$(PEERS)/lib
	$(PYTHON) -m zipfile -e $(PEERS)/lib/fhir-test-cases-*.jar $(PEERS)/unpacked
	cd $(PEERS) && mv unpacked/org/hl7/fhir/testcases/* cases/ && rm -rf unpacked
	java -cp '$(PEERS)/lib/*' tests/peers/Twins.java $(PEERS)/examples $(PEERS)/twins json
	java -cp '$(PEERS)/lib/*' tests/peers/Twins.java $(PEERS)/cases $(PEERS)/made xml
	@touch $(PEERS)/.ready

bench: $(READY)        ## ratios against peers, measured in this run
	$(BIN)/python -m benchmarks

fuzz: $(READY)         ## fuzz readers and paths for MINUTES=3; what breaks is kept in tests/fuzz/finds/
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,fuzz]' || \
	  echo "no atheris for this platform: fuzzing with hypothesis, which coverage does not guide"
	PYTHONPATH=tests $(BIN)/python -m fuzz.run --minutes $(MINUTES)

wheel: $(READY)        ## dist/*.whl and dist/*.tar.gz
	$(BIN)/python -m build --no-isolation

hooks: $(READY)        ## run the checks before every commit
	$(BIN)/pre-commit install

lock:                  ## choose dependencies anew, none published after BEFORE (a week ago)
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet --upgrade pip
	build/lock/bin/python -m pip install --quiet --uploaded-prior-to $(BEFORE) -e '.[dev]'
	{ echo '# Locked by `make lock`: nothing published after $(BEFORE).'; \
	  build/lock/bin/python -m pip freeze --exclude-editable; } > constraints.txt
	rm -rf build/lock

clean:                 ## remove everything that can be made again
	rm -rf .venv build dist demo .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
