# shellcheck disable=SC2154 # output, stderr and the like are set by bats' run
# For every file in tests/bats: `load helpers`, then
#
#   setup() { calsync_setup; fake_google_start; }
#   teardown() { calsync_teardown; }
#
# Each test has a home of its own below $BATS_TEST_TMPDIR and, when it asks for one, a sandbox of
# its own on a free loopback port. The build to test is $CALSYNC_BUILD (default: build).
bats_require_minimum_version 1.5.0

BATS_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BUILD_DIR=${CALSYNC_BUILD:-$BATS_DIR/../../build}

calsync_setup() {
	local var
	for var in $(compgen -e); do
		case $var in
		GOOGLE_* | CALSYNC_* | BACKEND_URL | NO_COLOR | BROWSER | *_DIRECTORY | XDG_* | LC_* | CONSENT_* | *_proxy)
			unset "$var"
			;;
		esac
	done
	export HOME=$BATS_TEST_TMPDIR/home
	export XDG_CONFIG_HOME=$HOME/.config XDG_DATA_HOME=$HOME/.local/share XDG_RUNTIME_DIR=$HOME/run
	export PATH=$BUILD_DIR:$PATH
	export TZ=Europe/Berlin LANG=C.UTF-8
	export ASAN_OPTIONS=abort_on_error=0:exitcode=99 UBSAN_OPTIONS=print_stacktrace=1
	mkdir -p "$HOME" "$XDG_RUNTIME_DIR"
	cd "$HOME" || return 1
	CALSYNC_STORE=$XDG_DATA_HOME/calsync/calsync.db
}

calsync_teardown() {
	fake_google_stop
}

# --- the sandbox ----------------------------------------------------------------------------

# fake_google_start [OPTION...]: start it and point calsync at it.
fake_google_start() {
	local port_file=$BATS_TEST_TMPDIR/port
	rm -f "$port_file"
	# fd 3 belongs to bats, which would wait for the sandbox to close it.
	# Its leaks are looked for by the unit tests: LeakSanitizer, which stops the world at exit, was
	# seen to hang in a process that had threads.
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 \
		calsync-sandbox --listen 127.0.0.1:0 --port-file "$port_file" "$@" \
		>"$BATS_TEST_TMPDIR/sandbox.log" 2>&1 3>&- &
	FAKE_GOOGLE_PID=$!
	for _ in $(seq 200); do
		[ -s "$port_file" ] && break
		kill -0 "$FAKE_GOOGLE_PID" 2>/dev/null || break
		sleep 0.05
	done
	if [ ! -s "$port_file" ]; then
		cat "$BATS_TEST_TMPDIR/sandbox.log" >&2
		return 1
	fi
	FAKE_GOOGLE_PORT=$(cat "$port_file")
	export CALSYNC_GOOGLE_BASE_URL=http://127.0.0.1:$FAKE_GOOGLE_PORT
	export GOOGLE_CLIENT_ID=calsync-sandbox.apps.googleusercontent.com
	export GOOGLE_CLIENT_SECRET=sandbox-secret
	export BROWSER=$BATS_DIR/consent
}

fake_google_stop() {
	[ -n "${FAKE_GOOGLE_PID:-}" ] || return 0
	kill "$FAKE_GOOGLE_PID" 2>/dev/null || true
	wait "$FAKE_GOOGLE_PID" 2>/dev/null || true
	# A sanitizer's report would otherwise go unseen.
	if grep -E 'ERROR: |runtime error:' "$BATS_TEST_TMPDIR/sandbox.log" >&2; then
		return 1
	fi
	FAKE_GOOGLE_PID=
}

# fake_google METHOD /sandbox/PATH [JSON]: the control interface. Fails on an HTTP error.
fake_google() {
	local args=(-sS --fail-with-body --max-time 20 -X "$1")
	[ $# -lt 3 ] || args+=(-H 'Content-Type: application/json' --data-binary "$3")
	curl "${args[@]}" "$CALSYNC_GOOGLE_BASE_URL$2"
}

# fake_google_account EMAIL [ZONE]: one more Google account.
fake_google_account() {
	fake_google POST /sandbox/accounts "$(jq -nc --arg e "$1" --arg z "${2:-Europe/Berlin}" \
		'{email: $e, timeZone: $z}')" >/dev/null
}

# fake_google_token [EMAIL]: an access token for everything.
fake_google_token() {
	fake_google POST /sandbox/token "$(jq -nc --arg a "${1:-user1@example.com}" '{account: $a}')" |
		jq -r .access_token
}

# fake_google_api METHOD PATH-BELOW-calendar/v3 [JSON] [EMAIL]: act at Google as a person would.
# Not counted by fake_google_count (its User-Agent is curl's).
fake_google_api() {
	# What the sandbox would note as a violation (no gzip) is not done here either.
	local args=(-sS --fail-with-body --max-time 20 --compressed -A 'curl (gzip)' -X "$1")
	args+=(-H "Authorization: Bearer $(fake_google_token "${4:-user1@example.com}")")
	[ -z "${3:-}" ] || args+=(-H 'Content-Type: application/json' --data-binary "$3")
	curl "${args[@]}" "$CALSYNC_GOOGLE_BASE_URL/calendar/v3/$2"
}

# fake_google_event SUMMARY [START-DATETIME] [EXTRA-JSON] [EMAIL]: an event made at Google, of one
# hour in the primary calendar; prints its id.
fake_google_event() {
	local start=${2:-2026-03-10T10:00:00+01:00} email=${4:-user1@example.com} end body
	end=$(TZ=UTC date -d "$start + 1 hour" +%Y-%m-%dT%H:%M:%SZ)
	body=$(jq -nc --arg s "$1" --arg a "$start" --arg b "$end" --argjson x "${3:-{\}}" \
		'{summary: $s, start: {dateTime: $a}, end: {dateTime: $b}} + $x')
	fake_google_api POST calendars/primary/events "$body" "$email" | jq -er .id
}

# fake_google_patch ID JSON [EMAIL], fake_google_delete ID [EMAIL], fake_google_get ID [EMAIL]
fake_google_patch() {
	fake_google_api PATCH "calendars/primary/events/$1" "$2" "${3:-}" | jq -ec .
}

fake_google_delete() {
	fake_google_api DELETE "calendars/primary/events/$1" '' "${2:-user1@example.com}"
}

fake_google_get() {
	fake_google_api GET "calendars/primary/events/$1" '' "${2:-user1@example.com}"
}

# fake_google_events [EMAIL]: the live events of the primary calendar, as a JSON array.
fake_google_events() {
	fake_google GET /sandbox/state | jq -c --arg e "${1:-user1@example.com}" \
		'[.accounts[] | select(.email == $e) | .calendars[] | select(.id == $e) | .events[]
		  | select(.status != "cancelled")]'
}

# fake_google_requests [JQ-FILTER]: what calsync sent, batch parts included. The consent page, which
# a browser asks for, and what the tests do themselves are left out.
fake_google_requests() {
	fake_google GET /sandbox/requests | jq -c \
		"[.[] | select(((.headers[\"user-agent\"] // \"\") | startswith(\"curl\") | not)
		  and ((.path | startswith(\"/o/oauth2\")) | not))] | ${1:-.}"
}

# fake_google_count METHOD...: how many calls with one of these methods reached the API (a batch
# counts by its parts, its envelope does not).
fake_google_count() {
	fake_google_requests "[.[] | select(.path | startswith(\"/calendar/v3/\"))
		| select(.method | IN($(printf '"%s",' "$@" | sed 's/,$//')))] | length"
}

fake_google_forget_log() {
	fake_google DELETE /sandbox/requests >/dev/null
}

# fake_google_fault JSON: see POST /sandbox/faults.
fake_google_fault() {
	fake_google POST /sandbox/faults "$1" >/dev/null
}

fake_google_no_faults() {
	fake_google DELETE /sandbox/faults >/dev/null
}

# fake_google_expire KIND...: access_tokens, refresh_tokens, sync_tokens, page_tokens
fake_google_expire() {
	fake_google POST /sandbox/expire "$(printf '%s\n' "$@" | jq -Rnc '[inputs | {(.): true}] | add')" \
		>/dev/null
}

fake_google_config() {
	fake_google POST /sandbox/config "$1" >/dev/null
}

fake_google_mail() {
	fake_google GET /sandbox/mail
}

# Nothing that Google documents as wrong was done by calsync.
assert_no_violations() {
	local found
	found=$(fake_google GET /sandbox/violations)
	[ "$(jq length <<<"$found")" -eq 0 ] || { echo "violations: $found" >&2; return 1; }
}

# --- calsync --------------------------------------------------------------------------------

# connect_account [NAME] [EMAIL] [OPTION...]: connect through the consent page.
connect_account() {
	local name=${1:-work} email=${2:-user1@example.com}
	shift $(($# < 2 ? $# : 2))
	CONSENT_ACCOUNT=$email calsync --quiet connect "$name" "$@"
}

# port_is_ours PORT: one test at a time on this machine has it, until descriptor 5 is closed (what is
# started must not inherit it: 5>&-).
port_is_ours() {
	exec 5>"${TMPDIR:-/tmp}/calsync-port-$1.lock"
	flock 5
}

# hold_renewal ACCOUNT_ID: for a second somebody renews that account's token (base/lock.h); the file
# $HOME/renewed is there from shortly before the end. Returns when it has begun.
hold_renewal() {
	rm -f "$HOME/renewing" "$HOME/renewed"
	/usr/bin/python3 - "$CALSYNC_STORE-lock" "$1" 3>&- <<-'END' &
		import fcntl, os, struct, sys, time
		fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
		flock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, (1 << 40) + int(sys.argv[2]), 1, 0)
		fcntl.fcntl(fd, fcntl.F_OFD_SETLK, flock)
		open(os.environ["HOME"] + "/renewing", "w").close()
		time.sleep(1)
		open(os.environ["HOME"] + "/renewed", "w").close()
	END
	for _ in $(seq 100); do
		[ ! -e "$HOME/renewing" ] || return 0
		sleep 0.05
	done
	return 1
}

# json FILTER: of the last command's standard output ($output of run --separate-stderr).
json() {
	jq -er "$1" <<<"$output"
}

# assert_json FILTER: it is true.
assert_json() {
	jq -e "$1" <<<"$output" >/dev/null || {
		echo "not true: $1"
		echo "output: $output"
		echo "stderr: ${stderr:-}"
		return 1
	} >&2
}

# assert_equal GOT WANTED
assert_equal() {
	[ "$1" = "$2" ] || { printf 'got:    %s\nwanted: %s\n' "$1" "$2" >&2; return 1; }
}

# assert_matches TEXT REGEX, refute_matches TEXT REGEX
assert_matches() {
	[[ $1 =~ $2 ]] || { printf 'text:    %s\nmisses:  %s\n' "$1" "$2" >&2; return 1; }
}

refute_matches() {
	[[ ! $1 =~ $2 ]] || { printf 'text:     %s\ncontains: %s\n' "$1" "$2" >&2; return 1; }
}

# assert_one_line_error: $stderr is one line that begins with "calsync: ".
assert_one_line_error() {
	assert_equal "$(printf '%s\n' "$stderr" | wc -l)" 1
	assert_matches "$stderr" '^calsync: '
}

# store_dump: every row of the local store that counts, to compare before and after. What requests
# have cost (rate) is no state: a refused login costs some, too.
store_dump() {
	sqlite3 "$CALSYNC_STORE" .dump | grep -v '^INSERT INTO rate '
}

# Both sides hold the same live events, field by field, and nothing waits.
assert_same_both_sides() {
	local here there
	here=$(calsync --json event list | jq -S 'map(del(.account, .calendar, .googleEventId,
		.syncStatus, .lastSyncError, .pendingOp)) | sort_by(.id)')
	there=$(fake_google_events user1@example.com | jq -S 'sort_by(.id)')
	diff <(echo "$here") <(echo "$there")
	assert_equal "$(sqlite3 "$CALSYNC_STORE" 'SELECT count(*) FROM outbox')" 0
}
