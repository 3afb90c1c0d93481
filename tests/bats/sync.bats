#!/usr/bin/env bats
# What the program is for, from the built binary, on both sides' state and the request log.
# shellcheck disable=SC2154
load helpers

setup() {
	calsync_setup
	fake_google_start
	connect_account
}

teardown() {
	calsync_teardown
}

# Rows of the store that a sync must not touch when nothing changed.
event_rows() {
	sqlite3 "$CALSYNC_STORE" 'SELECT * FROM event ORDER BY event_row; SELECT * FROM outbox;
		SELECT * FROM history;'
}

# add TITLE [OPTION...]: an event here; prints its id.
add() {
	calsync --json event add "$1" --start '2026-03-12 09:00' "${@:2}" | jq -er .event.id
}

@test "sync: create, update and delete here arrive at Google without being asked for" {
	id=$(add 'Standup' --location 'Room 1')
	assert_equal "$(fake_google_get "$id" | jq -r '.summary + "/" + .location')" 'Standup/Room 1'
	run --separate-stderr -0 calsync --json event edit "$id" --title 'Stand-up'
	assert_json '.syncStatus == {synced: true, error: null} and .event.syncStatus == "synced"'
	assert_equal "$(fake_google_get "$id" | jq -r '.summary + "/" + .location')" 'Stand-up/Room 1'
	assert_same_both_sides
	run --separate-stderr -0 calsync --json event rm "$id"
	assert_json '.syncStatus.synced'
	assert_equal "$(fake_google_events | jq length)" 0
	assert_equal "$(calsync --json event list | jq length)" 0
	assert_no_violations
}

@test "sync: create, update and delete at Google arrive here" {
	a=$(fake_google_event 'Made there')
	b=$(fake_google_event 'Goes again')
	run --separate-stderr -0 calsync --json sync
	assert_json '.success and .message == "Calendar synced successfully"
		and .stats == {created: 2, updated: 0, deleted: 0}
		and .pushed == {created: 0, updated: 0, deleted: 0} and .conflicts == 0'
	assert_same_both_sides
	fake_google_patch "$a" '{"summary": "Changed there", "colorId": "4"}' >/dev/null
	fake_google_delete "$b"
	run --separate-stderr -0 calsync --json sync
	assert_json '.stats == {created: 0, updated: 1, deleted: 1}'
	assert_same_both_sides
	assert_equal "$(calsync --json event show "$a" | jq -r .summary)" 'Changed there'
	run --separate-stderr -5 calsync --json event show "$b"
	assert_json '.success == false and .error.code == "not_found"'
	assert_no_violations
}

@test "sync: a second run asks once a calendar and writes nothing" {
	fake_google_event 'One' >/dev/null
	fake_google POST /sandbox/calendars '{"account": "user1@example.com", "summary": "Second",
		"accessRole": "owner"}' >/dev/null
	calsync sync
	second=$(calsync --json calendars | jq -r '.[] | select(.summary == "Second") | .id')
	calsync calendars select "$second"
	calsync sync
	before=$(event_rows)
	state=$(fake_google GET /sandbox/state | jq -S .accounts)
	fake_google_forget_log
	run --separate-stderr -0 calsync --json sync
	assert_json '.requests == 3'
	assert_equal "$(fake_google_requests '[.[] | select(.path | endswith("/events"))] | length')" 2
	assert_equal "$(fake_google_requests '[.[] | select(.path | endswith("/calendarList"))] | length')" 1
	assert_equal "$(fake_google_count POST PUT PATCH DELETE)" 0
	assert_equal "$(event_rows)" "$before"
	assert_equal "$(fake_google GET /sandbox/state | jq -S .accounts)" "$state"
}

@test "sync: --exit-code says whether anything changed" {
	run -0 calsync sync --exit-code
	fake_google_event 'New' >/dev/null
	run -8 calsync sync --exit-code
	run -0 calsync sync --exit-code
}

@test "sync: an expired token is told, the edit is kept, connecting again sends it" {
	id=$(add 'Before')
	fake_google_expire access_tokens refresh_tokens
	run --separate-stderr -0 calsync --json event edit "$id" --title 'While expired'
	assert_json '.syncStatus.synced == false and .event.summary == "While expired"
		and .event.pendingOp == "update"
		and (.syncStatus.error | startswith("Calendar token expired."))
		and (.syncStatus.error | contains("calsync connect work"))'
	run --separate-stderr -3 calsync --json sync
	assert_json '.success == false and .error.code == "token_expired"
		and (.accounts | length) == 1 and .stats.created == 0'
	assert_matches "$stderr" 'calsync connect work'
	run -3 calsync status --check
	run --separate-stderr -3 calsync --json event add 'More' --start '2026-03-13 09:00' --require-sync
	# Nothing more is sent until somebody connects again.
	fake_google_forget_log
	run -3 calsync sync
	assert_equal "$(fake_google_requests length)" 0
	assert_equal "$(fake_google_get "$id" | jq -r .summary)" 'Before'
	connect_account
	assert_equal "$(fake_google_get "$id" | jq -r .summary)" 'While expired'
	calsync sync
	assert_same_both_sides
	assert_equal "$(fake_google_events | jq length)" 2
}

@test "sync: a token is renewed before it expires" {
	fake_google_event 'x' >/dev/null
	sqlite3 "$CALSYNC_STORE" "UPDATE account SET token_expires_ms = (SELECT
		CAST(strftime('%s', 'now') AS INTEGER) + 60) * 1000"
	fake_google_forget_log
	calsync sync
	assert_equal "$(fake_google_requests '[.[] | select(.path == "/token")] | length')" 1
	assert_equal "$(fake_google_requests '[.[] | select(.status == 401)] | length')" 0
	# The new one serves the next process, too.
	fake_google_forget_log
	calsync sync
	assert_equal "$(fake_google_requests '[.[] | select(.path == "/token")] | length')" 0
}

@test "sync: what went well at the second try went well" {
	# Google ended the token before its time; and one answer of 503.
	fake_google_expire access_tokens
	run -0 --separate-stderr calsync --json event add One --start 2026-03-10
	assert_json '.syncStatus == {synced: true, error: null} and .event.syncStatus == "synced"'
	assert_equal "$stderr" ""
	calsync event add Two --start 2026-03-11 --no-sync
	id=$(calsync --json event list --search One | jq -er '.[0].id')
	fake_google_expire access_tokens
	run -0 --separate-stderr calsync --json event edit "$id" --title New
	assert_json '.syncStatus.synced and .event.pendingOp == null'
	calsync event edit "$id" --title Newer --no-sync
	fake_google_fault '{"method": "PATCH", "match": "/events", "action": "status", "status": 503}'
	run -0 --separate-stderr calsync --json event edit "$id" --location There
	assert_json '.syncStatus.synced | not'
	fake_google_fault '{"method": "PATCH", "match": "/events", "action": "status", "status": 503}'
	run -0 --separate-stderr calsync --json sync
	assert_json '.pushed == {created: 0, updated: 1, deleted: 0} and .stats.updated == 0'
	assert_equal "$(fake_google_requests '[.[] | select(.status == 412)] | length')" 0
	assert_equal "$(fake_google_get "$id" | jq -r .summary)" Newer
}

@test "sync: what the login service refuses is not held against the event" {
	fake_google_expire access_tokens
	fake_google_fault '{"match": "/token", "times": 0, "action": "status", "status": 400, "reason": "invalid_client"}'
	run -0 --separate-stderr calsync --json event add One --start 2026-03-10
	assert_json '.event.syncStatus == "local_only" and .event.pendingOp == "create"'
	assert_json '.syncStatus.error | contains("invalid_client")'
	run -1 --separate-stderr calsync --json sync
	fake_google_no_faults
	run -0 --separate-stderr calsync --json sync
	assert_json '.pushed.created == 1'
	assert_equal "$(fake_google_events | jq -r '.[].summary')" One
}

@test "sync: a rotated refresh token is kept" {
	fake_google_config '{"rotate_refresh_tokens": true}'
	for _ in 1 2 3; do
		fake_google_expire access_tokens
		run -0 calsync sync
	done
}

@test "sync: --no-sync stays here through later syncs" {
	run --separate-stderr -0 calsync --json event add 'Private' --start '2026-03-12 09:00' --no-sync
	assert_json '.syncStatus.synced == false and .syncStatus.error == null
		and .event.syncStatus == "local_only" and .event.googleEventId == null
		and .event.pendingOp == null'
	calsync sync
	calsync sync --full
	assert_equal "$(fake_google_events | jq length)" 0
	assert_equal "$(calsync --json event list | jq -r '.[0].syncStatus')" local_only
}

@test "sync: an event added offline goes out with the next sync" {
	port=$FAKE_GOOGLE_PORT
	fake_google_fault '{"action": "drop_before", "times": 0}'
	SECONDS=0
	run --separate-stderr -0 calsync --json event add 'From the plane' --start '2026-03-12 09:00'
	[ "$SECONDS" -le 6 ]
	assert_json '.syncStatus.synced == false and (.syncStatus.error | length) > 0
		and .event.pendingOp == "create"'
	assert_matches "$stderr" 'queued'
	run --separate-stderr -4 calsync --json event add 'Must' --start '2026-03-12 09:00' --require-sync
	fake_google_no_faults
	assert_equal "$(fake_google_events | jq length)" 0
	calsync sync
	assert_equal "$(fake_google_events | jq length)" 2
	assert_same_both_sides
	[ "$port" = "$FAKE_GOOGLE_PORT" ]
}

@test "sync: a lost answer to an insert makes no second event" {
	fake_google_fault '{"method": "POST", "match": "/events", "action": "drop_after"}'
	run --separate-stderr -0 calsync --json event add 'Once' --start '2026-03-12 09:00'
	assert_json '.syncStatus.synced == false'
	assert_equal "$(fake_google_events | jq length)" 1
	calsync sync
	assert_equal "$(fake_google_events | jq length)" 1
	assert_same_both_sides
	fake_google_fault '{"method": "POST", "match": "/events", "action": "status_after",
		"status": 500, "reason": "backendError"}'
	calsync event add 'Once too' --start '2026-03-12 10:00'
	calsync sync
	assert_equal "$(fake_google_events | jq length)" 2
	assert_same_both_sides
}

@test "sync: edits of different fields on both sides both survive" {
	id=$(add 'Plan')
	fake_google_patch "$id" '{"location": "There"}' >/dev/null
	calsync event edit "$id" --description 'Here'
	assert_equal "$(fake_google_get "$id" | jq -r '.location + "/" + .description')" 'There/Here'
	calsync sync
	assert_same_both_sides
}

@test "sync: an edit beats a delete, from either side" {
	a=$(add 'A')
	b=$(add 'B')
	fake_google_fault '{"action": "drop_before", "times": 0}'
	calsync --quiet event edit "$a" --title 'A edited'
	calsync --quiet event rm "$b"
	fake_google_no_faults
	fake_google_delete "$a"
	fake_google_patch "$b" '{"summary": "B edited"}' >/dev/null
	calsync sync
	calsync sync
	assert_same_both_sides
	assert_equal "$(fake_google_events | jq -rc 'map(.summary) | sort | join(",")')" 'A edited,B edited'
}

# history ID: what was replaced or deleted of an event, oldest first, as "origin:summary" words.
history() {
	sqlite3 "$CALSYNC_STORE" "SELECT origin || ':' || json_extract(resource, '\$.summary')
		FROM history WHERE event_id = '$1' AND op <> 'create' ORDER BY history_id" | paste -sd ' '
}

@test "sync: each version that an edit or a sync replaces or deletes is kept" {
	id=$(fake_google_event one)
	calsync sync
	calsync event edit "$id" --title two
	assert_equal "$(history "$id")" 'local:one'
	fake_google_patch "$id" '{"summary": "three"}' >/dev/null
	calsync sync
	assert_equal "$(history "$id")" 'local:one google:two'
	fake_google_delete "$id"
	calsync sync
	assert_equal "$(history "$id")" 'local:one google:two google:three'
	own=$(add mine)
	calsync event rm "$own"
	assert_equal "$(history "$own")" 'local:mine'
	# Nothing changed, nothing to keep.
	calsync sync --full --allow-deletes 9
	assert_equal "$(sqlite3 "$CALSYNC_STORE" \
		"SELECT group_concat(op) FROM (SELECT op FROM history ORDER BY history_id)")" \
		create,update,update,delete,create,delete
}

@test "sync: the side that loses a conflict is kept" {
	id=$(fake_google_event base)
	calsync sync
	fake_google_fault '{"action": "drop_before", "times": 0}'
	calsync --quiet event edit "$id" --title here
	fake_google_no_faults
	sleep 1.1
	fake_google_patch "$id" '{"summary": "there"}' >/dev/null
	run --separate-stderr -0 calsync --json sync
	assert_json '.conflicts == 1'
	assert_equal "$(fake_google_get "$id" | jq -r .summary)" there
	assert_matches "$(history "$id")" 'merge:here'
	assert_same_both_sides
}

@test "sync --all: one broken account leaves the others synced" {
	fake_google_account user2@example.com
	connect_account other user2@example.com
	fake_google_event 'For two' '' '{}' user2@example.com >/dev/null
	fake_google POST /sandbox/expire '{"access_tokens": true, "refresh_tokens": true,
		"account": "user1@example.com"}' >/dev/null
	run --separate-stderr -7 calsync --json sync --all
	assert_json '.success == false and (.accounts | length) == 2 and .stats.created == 1
		and ([.accounts[] | select(.account == "other")][0] | .success and .error == null)
		and ([.accounts[] | select(.account == "work")][0] | (.success | not)
			and .error.code == "token_expired")'
	run -7 calsync sync --all --jobs 1
}

@test "sync: a window neither touches the rest nor the sync token" {
	in=$(fake_google_event 'In' 2026-03-10T10:00:00+01:00)
	out=$(fake_google_event 'Out' 2026-05-10T10:00:00+02:00)
	calsync sync
	token=$(sqlite3 "$CALSYNC_STORE" 'SELECT sync_token FROM calendar')
	fake_google_patch "$in" '{"summary": "In 2"}' >/dev/null
	fake_google_patch "$out" '{"summary": "Out 2"}' >/dev/null
	new=$(fake_google_event 'New' 2026-03-11T10:00:00+01:00)
	run --separate-stderr -0 calsync --json sync --start 2026-03-01 --end 2026-03-31
	assert_json '.stats == {created: 1, updated: 1, deleted: 0}'
	assert_equal "$(calsync --json event show "$out" | jq -r .summary)" Out
	assert_equal "$(calsync --json event show "$new" | jq -r .summary)" New
	assert_equal "$(sqlite3 "$CALSYNC_STORE" 'SELECT sync_token FROM calendar')" "$token"
	fake_google_delete "$in"
	run --separate-stderr -0 calsync --json sync --start 2026-03-01 --end 2026-03-31
	assert_json '.stats.deleted == 1'
	calsync sync
	assert_same_both_sides
}

@test "sync: a dead sync token leads to a full pull that finds what went" {
	keep=$(fake_google_event 'Keep')
	gone=$(fake_google_event 'Gone')
	calsync sync
	fake_google_delete "$gone"
	fake_google_expire sync_tokens
	run --separate-stderr -0 calsync --json sync
	assert_json '.stats.deleted == 1 and .accounts[0].calendars[0].full'
	assert_equal "$(calsync --json event list | jq -r '.[].id')" "$keep"
}

@test "sync: a listing that lost much of a calendar deletes nothing without a word" {
	for i in $(seq 14); do fake_google_event "E$i" >/dev/null; done
	calsync sync
	for id in $(fake_google_events | jq -r '.[1:12][].id'); do fake_google_delete "$id"; done
	run --separate-stderr -1 calsync --json sync --full
	assert_json '.error.code == "mass_delete" and (.error.message | contains("--allow-deletes 11"))'
	assert_equal "$(calsync --json event list | jq length)" 14
	run -0 calsync sync --full --allow-deletes 11
	assert_equal "$(calsync --json event list | jq length)" 3
}

@test "sync: an event that Google refuses becomes an error and is not sent again" {
	fake_google_fault '{"method": "POST", "match": "/events", "action": "status", "status": 400,
		"domain": "global", "reason": "invalid", "message": "Invalid thing."}'
	run --separate-stderr -0 calsync --json event add 'Odd' --start '2026-03-12 09:00'
	assert_json '.syncStatus.synced == false and (.syncStatus.error | contains("Invalid thing."))
		and .event.syncStatus == "error" and (.event.lastSyncError | contains("Invalid thing."))'
	id=$(json .event.id)
	fake_google_forget_log
	calsync sync || [ $? -eq 1 ]
	assert_equal "$(fake_google_count POST)" 0
	calsync event edit "$id" --title 'Better'
	assert_same_both_sides
}

@test "sync: exit status 4 and the whole JSON shape when Google cannot be reached" {
	fake_google_stop
	run --separate-stderr -4 timeout 60 calsync --json sync
	assert_json '.success == false and .error.code == "network" and (.accounts | length) == 1
		and .stats == {created: 0, updated: 0, deleted: 0} and (.requests | type) == "number"'
}

@test "sync: --dry-run writes nothing anywhere" {
	fake_google_event 'There' >/dev/null
	fake_google_fault '{"action": "drop_before", "method": "POST"}'
	calsync --quiet event add 'Here' --start '2026-03-12 09:00'
	before=$(store_dump)
	run --separate-stderr -0 calsync --json sync --dry-run
	assert_json '.stats.created == 1 and .pushed.created == 1'
	assert_equal "$(store_dump)" "$before"
	assert_equal "$(fake_google_events | jq length)" 1
}

@test "sync: many changes go out in batches" {
	seq 120 | jq -c '{summary: "n\(.)", start: {date: "2026-04-01"}, end: {date: "2026-04-02"}}' |
		calsync --quiet event add --from-json - --no-sync
	seq 120 | jq -c '{summary: "m\(.)", start: {date: "2026-04-01"}, end: {date: "2026-04-02"}}' \
		>events.ndjson
	fake_google_forget_log
	calsync --quiet event add --from-json events.ndjson
	[ "$(fake_google_requests '[.[] | select(.path | startswith("/batch"))] | length')" -eq 3 ]
	assert_equal "$(fake_google_count POST)" 120
	calsync sync
	assert_equal "$(fake_google_events | jq length)" 120
	assert_no_violations
}

@test "sync: nobody is mailed unless --notify says so" {
	id=$(add 'Party' --attendee guest@example.org)
	calsync event edit "$id" --title 'Big party'
	calsync event rm "$id"
	assert_equal "$(fake_google_mail | jq length)" 0
	add 'Meeting' --attendee guest@example.org --notify all >/dev/null
	assert_equal "$(fake_google_mail | jq -r '.[0].to')" guest@example.org
}

@test "sync: a locked account is told, with who holds it" {
	calsync sync
	lock=$CALSYNC_STORE-lock
	python3 - "$lock" <<-'END' &
		import fcntl, struct, sys, time
		f = open(sys.argv[1], "r+b")
		F_OFD_SETLK = 37
		fcntl.fcntl(f, F_OFD_SETLK, struct.pack("hhqqixxxx", fcntl.F_WRLCK, 0, 0, 0, 0))
		open("locked", "w").close()
		time.sleep(30)
	END
	holder=$!
	for _ in $(seq 100); do [ -e locked ] && break; sleep 0.05; done
	run --separate-stderr -1 calsync --json sync
	kill "$holder"
	assert_json '.error.code == "locked"'
	wait "$holder" || true
	run -0 calsync sync
}
