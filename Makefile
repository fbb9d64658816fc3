# From a bare clone with only Python and make on the machine. The first use of a target makes a
# virtual environment and installs into it; every later one starts at once.

ifeq ($(OS),Windows_NT)
BIN := Scripts
DEFAULT_PYTHONS := python python3
else
BIN := bin
DEFAULT_PYTHONS := python3 python3.13 python3.12 python3.11
endif

ifdef PYTHON
PYTHONS := $(PYTHON)
else
PYTHONS := $(DEFAULT_PYTHONS)
endif

PINS := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test matrix check page pictures lessons chromium bench bench-traps bench-resume-traps chaos docs field-test clean

help:
	@echo "make demo     watch a small network learn handwritten digits"
	@echo "make test     run the tests; make test ARGS='-k loop' runs some of them"
	@echo "make matrix   every rule of the doctor in every variant of its loops"
	@echo "make lessons  every lesson walked through in a browser; make test walks through the first"
	@echo "make check    style, types, and that the documents tell the truth"
	@echo "make page     build the page's component from page/src; needs Node"
	@echo "make pictures make the pictures of the documents, from real runs in Chromium"
	@echo "make docs     run what docs/broken, prove and eject.md show, and write them anew"
	@echo "make bench    time the loop beside others, in an environment of its own"
	@echo "make bench-traps  put the same traps to other libraries' loops; writes docs/traps.md"
	@echo "make bench-resume-traps  kill and resume other libraries' trainings; writes docs/resume-traps.md"
	@echo "make chaos    kill, damage and starve checkpoints; takes most of an hour"
	@echo "make field-test  run public scripts under the doctor; fetches them, takes most of an hour"
	@echo "make clean    remove the environments and everything built (runs/ stays)"
	@echo
	@echo "PyTorch for NVIDIA GPUs is a download of gigabytes. Without such a GPU, on Linux, say"
	@echo "  make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu"
	@echo "Another Python than python3:  make demo PYTHON=python3.12"

# A worker for each core, as far as they fit into memory; WORKERS= runs the tests one by one.
WORKERS := -n auto --maxprocesses 4

demo: .venv/.demo
	@.venv/$(BIN)/fivestep demo digits

test: .venv/.dev | chromium
	@.venv/$(BIN)/python -m pytest $(WORKERS) $(ARGS)

# Every rule of the doctor in every variant of its loops, and every program of tests/patients;
# `make test` has a third of them.
matrix: .venv/.dev
	@FIVESTEP_MATRIX=whole .venv/$(BIN)/python -m pytest $(WORKERS) \
	  tests/test_matrix.py tests/test_patients.py $(ARGS)

# Every lesson from start to end, each run a process of its own; `make test` has the first.
lessons: .venv/.dev | chromium
	@FIVESTEP_LESSONS=whole .venv/$(BIN)/python -m pytest tests/page/test_learn_*.py tests/test_learn*.py $(ARGS)

check: .venv/.dev
	.venv/$(BIN)/ruff check .
	.venv/$(BIN)/ruff format --check .
	.venv/$(BIN)/pyright
	.venv/$(BIN)/python -m pytest -q tests/test_repository.py tests/test_readme.py

# Writes src/fivestep/page/static, which is committed: who only runs fivestep needs no Node.
page:
	cd page && npm ci --no-fund --no-audit && npm run build

# Real runs, photographed; the files are committed.
pictures: .venv/.dev | chromium
	@.venv/$(BIN)/python docs/make_pictures.py $(ARGS)

# The tests of the page want a browser. Debian's is installed where it is missing and that can be
# done; anywhere else those tests are skipped, and say so.
chromium:
	@for name in chromium chromium-browser google-chrome; do \
	  command -v $$name >/dev/null 2>&1 && exit 0; \
	done; \
	[ "$$(id -u 2>/dev/null)" = 0 ] && command -v apt-get >/dev/null 2>&1 || exit 0; \
	echo "Installing Debian's chromium for the tests of the page, this once"; \
	{ apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >/dev/null \
	  || echo "chromium could not be installed: the tests of the page will be skipped" >&2

docs: .venv/.dev
	@.venv/$(BIN)/python docs/make_broken.py
	@.venv/$(BIN)/python docs/make_prove.py
	@.venv/$(BIN)/python docs/make_eject.py

bench: .venv-bench/.bench
	@.venv-bench/$(BIN)/python benchmarks/iteration.py
	@.venv-bench/$(BIN)/python benchmarks/imports.py
	@.venv-bench/$(BIN)/python benchmarks/listening.py
	@.venv-bench/$(BIN)/python benchmarks/saving.py
	@.venv-bench/$(BIN)/python benchmarks/showing.py

# The same closed-form traps, put to the loops of other libraries; ends with an error if one of
# them could not be run.
bench-traps: .venv-traps/.traps
	@.venv-traps/$(BIN)/python -m benchmarks.traps $(ARGS)

# A training killed and resumed by each of them; POSIX only.
bench-resume-traps: .venv-traps/.traps
	@.venv-traps/$(BIN)/python -m benchmarks.resume_traps $(ARGS)

# Kills some thousands of trainings, each forked off one process: POSIX only. ARGS=--short for a share.
chaos: .venv/.dev
	@.venv/$(BIN)/python -m benchmarks.chaos --write $(ARGS)

# Clones public repositories and runs their scripts: no part of make test.
field-test: .venv-field/.field
	@.venv-field/$(BIN)/python benchmarks/field $(ARGS)

clean:
	rm -rf .venv .venv-bench .venv-field .venv-traps page/node_modules page/.install.lock build dist .pytest_cache .ruff_cache .hypothesis
	find src tests examples benchmarks -name __pycache__ -prune -exec rm -rf {} +

.venv/.demo: $(PINS) | .venv/pyvenv.cfg
	@$(call install,.venv,demo)
	@touch $@

# dev holds all that the demo needs, so that is done too.
.venv/.dev: $(PINS) | .venv/pyvenv.cfg
	@$(call install,.venv,dev)
	@touch .venv/.demo $@

.venv-bench/.bench: $(PINS) | .venv-bench/pyvenv.cfg
	@$(call install,.venv-bench,bench)
	@touch $@

.venv-field/.field: $(PINS) benchmarks/field/requirements.txt | .venv-field/pyvenv.cfg
	@$(call install,.venv-field,demo$(COMMA)plot)
	@.venv-field/$(BIN)/python $(PIP_INSTALL) $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) \
	  -r benchmarks/field/requirements.txt
	@touch $@

# torchtnt imports pkg_resources, which setuptools has given up since. fastai asks for torchvision,
# which nothing here uses, and which breaks Lightning where it was built for another torch.
.venv-traps/.traps: $(PINS) benchmarks/traps/requirements.txt | .venv-traps/pyvenv.cfg
	@$(call install,.venv-traps,frameworks)
	@.venv-traps/$(BIN)/python $(PIP_INSTALL) $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) \
	  -r benchmarks/traps/requirements.txt
	@.venv-traps/$(BIN)/python -m pip install --quiet --disable-pip-version-check setuptools==80.9.0
	@.venv-traps/$(BIN)/python -m pip uninstall --quiet --yes torchvision
	@touch $@

COMMA := ,
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check -c constraints.txt

# PyTorch alone comes from TORCH_INDEX: no other package is looked up there.
install = echo "Installing fivestep[$(2)] into $(1), this once; PyTorch is the large part" \
	$(if $(TORCH_INDEX),&& $(1)/$(BIN)/python $(PIP_INSTALL) --no-deps --extra-index-url $(TORCH_INDEX) torch) \
	&& $(1)/$(BIN)/python $(PIP_INSTALL) -e '.[$(2)]'

.venv/pyvenv.cfg .venv-bench/pyvenv.cfg .venv-field/pyvenv.cfg .venv-traps/pyvenv.cfg:
	@for python in $(PYTHONS); do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    exec $$python -m venv $(@D); \
	  fi; \
	done; \
	echo "fivestep needs Python 3.11 or newer, and none of these is: $(PYTHONS)" >&2; \
	echo "  do: install one, or name it: make PYTHON=/path/to/python3.12" >&2; \
	exit 1
