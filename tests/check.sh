#!/bin/sh
# Run `make check-SUITE` for each given suite, whatever the ones before it said, and end with one
# line for all: "N passed, N failed". A suite that could not even be built counts as one failure.
#
#   MAKE=make sh tests/check.sh SUITE...
set -u
tally=$(mktemp) || exit 1
trap 'rm -f "$tally"' EXIT
trap 'exit 130' INT TERM
for suite in "$@"; do
	echo "== check-$suite"
	TALLY=$tally "${MAKE:-make}" --no-print-directory "check-$suite" ||
		grep -q "^$suite " "$tally" || echo "$suite 0 1" >>"$tally"
	grep -q "^$suite " "$tally" || echo "$suite 0 1" >>"$tally"
done
awk '
	{ passed += $2; failed += $3 }
	END {
		printf "%d passed, %d failed\n", passed, failed
		exit !(failed == 0 && passed > 0)
	}' "$tally"
