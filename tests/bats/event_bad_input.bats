# shellcheck disable=SC2154,SC2030,SC2031
# What the event commands refuse: the exit status, one clear message, nothing changed on either side.
load helpers
load schema

setup() {
	calsync_setup
	fake_google_start
	connect_account
	ID=$(calsync --json event add Meeting --start "2026-03-10 10:00" -d 1h | jq -er .event.id)
	BEFORE=$(store_dump)
	fake_google_forget_log
}

teardown() {
	calsync_teardown
}

# refused STATUS CODE MESSAGE ARGUMENT...: `calsync ARGUMENT...`, as text and with --json.
refused() {
	local status=$1 code=$2 message=$3
	shift 3
	run -"$status" --separate-stderr calsync "$@"
	assert_equal "$output" ""
	assert_one_line_error
	assert_matches "$stderr" "$message"
	run -"$status" --separate-stderr calsync --json "$@"
	assert_failure_json "$code"
	assert_one_line_error
	assert_equal "$(store_dump)" "$BEFORE"
	assert_equal "$(fake_google_requests length)" 0
}

@test "bad input: options that no event command has, and values left out" {
	refused 2 usage "unknown option '--begin'" event add X --begin now
	refused 2 usage '--scope takes one of this.following.all' event edit "$ID" --title X --scope some
	refused 2 usage 'is no series' event edit "$ID" --title X --occurrence now
	refused 2 usage "unknown option '--title'" event rm "$ID" --title X
	refused 2 usage "unknown option '-z'" event list -z
	refused 2 usage '--start needs a value' event add X --start
	refused 2 usage '--notify takes one of none.all.external' event add X --start now --notify some
	refused 2 usage '--visibility takes one of' event edit "$ID" --visibility secret
	refused 2 usage '--format takes one of' event list --format xml
	refused 2 usage '--sync-status takes one of' event list --sync-status bad
	refused 2 usage 'unknown command .event ad.' event ad X
}

@test "bad input: what a command cannot be without" {
	refused 2 usage 'TITLE' event add --start now
	refused 2 usage 'say --start' event add X
	refused 2 usage 'title is empty' event add '' --start now
	refused 2 usage 'nothing to change' event edit "$ID"
	refused 2 usage 'EVENT' event edit
	refused 2 usage 'EVENT' event rm
	refused 2 usage 'EVENT' event show
	refused 2 usage '.' event add X Y --start now
	refused 2 usage '.' event list what
}

@test "bad input: times and durations" {
	for text in 2026-02-30 2026-13-01 '2026-01-15 25:00' 01/02/2026 'next friday' soon 10 '' \
		2026-01-15T10:00:00+99:00 +2 '+2 lightyears' '10:00 11:00'; do
		refused 2 invalid '^calsync: --start' event add X --start "$text"
	done
	refused 2 invalid '^calsync: --end' event add X --start now --end 2026-02-30
	refused 2 invalid '^calsync: --start.*no such day' event edit "$ID" --start 2026-02-30
	refused 2 invalid '^calsync: --start' event list --start someday
	for text in 10 1x '1 month' -- '' 1h-30m; do
		refused 2 invalid '^calsync: --duration' event add X --start now --duration="$text"
	done
	for text in 0m -1h; do
		refused 2 invalid 'not more than nothing' event add X --start now --duration="$text"
	done
	refused 2 invalid "friday 14:00" event add X --start whenever
}

@test "bad input: an end that is not after the start" {
	refused 2 invalid 'not after the start' event add X --start "2026-03-10 10:00" --end "2026-03-10 10:00"
	refused 2 invalid 'not after the start' event add X --start "2026-03-10 10:00" --end 9:00
	refused 2 invalid 'not after the start' event add X --start 2026-03-10 --end 2026-03-09
	refused 2 invalid 'not after the start' event edit "$ID" --end "2026-03-09 10:00"
	refused 2 invalid 'not after --start' event list --start 2026-03-10 --end 2026-03-09
	# Hours that a change of zone swallows: 10:00 in Berlin is later than 10:30 in Kolkata.
	refused 2 invalid 'not after the start' event add X --start "2026-03-10T10:00:00+01:00" \
		--end "2026-03-10T10:30:00+05:30"
}

@test "bad input: options that contradict each other" {
	refused 2 usage 'exclude each other' event add X --start now --end +2h --duration 1h
	refused 2 usage 'exclude each other' event add X --start now --no-sync --require-sync
	refused 2 usage 'exclude each other' event rm "$ID" --no-sync --require-sync
	refused 2 invalid 'time of day' event add X --start 2026-03-10 --end "2026-03-10 11:00"
	refused 2 invalid 'is a day' event add X --start "2026-03-10 10:00" --end 2026-03-11
	refused 2 invalid 'whole days' event add X --start 2026-03-10 --duration 90m
	refused 2 invalid 'all-day' event edit "$ID" --start 2026-03-10 --end "2026-03-10 11:00"
}

@test "bad input: zones, colours, addresses, reminders, rules, fields" {
	refused 2 invalid "unknown time zone 'Mars/Base'" event add X --start now --timezone Mars/Base
	refused 2 invalid "unknown time zone '../../etc/passwd'" event add X --start now \
		--timezone ../../etc/passwd
	refused 2 invalid "unknown time zone" event edit "$ID" --timezone CET/DST
	refused 2 invalid "unknown colour 'plaid'" event add X --start now --color plaid
	refused 2 invalid "unknown colour '12'" event add X --start now --color 12
	for text in nobody @example.com a@ 'a b@example.com' a@b@c ''; do
		refused 2 invalid "no address" event add X --start now --attendee "$text"
	done
	refused 2 invalid 'no address' event edit "$ID" --attendee nobody
	refused 2 invalid '6 reminders.*at most 5' event add X --start now -r 1m -r 2m -r 3m -r 4m -r 5m -r 6m
	refused 2 invalid 'popup or email' event add X --start now --reminder 10m:sms
	refused 2 invalid '--reminder' event add X --start now --reminder 10
	refused 2 invalid 'whole minutes' event add X --start now --reminder 90s
	refused 2 invalid '40320' event add X --start now --reminder 29d
	refused 2 invalid 'whole minutes' event add X --start now --reminder=-5m
	for text in FREQ=SOMETIMES WEEKLY 'FREQ=WEEKLY;BYDAY=XX' '' 'FREQ=DAILY;COUNT=2;UNTIL=20260101T000000Z' \
		'EXDATE:nope' 'RRULE:'; do
		refused 2 invalid '^calsync: --rrule' event add X --start now --rrule "$text"
	done
	refused 2 usage "no such field" event edit "$ID" --clear sumary
	refused 2 usage "cannot be without it" event edit "$ID" --clear start
	refused 2 usage "no such field" event edit "$ID" --clear etag
}

@test "bad input: calendars, accounts and events that are not there" {
	refused 5 not_found "no calendar 'Nowhere'.*user1@example.com" event add X --start now -c Nowhere
	refused 5 not_found "no calendar 'Nowhere'" event list --calendar Nowhere
	refused 5 not_found "no account 'nobody'.*work" event add X --start now -a nobody
	refused 5 not_found "no event 'zzzzzz'" event show zzzzzz
	refused 5 not_found "no event 'zzzzzz'" event edit zzzzzz --title X
	refused 5 not_found "no event 'zzzzzz'" event rm zzzzzz
	refused 2 usage 'too short' event show "${ID:0:3}"
	refused 2 usage 'too short' event rm ''
	# An id is text, no pattern.
	refused 5 not_found '.' event show '%%%%'
	refused 5 not_found '.' event show "${ID:0:4}_"
}

@test "bad input: an ambiguous id lists its candidates" {
	TIMED='"start": {"date": "2026-03-10"}, "end": {"date": "2026-03-11"}'
	printf '{"id": "abcd%s0", "summary": "Twin %s", %s}\n' 1 1 "$TIMED" 2 2 "$TIMED" |
		calsync --quiet event add --from-json - --no-sync
	BEFORE=$(store_dump)
	for command in show rm "edit --title X"; do
		# shellcheck disable=SC2086 # words
		refused 2 ambiguous 'abcd10 \(Twin 1\), abcd20 \(Twin 2\)' event $command abcd
	done
	run -0 calsync event show abcd1
}

@test "bad input: text that is no UTF-8" {
	refused 2 usage 'UTF-8' event add $'caf\xe9' --start now
	refused 2 usage 'UTF-8' event add X --start now --location $'\xff\xfe'
	refused 2 usage 'UTF-8' event edit "$ID" --title $'\xed\xa0\x80'
}

@test "bad input: a calendar and an account that take no writes" {
	fake_google POST /sandbox/calendars '{"account": "user1@example.com", "id": "holidays@group.v.calendar.google.com",
		"summary": "Holidays", "accessRole": "reader"}' >/dev/null
	run -0 calsync sync
	BEFORE=$(store_dump)
	fake_google_forget_log
	refused 1 read_only 'Holidays' event add X --start now -c Holidays
	fake_google_account user2@example.com
	connect_account look user2@example.com --read-only
	BEFORE=$(store_dump)
	fake_google_forget_log
	refused 1 read_only 'read-only' event add X --start now -a look
}

@test "bad input: several accounts and none named" {
	fake_google_account user2@example.com
	connect_account home user2@example.com
	BEFORE=$(store_dump)
	fake_google_forget_log
	refused 2 usage 'home, work' event add X --start now
}

# store_refused MESSAGE: every event command says what is wrong with the store and leaves it alone.
store_refused() {
	local sum command
	sum=$(sha256sum <"$CALSYNC_STORE")
	for command in "add X --start 2026-03-10" "list" "show $ID" "edit $ID --title X" "rm $ID"; do
		# shellcheck disable=SC2086 # words
		run -1 --separate-stderr calsync --json event $command
		assert_failure_json store
		assert_one_line_error
		assert_matches "$stderr" "$1"
		assert_equal "$(sha256sum <"$CALSYNC_STORE")" "$sum"
	done
	assert_equal "$(fake_google_requests length)" 0
}

@test "bad input: a store that is no store of ours" {
	rm -f "$CALSYNC_STORE"*
	echo "this is no database, but it is long enough to be looked at as one" >"$CALSYNC_STORE"
	store_refused 'database'
	rm -f "$CALSYNC_STORE"
	sqlite3 "$CALSYNC_STORE" 'CREATE TABLE other (x); PRAGMA user_version = 1'
	store_refused 'calsync'
}

@test "bad input: a store of a newer calsync, and one that is damaged" {
	sqlite3 "$CALSYNC_STORE" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
	cp "$CALSYNC_STORE" good
	sqlite3 "$CALSYNC_STORE" 'PRAGMA user_version = 9999; PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
	rm -f "$CALSYNC_STORE"-*
	store_refused 'newer'
	rm -f "$CALSYNC_STORE"*
	head -c 6000 good >"$CALSYNC_STORE"
	store_refused '.'
}

@test "bad input: a store that is a folder" {
	mkdir folder
	run -1 --separate-stderr calsync --json --db folder event list
	assert_failure_json store
	assert_one_line_error
}

@test "bad input: no store yet" {
	rm -rf "$XDG_DATA_HOME"
	for command in "event add X --start now" "event list" "event show abcdef" "event rm abcdef"; do
		# shellcheck disable=SC2086 # words
		run -3 --separate-stderr calsync --json $command
		assert_failure_json not_connected
		assert_matches "$stderr" 'calsync connect'
		[ ! -e "$CALSYNC_STORE" ]
	done
}
