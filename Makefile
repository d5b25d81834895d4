# Each command prepares .venv by itself (tools/environment.py), does its job and ends with a sentence.
#
#   make book      build the book with warnings as errors and serve it   SERVE=0 builds only, PORT=8765
#   make pdf       build the book and print it into one PDF, _build/activations.pdf (some minutes)
#   make test      run everything that CI runs                           CHROMIUM=/path/to/chromium, THREADS=2
#   make lab       open JupyterLab on the notebooks                      PORT=8889
#   make outputs   execute the notebooks in place                        NOTEBOOKS="notebooks/saturation.ipynb"
#   make replicate test every claim again with other seeds (some minutes) SEEDS=100, NOTEBOOKS
#   make bench     measure how exact and how fast everything is, beside torch, JAX and SciPy (fifteen minutes)
#   make quality   measure what the built pages weigh and how soon they answer  LIGHTHOUSE=none or all (some minutes, with Node)
#   make zip       build the book and pack it with its notebooks, to be read and run offline
#   make lock      pin what requirements.txt brings, in constraints.txt
#   make clean     remove what the commands made, and .venv
#
# Everywhere: PYTHON=python3.12 chooses the Python, TORCH=<address of an index> the build of torch (see README.md).

SERVE ?= 1
PORT ?=
PYTHON ?=
TORCH ?=
NOTEBOOKS ?=
SEEDS ?=
THREADS ?=
LIGHTHOUSE ?=
CHROMIUM ?=
export CHROMIUM

# Any Python from 3.8 on can start the set-up, which then looks for one that suits the course.
starts = $(shell $(1) -c 'import sys; print("$(1)" if sys.version_info >= (3, 8) else "")' 2>/dev/null)
START = $(or $(call starts,python3),$(call starts,python3.13),$(call starts,python3.12),$(call starts,python3.11),$(call starts,python),$(call starts,$(PYTHON)))
VENV = .venv/bin/python

.PHONY: help book pdf test lab outputs replicate bench quality zip lock clean setup
help:
	@sed -n 's/^#   //p' Makefile

setup:
	@start='$(START)'; if [ -z "$$start" ]; then \
	  echo 'No Python was found: install Python 3.13, 3.12, or 3.11 from 3.11.5 on, and run the command again.' >&2; exit 1; fi; \
	"$$start" tools/environment.py --python='$(PYTHON)' --torch='$(TORCH)'

book: setup
	@$(VENV) tools/build.py $(if $(filter 0 no false,$(SERVE)),--build-only) --port='$(PORT)'

pdf: setup
	@COURSE_PDF=activations.pdf $(VENV) tools/build.py --build-only
	@$(VENV) tools/pdf.py

test: setup
	@$(VENV) tools/check.py $(if $(THREADS),--threads='$(THREADS)')

lab: setup
	@$(VENV) tools/lab.py $(if $(PORT),--port='$(PORT)')

outputs: setup
	@$(VENV) tools/outputs.py $(NOTEBOOKS)

replicate: setup
	@$(VENV) tools/replicate.py $(if $(SEEDS),--seeds='$(SEEDS)') $(NOTEBOOKS)

bench: setup
	@$(VENV) tools/bench.py

quality: setup
	@$(VENV) tools/build.py --build-only
	@$(VENV) benchmarks/pages.py $(if $(LIGHTHOUSE),--lighthouse='$(LIGHTHOUSE)')

zip: setup
	@$(VENV) tools/build.py --build-only
	@$(VENV) tools/offline.py

lock: setup
	@$(VENV) tools/lock.py

clean:
	@rm -rf .venv _build .pytest_cache .mypy_cache .ruff_cache .hypothesis src/*.egg-info
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
	@echo 'Everything that the commands made is gone; the next one starts afresh.'
