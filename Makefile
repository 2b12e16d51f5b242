# Everything a newcomer, a contributor and CI need; each recipe says what it does. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
# The processor that the C++ engine is built for. `avx2` runs on every x86-64 since 2013; `avx512` is faster where
# the machine has it. Never `native`: see .cargo/config.toml.
CPU ?= avx2
ifeq ($(CPU),avx512)
export GGML_AVX512 := ON
export GGML_AVX512_VBMI := ON
export GGML_AVX512_VNNI := ON
endif

QUESTION ?= What is the weather in Oslo?
TOOLS ?= examples/tools.json
# How long each fuzz target runs.
SECONDS ?= 60
# Where `make install` puts things. DESTDIR goes before it, for those who package.
PREFIX ?= $(HOME)/.local
# Both engines: llama.cpp is on by default.
ENGINES := callwright/candle,callwright-cli/candle
# What cargo builds into.
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help run test setup lint format docs install dist bench fuzz deny clean
help: ## list the recipes
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

# One thread for candle: tests run side by side, and the threads of several would wait for each other.
test bench: export CANDLE_NUM_THREADS := 1

run: setup ## build, and make one validated tool call with the embedded model
	$(CARGO) build --release
	$(TARGET)/release/callwright run "$(QUESTION)" --tools $(TOOLS) --tool-choice required

# Tests that were skipped leave a line there.
test: export CALLWRIGHT_SKIPPED := $(abspath $(TARGET))/skipped-tests

test: setup ## run all tests, on all engines and with each feature alone
	@mkdir -p "$(TARGET)" && rm -f "$(CALLWRIGHT_SKIPPED)"
	$(CARGO) test --locked --workspace --features $(ENGINES)
	$(CARGO) check --locked -p callwright-models --features hub
	$(CARGO) check --locked -p callwright-providers --features tls
	$(CARGO) check --locked -p callwright --no-default-features
	$(CARGO) check --locked -p callwright-cli --no-default-features
	$(CARGO) check --locked -p callwright-cli --no-default-features --features candle
	@if [ -s "$(CALLWRIGHT_SKIPPED)" ]; then sort -u "$(CALLWRIGHT_SKIPPED)"; else echo "no test was skipped"; fi

setup: ## install what the build needs and is missing
	@./.ci/setup

lint: ## check formatting, and run clippy with each feature
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --features $(ENGINES) --all-targets -- -D warnings
	$(CARGO) clippy --locked -p callwright-cli -p callwright --no-default-features -- -D warnings

format: ## format the code
	$(CARGO) fmt --all

docs: ## build the API reference; warnings are errors
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps

install: setup ## install binary, man pages and completions into PREFIX=~/.local, under DESTDIR
	$(CARGO) build --locked --release
	@.ci/layout $(TARGET)/release/callwright "$(DESTDIR)$(PREFIX)"
	@echo "installed $(DESTDIR)$(PREFIX)/bin/callwright, with man pages and completions"

dist: setup ## build a tarball of the same, with README, licences and a checksum, in target/dist
	$(CARGO) build --locked --release
	@.ci/dist $(TARGET)/release/callwright $(TARGET)/dist

bench: ## benchmark the parser
	$(CARGO) bench --locked

fuzz: ## fuzz each target for SECONDS=60; see CONTRIBUTING.md for libFuzzer
	cd fuzz && for target in gguf linear parser schemas trust values; do \
	  $(CARGO) run --quiet --locked --release --no-default-features --bin mutate -- $$target $(SECONDS); done

deny: ## check licences, sources and advisories of dependencies; installs cargo-deny
	@cargo deny --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny
	@.ci/deny

clean: ## remove build outputs
	$(CARGO) clean
