#!/bin/sh
# Run the test programs of one suite, each of which prints TAP, and count.
#
#   sh tests/run-suite.sh SUITE PROGRAM...
#
# A PROGRAM is a cmocka binary, a .bats file, a .mjs file for Node.js, or a .sh file. They run
# JOBS at a time (default: one per processor); the output of each is printed in one piece: all of
# it when something went wrong, its count otherwise. V=1 prints everything.
#
# Counted as a failure, beside `not ok`: an exit status other than 0 without one (a crash, a leak
# reported at exit), fewer or more tests than planned, no test at all, and, when CI is set, a
# skipped test. The last line is "SUITE: N passed, N failed"; it is also added to the file $TALLY.
set -u
# Tests name characters by code (\u202e), which a shell reads in the locale that it starts in.
export LC_ALL=C.UTF-8

# Run one program and leave its log and its counts; used through xargs below.
if [ "$1" = --one ]; then
	dir=$2
	program=$3
	log=$dir/$(printf %s "$program" | tr -c 'A-Za-z0-9._-' _)
	case $program in
	*.bats) bats --formatter tap ${FILTER:+--filter "$FILTER"} "$program" ;;
	*.mjs) node "$program" ;;
	*.sh) bash "$program" ;;
	*) CMOCKA_MESSAGE_OUTPUT=TAP "$program" ;;
	esac >"$log" 2>&1 </dev/null
	status=$?
	# cmocka writes a skipped test as "not ok N # SKIP name"; everyone else as "ok N ... # skip".
	awk -v status="$status" -v ci="${CI:-}" -v filter="${FILTER:-}" '
		/^1\.\.[0-9]+/ { planned = 1; plan += substr($1, 4) }
		/^(not )?ok [0-9]+.*# *[Ss][Kk][Ii][Pp]/ { skipped++; next }
		/^ok [0-9]+/ { passed++ }
		/^not ok [0-9]+/ { failed++ }
		END {
			seen = passed + failed + skipped
			if (!planned || plan != seen) {
				why = sprintf("%d of %d planned tests ran; ", seen, plan)
				failed++
			}
			if (status != 0 && !failed) {
				why = why "exit status " status "; "
				failed = 1
			}
			if (seen == 0 && filter == "" && !failed) {
				why = why "no test in it; "
				failed = 1
			}
			if (ci != "" && skipped) {
				why = why skipped " skipped in CI; "
				failed += skipped
				skipped = 0
			}
			if (skipped)
				why = why skipped " skipped; "
			print passed + 0, failed + 0, skipped + 0, why
		}' "$log" >"$log.count"
	read -r passed failed skipped why <"$log.count"
	{
		if [ "$failed" -ne 0 ] || [ "${V:-0}" = 1 ]; then
			cat "$log"
		fi
		echo "# $program: $passed passed, $failed failed${why:+ (${why%;*})}"
	} >"$log.out"
	# One write, so that two programs that end together do not mix their lines.
	cat "$log.out"
	exit 0
fi

suite=$1
shift
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
jobs=${JOBS:-$(nproc 2>/dev/null || echo 2)}
if [ $# -gt 0 ]; then
	printf '%s\0' "$@" | xargs -0 -n 1 -P "$jobs" sh "$0" --one "$dir"
fi

total=$(cat "$dir"/*.count 2>/dev/null | awk '
	{ passed += $1; failed += $2; skipped += $3 }
	END { print passed + 0, failed + 0, skipped + 0 }')
read -r passed failed skipped <<END
$total
END
# A runner that died before it could count (xargs killed, disk full) must not pass.
ran=$(find "$dir" -name '*.count' -size +0 | wc -l)
if [ "$ran" -ne $# ] || [ $((passed + failed)) -eq 0 ]; then
	echo "# $suite: $ran of $# programs reported, $passed tests passed" >&2
	failed=$((failed + 1))
fi
[ -z "${TALLY:-}" ] || echo "$suite $passed $failed" >>"$TALLY"
[ "$skipped" -eq 0 ] || echo "# $suite: $skipped skipped"
echo "$suite: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
