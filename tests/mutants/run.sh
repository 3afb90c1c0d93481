#!/usr/bin/env bash
# Planted faults: each patch in this folder breaks a promise of the engine, and some test has to
# notice. A fault that nothing notices means that the tests prove less than they claim.
#
#   bash tests/mutants/run.sh [PATCH...]      TAP; all of them by default
#
# The head of a patch says what it breaks and who is expected to notice, in this order:
#
#   What: the sync token is saved with the first page
#   Noticed by: sim
#   Noticed by: unit/test_sync_resume
#
# "sim" is tests/sim, SIM_COUNT histories (default 3000) from seed 1. JOBS trees are worked on at a
# time (default: one a processor), each a copy of this one under $BUILD/mutants. The tests named must
# hold without the patch: that is checked first.
set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=${CALSYNC_BUILD:-$top/build}/mutants
jobs=${JOBS:-$(nproc)}
count=${SIM_COUNT:-3000}
unset MAKEFLAGS MFLAGS MAKELEVEL V SANITIZE DEVELOPER BUILD
# Warnings do not matter here, speed does.
build=(make -s -j1 CC="${CC:-gcc}" CFLAGS=-O1)

field() {
	sed -n "/^--- /q; s/^$1: //p" "$2"
}

# program NAME: what a "Noticed by" builds and runs.
program() {
	case $1 in
	sim) echo build/sim/sim ;;
	*) echo "build/$1" ;;
	esac
}

# notices NAME: whether this test fails in the tree that is the current folder. Its output: out.
notices() {
	local target
	target=$(program "$1")
	if [ "$1" = sim ]; then
		! timeout 300 "$target" --brief 1 --seed 1 --count "$count" --jobs 1 >out 2>&1 </dev/null
	else
		! timeout 300 "$target" >out 2>&1 </dev/null
	fi
}

# Reads patches from the pipe, one a line, and prints one line of TAP (without a number) for each.
worker() {
	local tree=$work/$1 patch what name target by seconds
	mkdir -p "$tree"
	(cd "$top" && git ls-files -z | tar --null -T - -cf -) | tar -xf - -C "$tree"
	cd "$tree" || exit 1
	while read -r patch; do
		name=$(basename "$patch" .patch)
		what=$(field What "$patch")
		seconds=$SECONDS
		if ! patch -p1 -s --no-backup-if-mismatch <"$patch" >out 2>&1; then
			echo "not ok - $name: the patch no longer applies: $(tail -n 1 out)"
			(cd "$top" && git ls-files -z | tar --null -T - -cf -) | tar -xf - -C "$tree"
			continue
		fi
		by=
		for target in $(field 'Noticed by' "$patch"); do
			if ! "${build[@]}" "$(program "$target")" >out 2>&1; then
				by=unbuilt
				break
			fi
			notices "$target" && by=$target && break
		done
		case $by in
		'') echo "not ok - $name: nobody noticed: $what" ;;
		unbuilt) echo "not ok - $name: does not build: $(grep -m1 error out)" ;;
		*) echo "ok - $name: $what (noticed by $by, $((SECONDS - seconds)) s)" ;;
		esac
		patch -p1 -s -R --no-backup-if-mismatch <"$patch" >/dev/null
	done
}

# The tests themselves hold in a tree without a fault.
check_whole() {
	local target
	mkdir -p "$work/1"
	(cd "$top" && git ls-files -z | tar --null -T - -cf -) | tar -xf - -C "$work/1"
	cd "$work/1" || return 1
	for target in $(for p in "${patches[@]}"; do field 'Noticed by' "$p"; done | sort -u); do
		"${build[@]}" "$(program "$target")" >out 2>&1 || { tail -n 5 out; return 1; }
		if notices "$target"; then
			echo "# $target fails without any fault"
			tail -n 20 out
			return 1
		fi
	done
}

patches=("$@")
[ $# -gt 0 ] || patches=("$top"/tests/mutants/*.patch)
for i in "${!patches[@]}"; do
	patches[i]=$(realpath "${patches[i]}")
done
rm -rf "$work"
mkdir -p "$work"
echo "1..$((${#patches[@]} + 1))"
if (check_whole); then
	echo "ok 1 - the tests hold without a fault"
else
	echo "not ok 1 - the tests hold without a fault"
	exit 1
fi
# Each worker takes every jobs-th patch; lines come as they are ready.
for ((w = 1; w <= jobs; w++)); do
	for ((i = w - 1; i < ${#patches[@]}; i += jobs)); do
		echo "${patches[i]}"
	done | worker "$w" &
done | awk '{ sub(/^ok - /, "ok " NR + 1 " - "); sub(/^not ok - /, "not ok " NR + 1 " - "); print; fflush() }
	/^not ok/ { failed = 1 } END { exit failed }'
