# SPDX-License-Identifier: LGPL-2.1-or-later
# A thin front for meson: every target installs what it needs (scripts/deps.sh) and
# builds before it runs.

BUILD ?= build
PREFIX ?= /usr/local
PODS ?= 1000
FUZZ_SECONDS ?= 600
MESON_TEST = meson test --print-errorlogs

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

deps:
	scripts/deps.sh ci

$(BUILD)/build.ninja:
	scripts/deps.sh build
	meson setup $(BUILD) --prefix=$(PREFIX)

demo: all
	$(BUILD)/cli/finelink launch --pods $(PODS)

test: deps-test all
	$(MESON_TEST) -C $(BUILD)

# What stands below drivers, daemon and programs: needs no root, takes seconds.
QUICK = support base lane nl bus netns core server
quick: deps-test all
	$(MESON_TEST) -C $(BUILD) $(addprefix --suite ,$(QUICK))

# What a real kernel was recorded to answer, against what we do.
conformance: deps-test all
	$(MESON_TEST) -C $(BUILD) --suite conformance --verbose

bench: deps-test all
	bench/bench.py --build $(BUILD) --json $(BUILD)/bench.json

asan: deps-test
	@test -f build-asan/build.ninja || \
		meson setup build-asan -Db_sanitize=address,undefined --buildtype=debugoptimized
	$(MESON_TEST) -C build-asan --timeout-multiplier 4

tsan: deps-test
	@test -f build-tsan/build.ninja || \
		meson setup build-tsan -Db_sanitize=thread --buildtype=debugoptimized
	$(MESON_TEST) -C build-tsan --timeout-multiplier 8

# Each decoder for FUZZ_SECONDS, with clang; longer than the short run in the tests.
fuzz:
	scripts/deps.sh ci
	scripts/fuzz.sh $(FUZZ_SECONDS)

deps-test:
	@scripts/deps.sh test

# A PREFIX that is given counts also if the tree was configured before.
install: $(BUILD)/build.ninja
	$(if $(filter-out file,$(origin PREFIX)),meson configure $(BUILD) -Dprefix=$(PREFIX))
	ninja -C $(BUILD)
	meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf $(BUILD) build-asan build-tsan build-clang build-fuzz

.PHONY: all deps demo test quick conformance bench asan tsan fuzz deps-test install clean
