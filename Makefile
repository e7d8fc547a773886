# `make export` and `make test` set up what they need in .venv; nothing else has to be installed but Python.
PYTHON ?= python3
# Where PyTorch's CPU build comes from. On Linux the default build brings several GB of CUDA packages;
# setting TORCH_INDEX to the address of its CPU index (see its installation page) avoids them.
TORCH_INDEX ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
INDEX := $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.PHONY: export test test-devices lint check format bench lock clean

export: $(READY)  ## the default network to build/, verified
	$(BIN)/ca-deploy export ca_mobilenetv2_cifar10 --overwrite

test: $(READY)  ## all tests that need nothing but Python
	$(BIN)/python -m pytest -n 2 -m "not devices"
	@echo "left out: tests on emulated and remote devices and in fetched clients (make test-devices)"

# What the tests of devices need of Debian.
DEVICE_TOOLS := qemu-aarch64 aarch64-linux-gnu-gcc sshd ssh adb unshare chromium ip npm java
DEVICE_PACKAGES := qemu-user gcc gcc-aarch64-linux-gnu libc6-dev libc6-dev-arm64-cross \
	libstdc++6-arm64-cross openssh-server openssh-client adb util-linux chromium iproute2 npm \
	default-jre-headless

test-devices: $(READY)  ## tests that need Debian packages (emulator, SSH, adb, browser), which this installs, or the network
	(PATH=$$PATH:/usr/sbin; for tool in $(DEVICE_TOOLS); do command -v $$tool >/dev/null || exit 1; done) || \
		{ apt-get update -qq && apt-get install -y --no-install-recommends $(DEVICE_PACKAGES); }
	$(BIN)/python -m pytest -m devices

lint: $(READY)  ## lint, types and architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint  ## those and the fast tests
	$(BIN)/python -m pytest -q -n 2 -m "not slow and not devices"

bench: $(READY)  ## side by side with other converters; with DATA= and IMAGES= accuracy on labelled images too
	$(BIN)/python -m benchmarks
	$(if $(DATA),$(BIN)/python -m benchmarks accuracy --data $(DATA) --images $(IMAGES))

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(READY)  ## pin what is installed now
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > requirements.lock

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ca-deploy needs Python 3.11 or newer; set PYTHON=")'
	@echo "Setting up $(VENV): some minutes and 3.5 GB, more with PyTorch's CUDA build"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(INDEX) -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@
