#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs what finelink is built and tested with on Debian 12, if anything is missing.
# Usage: scripts/deps.sh [build|test|ci]; without an argument: test.
set -eu

build='gcc libc6-dev linux-libc-dev meson ninja-build pkg-config python3
       liburcu-dev libmnl-dev libcyaml-dev libyaml-dev libjson-c-dev libcmocka-dev
       libseccomp-dev'
test="$build iproute2 python3-pyroute2 spin procps
      golang-go golang-github-vishvananda-netlink-dev"
ci="$test clang libclang-rt-14-dev"

case "${1:-test}" in
build) wanted=$build ;;
test) wanted=$test ;;
ci) wanted=$ci ;;
*)
	echo "usage: scripts/deps.sh [build|test|ci]" >&2
	exit 2
	;;
esac

missing=
for package in $wanted; do
	status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
	[ "$status" = 'install ok installed' ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

install='apt-get install -y --no-install-recommends'
if ! command -v apt-get >/dev/null 2>&1; then
	echo "deps: this is not a Debian system; install what these packages hold:$missing" >&2
	exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "deps: missing packages. As root, run:" >&2
	echo "  $install$missing" >&2
	exit 1
fi
echo "deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086 # a list of words on purpose
$install -q $missing

# What was configured without these looks again for what it can build and test now.
cd "$(dirname "$0")/.."
for folder in build*/; do
	[ ! -f "$folder/build.ninja" ] || meson setup --reconfigure "$folder" >/dev/null
done
