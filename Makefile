# whygrad: `make help` lists the targets. Everything is set up in .venv and built in build/.
#
#   PYTHON=python3.12      the interpreter to make .venv from (3.10 or newer); remove .venv to change it
#   CXX=clang++            the compiler (GCC >= 11, Clang >= 14); remove build/ to change it
#   JOBS=4                 parallel compile and test jobs
#   TORCH=FILE.whl         the PyTorch that tests and benchmarks compare with, as arguments of `pip
#                          install`; see docs/benchmarks.md. By default pip picks torch==2.13.0, and a
#                          build of it that is already in .venv, or that pip's own configuration
#                          offers (PIP_FIND_LINKS, PIP_EXTRA_INDEX_URL), is used.
#   VENV_FLAGS=--system-site-packages   let .venv see PYTHON's own packages, its PyTorch for one
#   PYTEST_ARGS="-k view"  what pytest gets besides

PYTHON ?= python3
CXX ?= g++
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
TORCH ?=
VENV_FLAGS ?=
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
export CXX
export CMAKE_BUILD_PARALLEL_LEVEL := $(JOBS)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
STAMPS := $(VENV)/stamps
CPP_BUILD := build/dev
ASAN_BUILD := build/asan
TSAN_BUILD := build/tsan

SOURCES := pyproject.toml CMakeLists.txt LICENSE $(wildcard README.md) $(shell \
  find csrc python cuda -type f -not -name '*.pyc' -not -path '*/.*' 2>/dev/null)
CPP_FILES = $(shell git ls-files -co --exclude-standard '*.cpp' '*.h' '*.cu' '*.cuh' 2>/dev/null)

CMAKE = $(BIN)/cmake -S . -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN)/ninja) -Wno-dev
PIP_BUILD = $(BIN)/pip install --quiet --no-build-isolation
CTEST = $(BIN)/ctest --output-on-failure --parallel $(JOBS)
PYTEST = $(PY) -m pytest -n $(JOBS)

##@ Using it

.PHONY: demo
demo: $(STAMPS)/demo ## train a classifier of handwritten digits with examples/digits.py
	$(PY) -m whygrad run examples/digits.py

.PHONY: install
install: $(STAMPS)/demo ## build whygrad and install it in .venv

.PHONY: bench
bench: $(STAMPS)/test ## compare with PyTorch; BENCH_ARGS="--quick --only add"
	$(PY) -m bench $(BENCH_ARGS)

##@ Testing it

.PHONY: test
test: lint test-cpp test-python sanitize-cpp ## everything that must pass before a change lands

.PHONY: test-cpp
test-cpp: $(STAMPS)/test ## the C++ tests
	$(CTEST) --test-dir $(CPP_BUILD)

.PHONY: test-python
test-python: $(STAMPS)/test ## the Python tests, with the comparison with PyTorch
	$(PYTEST) $(PYTEST_ARGS)

.PHONY: fuzz
fuzz: $(STAMPS)/test ## random programs compared with PyTorch, for a long time
	WHYGRAD_FUZZ=long $(PYTEST) tests/python/fuzz $(PYTEST_ARGS)

# halt_on_error: a report fails the test that caused it.
SANITIZER_ENV = UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

# Only the baseline's kernels, unless the Python tests follow: half the time to build, and those of the
# other instruction sets come from the same sources.
SANITIZE_ISAS :=

.PHONY: sanitize-cpp
sanitize-cpp: $(STAMPS)/build-tools check-gtest ## the C++ tests under ASan and UBSan, with the baseline's kernels
	$(CMAKE) -B $(ASAN_BUILD) -DCMAKE_BUILD_TYPE=Release -DWHYGRAD_PYTHON=OFF -DWHYGRAD_TESTS=ON -DWHYGRAD_PCH=ON \
	  '-DWHYGRAD_ISAS=$(SANITIZE_ISAS)' -DWHYGRAD_SANITIZE=address,undefined --log-level=WARNING
	$(BIN)/cmake --build $(ASAN_BUILD)
	$(SANITIZER_ENV) $(CTEST) --test-dir $(ASAN_BUILD)

# The interpreter itself is not instrumented, so the runtime has to be loaded before it. libstdc++ comes
# along because ASan must find __cxa_throw when it starts. Leaks are off: CPython keeps objects to its end. The
# quarantine is small, or tests that memory stays flat would see it fill.
.PHONY: sanitize
sanitize: SANITIZE_ISAS := avx2;avx512
sanitize: sanitize-cpp $(STAMPS)/test ## C++ and Python tests under ASan and UBSan, with all kernels
	$(PIP_BUILD) --no-deps --upgrade --target $(ASAN_BUILD)/site --config-settings=build-dir=$(ASAN_BUILD) \
	  --config-settings=cmake.define.WHYGRAD_SANITIZE=address,undefined \
	  '--config-settings=cmake.define.WHYGRAD_ISAS=$(SANITIZE_ISAS)' \
	  --config-settings=cmake.define.WHYGRAD_TESTS=ON --config-settings=install.strip=false .
	LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libstdc++.so)" \
	  PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=1 $(SANITIZER_ENV) \
	  PYTHONPATH=$(abspath $(ASAN_BUILD)/site) $(PYTEST) $(PYTEST_ARGS)

.PHONY: tsan
tsan: $(STAMPS)/build-tools check-gtest ## the C++ tests under the thread sanitizer
	$(CMAKE) -B $(TSAN_BUILD) -DCMAKE_BUILD_TYPE=Release -DWHYGRAD_PYTHON=OFF -DWHYGRAD_TESTS=ON \
	  -DWHYGRAD_SANITIZE=thread --log-level=WARNING
	$(BIN)/cmake --build $(TSAN_BUILD)
	TSAN_OPTIONS=halt_on_error=1 $(CTEST) --test-dir $(TSAN_BUILD)

##@ Working on it

.PHONY: lint
lint: $(STAMPS)/test ## ruff, mypy and the format of the C++ files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $(CPP_FILES)

.PHONY: format
format: $(STAMPS)/test ## put C++ and Python files into the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CPP_FILES)

.PHONY: wheel
wheel: $(STAMPS)/build-tools ## build the wheel into dist/
	$(BIN)/pip wheel --quiet --no-build-isolation --no-deps --wheel-dir dist .
	@ls -l dist/*.whl

.PHONY: clean
clean: ## remove what was built, and .venv
	rm -rf build dist $(VENV)

.PHONY: help
help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---- what the targets stand on -------------------------------------------------------------------

# Each check names the Debian package to install; other systems have them under similar names.
define need
	@{ $(1); } >/dev/null 2>&1 || { echo "error: $(2)" >&2; exit 1; }
endef

.PHONY: check-system
check-system:
	$(call need,command -v $(PYTHON),no $(PYTHON): install python3 or say PYTHON=...)
	$(call need,$(PYTHON) -c 'import sys; assert sys.version_info >= (3$(comma)10)',$(PYTHON) is older than 3.10: say PYTHON=...)
	$(call need,$(PYTHON) -c 'import venv$(comma) ensurepip',$(PYTHON) has no venv module: install python3-venv)
	$(call need,$(PYTHON) -c 'import os$(comma) sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")',$(PYTHON) has no C headers: install python3-dev)
	$(call need,echo '#include <concepts>' | $(CXX) -std=c++20 -fsyntax-only -x c++ -,no C++20 compiler: install g++ (11 or newer) or say CXX=...)

.PHONY: check-gtest
check-gtest: check-system
	$(call need,echo '#include <gtest/gtest.h>' | $(CXX) -std=c++20 -fsyntax-only -x c++ -,the C++ tests need GoogleTest: install libgtest-dev)

comma := ,

$(STAMPS)/venv: | check-system
	$(PYTHON) -m venv $(VENV_FLAGS) $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/build-tools: $(STAMPS)/venv pyproject.toml
	$(BIN)/pip install --quiet 'scikit-build-core>=0.10' 'pybind11>=2.13' cmake ninja
	@touch $@

# One build directory serves the installed module and the C++ tests; only what changed is compiled.
$(STAMPS)/demo: $(STAMPS)/build-tools $(SOURCES)
	$(PIP_BUILD) --config-settings=build-dir=$(CPP_BUILD) '.[demo]'
	@touch $@

$(STAMPS)/test: $(STAMPS)/build-tools $(STAMPS)/torch $(SOURCES) $(wildcard tests/cpp/*) | check-gtest
	$(PIP_BUILD) --config-settings=build-dir=$(CPP_BUILD) \
	  --config-settings=cmake.define.WHYGRAD_TESTS=ON '.[demo,test,dev]'
	@touch $@ $(STAMPS)/demo

$(STAMPS)/torch: $(STAMPS)/venv
	$(if $(TORCH),$(BIN)/pip install --quiet $(TORCH))
	@touch $@
