# Everything is prepared in .venv by the first target that needs it; nothing is written outside
# this folder, and nothing is done twice.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-cache-dir
REQUIREMENTS := deploy/requirements/dev.txt
INSTALLED := .venv/installed

.PHONY: setup demo test soak lint bench deploy-check images clean requirements

setup: $(INSTALLED)

# --no-deps: the pins are complete, and face_recognition would ask for a dlib that has no wheel.
$(INSTALLED): $(REQUIREMENTS) pyproject.toml
	@echo "Preparing .venv; this takes a minute or two."
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed; name one with PYTHON=")'
	@$(PYTHON) -m venv .venv
	@$(PIP) install --no-deps --require-hashes -r $(REQUIREMENTS)
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup
	@$(BIN)/hybridsphere demo

test: setup
	@$(BIN)/python -m pytest

# The faults of tests/faults once more, on many videos and for long, with the bridge's own patience.
soak: setup
	@$(BIN)/python -m pytest tests/faults --soak

lint: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

bench: setup
	@$(BIN)/python -m bench

# Everything that can be checked of the deployment without an account: with Heat's own parser and
# cfn-lint, which have an environment of their own.
DEPLOY := .cache/deploy
deploy-check: setup $(DEPLOY)/installed
	@$(BIN)/python -m pytest tests/deploy

# Builds the container images and runs them; needs buildah, debootstrap and root.
images: setup
	@$(BIN)/python -m pytest -m images tests/deploy/images

$(DEPLOY)/installed: deploy/requirements/deploy.txt
	@$(PYTHON) -m venv $(DEPLOY)
	@$(DEPLOY)/bin/python -m pip --quiet --disable-pip-version-check --no-cache-dir \
		install --no-deps --require-hashes -r $<
	@touch $@

clean:
	rm -rf .venv .cache build dist results/demo bench/out .hypothesis .mypy_cache .pytest_cache .ruff_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name '*.egg-info' -type d -prune -exec rm -rf {} +

# Pins anew what pyproject.toml asks for; needs uv.
COMPILE := uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate
requirements:
	$(COMPILE) pyproject.toml --extra dev --output-file $(REQUIREMENTS)
	for extra in bridge function; do $(COMPILE) pyproject.toml --extra $$extra \
		--constraint $(REQUIREMENTS) --output-file deploy/requirements/$$extra.txt; done
	printf 'cfn-lint\nopenstack-heat\n' | $(COMPILE) - --output-file deploy/requirements/deploy.txt
