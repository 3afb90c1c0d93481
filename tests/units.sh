#!/usr/bin/env bash
# The systemd units as `make install` places them: `systemd-analyze verify` has nothing to say, the
# exposure that `systemd-analyze security` works out stays below its bound, pages that they name exist,
# and channels are renewed before they end. Prints TAP. Nothing is started; see tests/boot.sh for that.
set -u
cd "$(dirname "$0")/.." || exit 1
top=$PWD
build=${CALSYNC_BUILD:-$top/build}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
n=0
bad=0

# ok NAME COMMAND...: its output is the reason when it fails.
ok() {
	local name=$1 said
	shift
	n=$((n + 1))
	if said=$("$@" 2>&1); then
		echo "ok $n $name"
	else
		bad=$((bad + 1))
		echo "not ok $n $name"
		[ -z "$said" ] || printf '%s\n' "$said" | sed 's/^/# /'
	fi
}

# Below $work and not with DESTDIR: verify looks whether the programs are there.
installed() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s BUILD="$build" -o "$build/calsync" \
		PREFIX="$work/usr" install
}

# verify system|user: silence alone is good; a warning changes no exit status. An instance stands for
# the template.
verify() {
	local units=() said unit
	for unit in "$work/usr/lib/systemd/$1"/*; do
		units+=("${unit/@./@calsync-sync.service.}")
	done
	[ "$1" = system ] || export XDG_RUNTIME_DIR=$work
	said=$(SYSTEMD_UNIT_PATH=$work/usr/lib/systemd/$1: systemd-analyze "--$1" --man=no verify \
		"${units[@]}" 2>&1) || { echo "$said"; return 1; }
	# Units of the machine are read, too; they are not ours to mend.
	said=$(grep -F -e calsync -e "$work" <<<"$said")
	[ -z "$said" ] || { echo "$said"; return 1; }
}

# exposure UNIT MOST: in tenths, as systemd-analyze counts.
exposure() {
	systemd-analyze --no-pager --offline=yes --threshold="$2" security \
		"$work/usr/lib/systemd/system/$1"
}

# Each page that a unit names is one of ours.
pages() {
	local page missing=0
	while read -r page; do
		[ -f "man/$page" ] || { echo "no man/$page"; missing=1; }
	done < <(grep -hoE 'man:[a-z-]+\([0-9]\)' -r "$work/usr/lib/systemd" |
		sed -E 's/man:(.*)\((.)\)/\1.\2/' | sort -u)
	return "$missing"
}

# seconds TIMESPAN
seconds() {
	systemd-analyze timespan "$1" | sed -n 's/^ *μs: //p' | sed 's/000000$//'
}

# Five years of renewals. Two are never so far apart that a channel that one of them left alone, or made,
# ends before the other, the random delay and some hours to try again in it; and one that was just made
# is left alone by the next try.
renewed_in_time() {
	local dir=$work/usr/lib/systemd/$1 timer calendar delay longest within again life=$((7 * 86400))
	timer=$dir/calsync-renew-watches.timer
	calendar=$(sed -n 's/^OnCalendar=//p' "$timer")
	grep -qx FixedRandomDelay=true "$timer" && grep -qx Persistent=true "$timer" || return 1
	delay=$(seconds "$(sed -n 's/^RandomizedDelaySec=//p' "$timer")")
	within=$(seconds "$(sed -n 's/^ExecStart=.* --within //p' "$dir/calsync-renew-watches.service")")
	again=$(seconds "$(sed -n 's/^RestartSec=//p' "$dir/calsync-renew-watches.service")")
	longest=$(TZ=UTC systemd-analyze calendar --base-time=2027-01-01 --iterations=400 "$calendar" |
		sed -nE 's/.*(Next elapse|Iter. #[0-9]+): ([A-Z].*)/\2/p' | TZ=UTC date -f - +%s |
		awk 'NR > 1 && $1 - last > most { most = $1 - last }
			{ last = $1 }
			END { if (NR != 400) exit 1; print most }') || return 1
	echo "s: longest distance $longest, random delay $delay, window $within, again $again"
	[ "$longest" -le $((6 * 86400)) ] && [ $((longest + delay + 6 * 3600)) -lt "$within" ] &&
		[ $((within + 4 * again)) -lt "$life" ]
}

# of UNIT SETTING
of() {
	sed -n "s/^$2=//p" "$work/usr/lib/systemd/system/$1"
}

# Who is started again by Restart= fails, and OnFailure= with it, only at a start limit: one that its tries
# reach, however long each takes. It is over when the next one comes.
told_of() {
	local unit=calsync-renew-watches.service burst interval again longest next
	burst=$(of "$unit" StartLimitBurst)
	interval=$(seconds "$(of "$unit" StartLimitIntervalSec)")
	again=$(seconds "$(of "$unit" RestartSec)")
	longest=$((again + $(seconds "$(of "$unit" TimeoutStartSec)")))
	next=$(seconds "$(of calsync-renew-watches-again.timer OnActiveSec)")
	echo "s: $burst tries in $interval, $again to $longest apart, again after $next"
	of "$unit" OnFailure | grep -qx 'calsync-failure@%n.service calsync-renew-watches-again.timer' &&
		[ $((burst * longest)) -lt "$interval" ] && [ $((burst * again)) -ge 7200 ] &&
		[ $((burst * again + next)) -gt "$interval" ]
}

# Where OnFailure= and Restart= stand together there is a limit.
no_endless_secret() {
	local file
	for file in "$work"/usr/lib/systemd/system/*.service; do
		! grep -q '^OnFailure=' "$file" || ! grep -q '^Restart=' "$file" ||
			! grep -q '^StartLimitIntervalSec=0' "$file" || { echo "$file"; return 1; }
	done
}

# What the syncer's units share is in each of them, and no @WORD@ is left anywhere.
filled() {
	local unit line
	for unit in sync queue renew-watches; do
		for line in LoadCredentialEncrypted=calsync-key MemoryMax= TasksMax=; do
			grep -q "^$line" "$work/usr/lib/systemd/system/calsync-$unit.service" || return 1
		done
	done
	! grep -rnE '@[A-Z]+@' "$work/usr/lib" "$work/usr/sbin"
}

if ! said=$(installed 2>&1); then
	printf '%s\n' "$said" >&2
	exit 1
fi
ok 'units: what they share is filled in' filled
ok 'units: verify, system' verify system
ok 'units: verify, user' verify user
ok 'units: the pages that they name exist' pages
for unit in sync renew-watches queue; do
	ok "units: exposure of calsync-$unit at most 1.5" exposure "calsync-$unit.service" 15
done
ok 'units: exposure of calsync-webhookd at most 0.5' exposure calsync-webhookd.service 5
ok 'units: exposure of calsync-failure@ at most 1.5' exposure calsync-failure@.service 15
for manager in system user; do
	ok "units: channels are renewed in time, $manager" renewed_in_time "$manager"
done
ok 'units: a renewal that fails again and again is told' told_of
ok 'units: what is told of when it fails is not started again without end' no_endless_secret
echo "1..$n"
[ "$bad" -eq 0 ]
