# Two commands: `make demo` runs the whole workflow on the embedded dataset, `make test` runs the tests.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint format bench faults clean

# On the CPU, also where there is a GPU: the figures are the README's, and CAMs of so many sizes took longer there.
demo: .venv/installed
	CUDA_VISIBLE_DEVICES= $(BIN)/snakemake --cores all
	@$(BIN)/python -m wsss.reporting.summary results/runs/default

test: .venv/installed .venv/readers/installed
	$(BIN)/python -m pytest

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint > /dev/null

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules

# Claims of speed, each against the reference method in one run, into docs/performance.md: a quarter of an hour.
bench: .venv/installed
	$(BIN)/python benchmarks/report.py

# 334 kills, 2,000 flipped bytes, 10,000 mutated inputs, 2,000 hostile files, and 50 runs on disks or with shared memory
# that are too small, with their counts into docs/reliability.md: over two hours.
faults: .venv/installed
	$(BIN)/python -m tests.faults.campaign --kills 200 --rule-kills 74 --training-kills 60 --flips 2000 \
		--mutations 10000 --hostile-files 2000 --small-disks 30 --small-shared-memory 20

# The environment is made anew when the dependencies change.
.venv/installed: pyproject.toml
	@case "$(CURDIR)" in *[[:space:]]*) echo "error: $(CURDIR): snakemake starts no job from a .venv in a folder with a space in its name: move the project to another folder" >&2; exit 1;; esac
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11, 4) and "Python 3.11.4 or newer is needed: make PYTHON=/path/to/python3.11 demo")'
	@echo "installing into .venv (6 GB, of which torch is most): some minutes"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

# Programs that tests read this project's files with, in an environment of their own: they need older packages.
.venv/readers/installed: tests/readers.txt | .venv/installed
	$(BIN)/python -m venv .venv/readers
	.venv/readers/bin/python -m pip install --quiet --requirement tests/readers.txt
	touch $@

# What was computed stays: results/ is yours to delete.
clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache
