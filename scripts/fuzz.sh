#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Fuzzes each decoder for SECONDS with libFuzzer, one after another, from the kept corpus of
# tests/fuzz. Stops at the first finding, whose input is build-fuzz/TARGET-..., to be kept in
# tests/fuzz/corpus/TARGET once it is mended.
#
# usage: fuzz.sh SECONDS [TARGET...]     FUZZ_CC: the clang to build with
set -eu
cd "$(dirname "$0")/.."
seconds=${1:?usage: fuzz.sh SECONDS [TARGET...]}
shift
[ $# -gt 0 ] || set -- nl_parse request packet knob topology client shim

[ -f build-fuzz/build.ninja ] ||
	CC=${FUZZ_CC:-clang} meson setup build-fuzz -Dfuzz=true -Db_lundef=false \
		-Db_sanitize=address,undefined --buildtype=debugoptimized
for target; do
	ninja -C build-fuzz "tests/fuzz/fuzz_$target"
done

# Notifications are kept in mapped memory, where leaks are only looked for at the end.
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
for target; do
	mkdir -p "build-fuzz/corpus/$target"
	echo "fuzz: $target, $seconds s"
	"build-fuzz/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -max_len=4096 -timeout=120 \
		-detect_leaks=0 -print_final_stats=1 -artifact_prefix="build-fuzz/$target-" \
		"build-fuzz/corpus/$target" "tests/fuzz/corpus/$target" 2>"build-fuzz/$target.log" || {
		tail -n 40 "build-fuzz/$target.log"
		exit 1
	}
	tail -n 5 "build-fuzz/$target.log"
done
