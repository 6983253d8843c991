# Every target does its own set-up, in .venv. PYTHON names the interpreter to make it with.
PYTHON ?= python3
BIN    := .venv/bin
NATIVE := CMakeLists.txt $(wildcard hashcore/native/*) $(wildcard indexer/native/*)

.PHONY: demo test lint bench setup check clean

demo: setup        ## images → trained hash → codes → index → exact search → figures → a page to look at
	$(BIN)/hashcore demo --config conf/demo.yaml

test: setup        ## the whole suite; tests of public data sets look for them in $$HASHCORE_DATA
	$(BIN)/python -m pytest

lint: setup        ## style, types, and the arrows between the packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup       ## speed against faiss on this machine, equal results asserted first
	$(BIN)/hashcore bench scan

setup: check .venv/built

check:
	@command -v java >/dev/null || { echo "Java is missing, and Spark needs it (17 or newer): apt-get install openjdk-17-jre-headless, or brew install openjdk@17"; exit 1; }
	@command -v $${CXX:-c++} >/dev/null || { echo "A C++20 compiler is missing: apt-get install g++, or xcode-select --install"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11"; exit 1; }

.venv/installed: pyproject.toml conf/constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c conf/constraints.txt torch scikit-build-core nanobind cmake ninja
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c conf/constraints.txt --no-build-isolation -e '.[train,spark,report,dev]'
	@touch $@

.venv/built: .venv/installed $(NATIVE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

clean:
	rm -rf .venv build runs hashcore/*.so indexer/*.so
