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

.PHONY: help run test setup lint format docs bench fuzz deny clean
help: ## list the recipes
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

# One thread for candle: tests run side by side, and the threads of several would wait for each other.
test bench: export CANDLE_NUM_THREADS := 1

run: setup ## build, and make one validated tool call with the embedded model
	$(CARGO) build --release
	./target/release/callwright run "$(QUESTION)" --tools $(TOOLS) --tool-choice required

test: setup ## everything that must hold: tests of all kinds, on all features and on the bare core
	$(CARGO) test --locked --features candle
	$(CARGO) test --locked --no-default-features --lib --test tidy
	$(CARGO) check --locked --no-default-features --features cli
	$(CARGO) check --locked --no-default-features --features candle,cli

setup: ## install what the build needs and the machine lacks
	@./.ci/setup

lint: ## formatting, clippy on every feature set, dependency rules
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --features candle --all-targets -- -D warnings
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --no-default-features --all-targets -- -D warnings
	$(CARGO) clippy --locked --no-default-features --features cli -- -D warnings

format: ## put the code in shape
	$(CARGO) fmt

docs: ## the API reference, warnings refused
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps

bench: ## the speed of reading
	$(CARGO) bench --locked

fuzz: ## hostile input for each target, SECONDS=60 of it; see CONTRIBUTING.md for libFuzzer
	cd fuzz && for target in gguf linear parser schemas values; do \
	  $(CARGO) run --quiet --locked --release --no-default-features --bin mutate -- $$target $(SECONDS); done

deny: ## licences and known faults of dependencies (needs cargo-deny)
	$(CARGO) deny check

clean: ## forget what was built
	$(CARGO) clean
