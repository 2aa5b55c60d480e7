# make demo   an invented firm of six systems, turned until nothing is left to correct
# make dev    Dagster's UI on that firm
# make test   everything but the live systems     make live    real Tryton and Redmine
# make bench  speed and accuracy                  make simulation, make soak      the invariants, longer
# make mutants, make guards                       what the invariants would notice
# make killed   the real process, killed at thirty points
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo dev test live bench simulation soak mutants guards killed train lint clean

demo: $(VENV)/.run
	$(BIN)/hub demo

dev: $(VENV)/.run
	$(BIN)/python -m assets.dev

test: $(VENV)/.test
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -rs -m "not live"  # one of the three waits for the seeds

live: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --dist loadfile -m live tests/live tests/systems

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

simulation: $(VENV)/.test
	CONCORD_EXAMPLES=$${CONCORD_EXAMPLES:-200} $(BIN)/python -m pytest tests/simulation

soak: $(VENV)/.test
	$(BIN)/python -m tests.simulation.run --count $${CONCORD_SEEDS:-100000} --jobs 2 --known

mutants: $(VENV)/.test
	$(BIN)/python -m tests.mutants

killed: $(VENV)/.test
	CONCORD_DEATHS=30 $(BIN)/python -m pytest tests/simulation/test_killed.py tests/live/test_killed_tryton.py

guards: $(VENV)/.test
	$(BIN)/python -m tests.take_guards_out

lint: $(VENV)/.test
	$(BIN)/ruff check . && $(BIN)/lint-imports

$(VENV)/.run: requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing pinned versions into $(VENV) …"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(VENV)/.test: requirements-test.txt $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-test.txt
	touch $@

# Singer's tap and target exclude each other's versions: each has an environment of its own.
$(VENV)/.bench: requirements-bench.txt benchmarks/tap-jsonl.txt benchmarks/target-jsonl.txt $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	for each in tap-jsonl target-jsonl; do \
	  $(PYTHON) -m venv .cache/$$each && .cache/$$each/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/$$each.txt || exit 1; \
	done
	touch $@

clean:
	rm -rf $(VENV) demo demo-dev out .cache
