# annexd: `make serve` tries it, `make test` tests it. Nothing else is needed on a fresh clone.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PACKAGES := libssl-dev libb2-dev libxxhash-dev libbotan-2-dev zlib1g-dev git curl python3-venv make
# What the tests need beyond these, and what the benchmarks do.
TEST_PACKAGES := openssl strace
BENCH_PACKAGES := nginx-light fcgiwrap wrk openssl
GIT_ANNEX_VERSION := 10.20261026
VENV := .venv
GIT_ANNEX := $(VENV)/bin/git-annex
# Other clients that scenarios run; see docs/clients.md.
CLIENTS := .clients
LINTED := Sources Tests $(wildcard Benchmarks/Sources Benchmarks/Benchmarks Benchmarks/Package.swift) Package.swift
LISTEN ?= 127.0.0.1:9417
PREFIX ?= /usr/local
# The shell counts in a variable of this name, so only one given to make is meant.
FUZZ_SECONDS := $(if $(filter command line,$(origin SECONDS)),$(SECONDS),60)

# libFuzzer's loop, which the Swift toolchain brings along.
FUZZER = $(firstword $(wildcard $(dir $(realpath $(shell command -v swiftc)))../lib/clang/*/lib/linux/libclang_rt.fuzzer_no_main-$(shell uname -m).a))

.PHONY: help serve test storm crash faults fuzz sanitize check lint bench bench-deps format build release deps test-deps docs hooks install test-install clean

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

serve: release $(GIT_ANNEX) ## serve ./var/repos with a demo repository on 127.0.0.1:9417
	@exec deploy/demo.sh "$$(swift build -c release --show-bin-path)/annexd" var/repos $(LISTEN) $(GIT_ANNEX)

# In three runs: what measures memory, and what blocks threads while it waits for real clients, each by itself.
TESTS := ANNEXD_STRICT=1 ANNEXD_TEST_GIT_ANNEX="$(CURDIR)/$(GIT_ANNEX)" ANNEXD_TEST_CLIENTS="$(CURDIR)/$(CLIENTS)" swift test

test: deps test-deps $(GIT_ANNEX) ## unit tests, and scenarios with real git and git-annex
	$(TESTS) --skip 'HTTPTransportTests|ScenarioTests'
	$(TESTS) --skip-build --filter HTTPTransportTests
	$(TESTS) --skip-build --filter ScenarioTests

storm: deps test-deps $(GIT_ANNEX) ## the long forms: 10,000 interruptions, 1,000 racing drops, minutes of drop and get
	ANNEXD_TEST_STORM=10000 ANNEXD_TEST_QUIET_SECONDS=2 $(TESTS) --filter ScenarioTests.StormTests
	ANNEXD_TEST_INTERRUPTIONS=1000 ANNEXD_TEST_QUIET_SECONDS=2 $(TESTS) --skip-build \
		--filter ScenarioTests.ProxyInterruptionTests
	ANNEXD_TEST_RACING_DROPS=1000 $(TESTS) --skip-build --filter ScenarioTests.RacingDropTests
	ANNEXD_TEST_LOOP_SECONDS=300 $(TESTS) --skip-build --filter ScenarioTests.ContentionTests/loops
	ANNEXD_TEST_REPOSITORIES=10000 $(TESTS) --skip-build --filter ScenarioTests.ManyRepositoriesTests
	ANNEXD_TEST_DATASETS=300 $(TESTS) --skip-build --filter ScenarioTests.NestedDatasetsTests
	ANNEXD_TEST_JOBS=50 $(TESTS) --skip-build --filter ScenarioTests.PushRaceTests/jobs

# `make crash ROUNDS=1000 SEED=7`; the seed is told when something is found.
ROUNDS ?= 1000
crash: deps $(GIT_ANNEX) ## kill the server ROUNDS times in the middle of work, and check what it had acknowledged
	ANNEXD_TEST_CRASH_ROUNDS=$(ROUNDS) $(if $(SEED),ANNEXD_TEST_CRASH_SEED=$(SEED)) $(TESTS) --filter CrashTests

faults: deps ## let every file operation of the important work fail in each of three ways
	ANNEXD_TEST_FAULTS=all $(TESTS) --filter FaultTests

fuzz: deps ## attack the decoders for a while: SECONDS=60 each, TARGET='key route' for some, KEEP=1 to grow the corpus
	@[ -n "$(FUZZER)" ] || { echo "this Swift toolchain has no libclang_rt.fuzzer_no_main" >&2; exit 1; }
	ANNEXD_FUZZ="$(realpath $(FUZZER))" swift build -c release --product annexd-fuzz --scratch-path .build-fuzz
	@SECONDS_EACH="$(FUZZ_SECONDS)" Tests/FuzzTests/fuzz .build-fuzz/release/annexd-fuzz .build-fuzz/corpus $(TARGET)

sanitize: deps test-deps $(GIT_ANNEX) ## all tests under ThreadSanitizer, then under AddressSanitizer
	Tests/sanitize thread
	Tests/sanitize address

check: deps lint ## what must hold before a commit: formatting, and a build without warnings
	ANNEXD_STRICT=1 swift build --build-tests

lint: ## formatting, files opened without following links, imports, prose, and the table of the specification's statements
	swift format lint --strict -r $(LINTED)
	Sources/lint-paths
	Sources/lint-imports
	Tests/lint-text
	@Tests/spec-statements --check

format: ## repair the formatting
	swift format -i -r $(LINTED)

bench: release bench-deps $(GIT_ANNEX) ## compare with nginx and p2phttp on this machine
	@ANNEXD="$$(swift build -c release --show-bin-path)/annexd" GIT_ANNEX="$(CURDIR)/$(GIT_ANNEX)" Benchmarks/run $(SUBJECTS)

build: deps ## debug build
	swift build

# With the Swift runtime inside: a service may not look into the home where a tool chain may lie.
release: deps ## optimized build of the annexd program
	swift build -c release --product annexd --static-swift-stdlib

docs: deps ## write docs/settings.md, config/annexd.example.toml and docs/spec/statements.md anew
	Tests/spec-statements
	ANNEXD_WRITE_DOCS=1 swift test --filter SettingsDocumentTests/fileIsUpToDate

deps: ## install the libraries that are missing (Debian, Ubuntu)
	@command -v swift >/dev/null || { echo "swift 6.2 or later is needed: https://www.swift.org/install/linux/" >&2; exit 1; }
	@$(call install,$(PACKAGES))

test-deps: $(CLIENTS)/fetched ## install the programs that only the tests need
	@$(call install,$(TEST_PACKAGES))

$(CLIENTS)/fetched: Tests/clients | deps
	Tests/clients $(CLIENTS)
	@touch $@

# Installs those Debian packages of a list that are missing.
define install
missing=(); \
for package in $(1); do \
    [ "$$(dpkg-query -W -f '$${db:Status-Status}' "$$package" 2>/dev/null)" = installed ] || missing+=("$$package"); \
done; \
if [ "$${#missing[@]}" -gt 0 ]; then \
    echo "installing $${missing[*]}" >&2; \
    if [ "$$(id -u)" -eq 0 ]; then root=(env); else root=(sudo); fi; \
    "$${root[@]}" apt-get update -q; \
    "$${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$${missing[@]}"; \
fi
endef

# What annexd is compared with. Debian starts an nginx on port 80 when it is installed, unless it is told not to.
bench-deps: ## install what the benchmarks compare with
	@export RUNLEVEL=1; $(call install,$(BENCH_PACKAGES))

# The client that the scenarios and the demo use. annexd itself does not need it.
$(GIT_ANNEX): | deps
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check git-annex==$(GIT_ANNEX_VERSION)
	@touch $@

hooks: ## install the formatting check as a pre-commit hook
	@hook="$$(git rev-parse --git-path hooks)/pre-commit"; \
	printf '%s\n' '#!/bin/sh' 'make -s lint || { echo "repair it with: make format" >&2; exit 1; }' > "$$hook"; \
	chmod +x "$$hook"; echo "installed $$hook"

# Asks no tool chain, which root need not have. `make release` has made what is copied.
PROGRAM ?= .build/release/annexd
DOCUMENTS := $(DESTDIR)$(PREFIX)/share/doc/annexd

install: ## copy what `make release` made to $(PREFIX), with the systemd units and their documentation
	@[ -x "$(PROGRAM)" ] || { echo "there is no $(PROGRAM): run make release first, as the user who has Swift" >&2; exit 1; }
	install -D -m 755 "$(PROGRAM)" $(DESTDIR)$(PREFIX)/bin/annexd
	install -d $(DESTDIR)/etc/systemd/system
	for unit in annexd.service annexd.socket; do \
		sed 's,/usr/local/,$(PREFIX)/,g' deploy/$$unit > $(DESTDIR)/etc/systemd/system/$$unit; \
		chmod 644 $(DESTDIR)/etc/systemd/system/$$unit; \
	done
	install -d $(DOCUMENTS)
	install -m 644 deploy/install.md deploy/nginx.conf docs/settings.md config/annexd.example.toml LICENSE $(DOCUMENTS)

test-install: release ## follow deploy/install.md with a release build, in a file system of its own; needs root
	Tests/install .build/release/annexd

clean: ## remove what was built; the repositories in ./var stay
	rm -rf .build .build-fuzz .build-tsan .build-asan
