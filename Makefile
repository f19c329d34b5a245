# make demo | test | bench | validate | lint | clean: each sets up .venv for itself, with no more than it needs.
# Needs Python 3.10 or newer; name another one with `make PYTHON=python3.12 demo`.

PYTHON ?= python3
# Fixed, because another version would be fetched anew, with gigabytes of GPU libraries. Where there
# is no such version (Macs with Intel processors): make TORCH=torch==2.2.2 demo
TORCH ?= torch==2.13.0

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# The one place of the linters' versions is pyproject.toml.
LINTERS := $(shell sed -n -E 's/.*"((ruff|codespell)==[0-9.]*)".*/\1/p' pyproject.toml)
DOCUMENTS := $(wildcard *.md */*.md */*/*.md */*/*/*.md)

.PHONY: demo test bench validate lint clean

demo: $(VENV)/.demo
	$(BIN)/hypothalamus-seg demo --output demo-output

# One process more than there are processors, since many tests wait for a server or a browser. Each
# imports torch, VTK and statsmodels, so that two more take longer in all.
SHARED_OUT = --numprocesses $(shell $(BIN)/python -c "import os; print(min(os.cpu_count() + 1, 6))") \
  --dist loadfile --no-loadscope-reorder
# Hundreds of processes import the packages: with bytecode on the disk, whatever the environment says.
test: $(VENV)/.test $(VENV)/.libraries
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(SHARED_OUT) --durations 10

bench: $(VENV)/.test $(VENV)/.libraries
	$(BIN)/python -m Testing.bench.engine
	$(BIN)/python -m Testing.bench.panel
	$(BIN)/python -m Testing.bench.cohort
	$(BIN)/python -m Testing.bench.contact_sheet
	$(BIN)/python -m Testing.bench.web
	$(BIN)/python -m Testing.bench.viewer

# Every figure of Docs/VALIDATION.md and of the model card anew, from labeled scans and label heads that
# Training.prepare prepared. REAL_HEADS names heads without labels; without it their sections stay.
# Then a whole cohort through both levels, of which `make test` takes three scans of each group.
SCANS ?= ../shared/data/hypothalamus
HEADS ?= ../shared/data/heads
REAL_HEADS ?=
validate: $(VENV)/.test
	$(BIN)/python -m Training.evaluate --scans $(SCANS) --heads $(HEADS)
	$(BIN)/python -m Training.intervals
	$(BIN)/python -m Training.evaluate_follow --scans $(SCANS) --anew
	$(BIN)/python -m Training.model_card
	$(if $(REAL_HEADS),$(BIN)/python -m Training.icv_cropping $(REAL_HEADS) --docs Docs)
	$(if $(REAL_HEADS),$(BIN)/python -m Training.scan_ruin $(REAL_HEADS) --docs Docs)
	HYPOTHALAMUSSEG_WHOLE_COHORT=1 $(BIN)/python -m pytest Testing/cohort/test_real.py

lint: $(VENV)/.linters
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell $(DOCUMENTS)

# What `make` made; training runs stay.
clean:
	rm -rf $(VENV) build dist demo-output bench-output .pytest_cache .ruff_cache .hypothesis
	rm -rf *.egg-info HypothalamusSeg/*.egg-info
	find HypothalamusSeg Training Testing Cohort Web -type d -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "HypothalamusSeg needs Python 3.10 or newer, but '$(PYTHON)' is missing or older." >&2; \
	  echo "Install it, or name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
	  echo "'$(PYTHON)' cannot make virtual environments: its modules venv and ensurepip" >&2; \
	  echo "are missing. On Debian and Ubuntu install the package python3-venv." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.torch: $(VENV)/.created
	$(PIP) install "$(TORCH)"
	@touch $@

# Editable: a change of the code needs no new installation, a change of pyproject.toml does.
$(VENV)/.demo: pyproject.toml $(VENV)/.torch
	$(PIP) install --editable ".[demo]"
	@touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.torch
	$(PIP) install --editable ".[test,training,cohort,cluster,dicom,web]"
	@touch $@

# What Qt and VTK draw with, offscreen. Without them the tests of the Slicer panel cannot start.
LIBRARIES := libegl1 libgl1 libxkbcommon0
# The browser in which the web page is tested; without it those tests are skipped, with a reason.
BROWSER := chromium
# A validator of DICOM, for which the same holds. Orthanc is not installed here, though a test wants it:
# the package starts a server that listens.
DICOM_TOOLS := dicom3tools
$(VENV)/.libraries: $(VENV)/.created
	@if command -v dpkg >/dev/null && ! dpkg -s $(LIBRARIES) >/dev/null 2>&1; then \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -q && apt-get install -qy $(LIBRARIES); \
	  else echo "The panel's tests want: sudo apt-get install $(LIBRARIES)" >&2; exit 1; fi; fi
	@if ! command -v $(BROWSER) >/dev/null; then \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    apt-get update -q && apt-get install -qy --no-install-recommends $(BROWSER) || \
	    echo "$(BROWSER) could not be installed: the tests in a browser are skipped." >&2; \
	  else echo "The tests in a browser are skipped; they want: apt-get install $(BROWSER)" >&2; fi; fi
	@if command -v dpkg >/dev/null && ! dpkg -s $(DICOM_TOOLS) >/dev/null 2>&1; then \
	  if [ "$$(id -u)" = 0 ]; then \
	    apt-get update -q && apt-get install -qy --no-install-recommends $(DICOM_TOOLS) || \
	    echo "$(DICOM_TOOLS) could not be installed: some DICOM tests are skipped." >&2; \
	  else echo "Some DICOM tests are skipped; they want: apt-get install $(DICOM_TOOLS)" >&2; fi; fi
	@touch $@

$(VENV)/.linters: pyproject.toml $(VENV)/.created
	$(PIP) install $(LINTERS)
	@touch $@
