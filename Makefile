# ccagi-aws-agent: `make help` lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# What is expensive is kept outside the clone, in one folder.
CACHE ?= $(HOME)/.cache/ccagi-aws-agent
export CARGO_TARGET_DIR ?= $(CACHE)/target
export CCAGI_CACHE ?= $(CACHE)

# The program is shipped and tested with all that it can have, so that all targets share one build.
FEATURES := --all-features

ENV := python3 tests/env/env.py
RUST_FILES = $(shell git ls-files --cached --others --exclude-standard '*.rs')

IMAGE ?= ccagi-aws-agent:$(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)

.PHONY: help demo test faults coverage mutants bench up down build lint fmt fmt-check generate generated-check dist \
	deny image release-artifacts

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

demo: ## Show the product at work from nothing to nothing (KEEP=1 leaves it running)
	python3 tests/env/demo.py

test: ## Run every test, the end-to-end stories included
	$(ENV) build all
	cargo test $(FEATURES) --lib --bins --no-run
	cargo test $(FEATURES) --test suite --no-run
	$(ENV) test
	cargo test $(FEATURES) --lib --bins
	$(ENV) test-chart
	$(ENV) exec --dir "$$(mktemp -d -t ccagi-test-XXXXXX)" -- \
		sh -c "cargo test $(FEATURES) --test suite && python3 tests/env/unused_actions.py && python3 tests/env/unused_permissions.py"

faults: ## Strike every call of every workload in every way and write docs/reliability.md (FAULT='…' replays one plan)
	$(ENV) build all
	cargo test $(FEATURES) --release --test suite --no-run
	FAULTS_REPORT="$${FAULTS_REPORT-$$(test -n "$$FAULT$$FAULTS_ONLY$$FAULTS_WITH$$FAULTS_SAMPLE" || echo docs/reliability.md)}" \
		$(ENV) exec --dir "$$(mktemp -d -t ccagi-faults-XXXXXX)" -- \
		cargo test $(FEATURES) --release --test suite -- faults::every_call --ignored --nocapture

coverage: ## Run the whole suite with counters, print which lines of src/ it reaches, and fail below the thresholds
	$(ENV) build all
	python3 tests/env/coverage.py

mutants: ## Seed bugs one at a time and see each caught; write the table in docs/reliability.md (BUGS='…' takes some)
	$(ENV) build all
	python3 tests/mutants/mutants.py

bench: PROFILE ?= dist
bench: ## Measure the program as it is shipped with COUNT=1000 buckets, SHOPS=50 (PROFILE=release compiles sooner)
	cargo build $(FEATURES) --profile $(PROFILE)
	CCAGI_BINARY=$(CARGO_TARGET_DIR)/$(PROFILE)/ccagi-aws-agent python3 tests/env/bench.py

up: ## Start the local control plane and the AWS emulator, and print their exports
	@$(ENV) up --dir .env

down: ## Stop what `make up` or a kept demo left running
	@$(ENV) down --dir .env

build: ## Build the program for development
	cargo build $(FEATURES)

dist: ## Build the program as it is shipped: optimised throughout
	cargo build $(FEATURES) --profile dist

# Clippy as the compiler's wrapper lints the build's own units: `cargo clippy` would check all
# dependencies, the AWS SDK among them, a second time. What only a build without features has is in the library.
lint: export RUSTC_WORKSPACE_WRAPPER = $(shell rustc --print sysroot)/bin/clippy-driver
lint: export CLIPPY_ARGS = -D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__
lint: ## Lint with warnings denied
	cargo build $(FEATURES) --all-targets
	cargo build --lib

deny: ## Check licences, bans, sources and duplicates of the dependencies
	"$$($(ENV) build tools)/bin/cargo-deny" check --hide-inclusion-graph licenses bans sources

image: ## Build the container image (IMAGE=name:tag)
	docker build --tag $(IMAGE) .

release-artifacts: ## Write the chart's package, the definitions, a one-file install manifest and the SBOM into release/
	python3 tests/env/artifacts.py release

fmt: ## Format all sources; `cargo fmt` does not see the modules of the table of kinds
	rustfmt --edition 2024 $(RUST_FILES)

fmt-check: ## Fail if a source is not formatted
	rustfmt --edition 2024 --check $(RUST_FILES)

generate: build ## Write the generated files: crds/ and docs/reference.md
	$(CARGO_TARGET_DIR)/debug/ccagi-aws-agent crds --dir crds --reference docs/reference.md

generated-check: generate ## Fail if a generated file is not as committed
	git diff --exit-code -- crds docs/reference.md
