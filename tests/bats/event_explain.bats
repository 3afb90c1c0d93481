# shellcheck disable=SC2154,SC2030,SC2031
load helpers
load schema

setup() {
	calsync_setup
	fake_google_start
	connect_account
}

teardown() {
	calsync_teardown
}

# add TITLE [OPTION...]: prints the id.
add() {
	calsync --quiet --json event add "$1" --start 2026-03-10 "${@:2}" 2>/dev/null | jq -er .event.id
}

# explain ID CODE...: these reasons, in this order.
explain() {
	run -0 --separate-stderr calsync --json event explain "$1"
	assert_schema event-explain
	assert_equal "$(jq -r '[.reasons[].code] | join(" ")' <<<"$output")" "${*:2}"
}

@test "event explain: in step, and how that is known" {
	id=$(add Plan)
	explain "${id:0:8}" synced
	assert_json '.syncStatus == {synced: true, error: null} and (.reasons[0].message | test("etag \"[0-9]+\""))'
	run -0 --separate-stderr calsync event explain "$id"
	assert_matches "${lines[0]}" "^Plan  2026-03-10  in step with Google$"
	assert_matches "${lines[1]}" '^- Google has this version'
	run -5 --separate-stderr calsync --json event explain nosuchevent
	assert_failure_json not_found
	run -2 --separate-stderr calsync --json event explain "${id:0:3}"
	assert_failure_json usage
}

@test "event explain: kept local, held back, and what lets it go" {
	id=$(add Mine --no-sync)
	explain "$id" local_only
	assert_json ".syncStatus.synced == false and .reasons[0].mend == \"'calsync queue retry $id'\""
	run -0 calsync queue retry "$id"
	explain "$id" synced
	run -0 calsync event edit "$id" --title Changed --no-sync
	explain "$id" held
	assert_json ".reasons[0] | (.message | test(\"a change of it is held back\")) and .mend == \"'calsync queue retry $id'\""
	run -0 calsync event rm "$id" --no-sync
	explain "$id" held
	assert_json '(.reasons[0].message | test("its deletion")) and .event.status == "cancelled"'
}

@test "event explain: waiting, with tries, reason and time" {
	fake_google_fault '{"action": "status", "status": 503, "times": 0, "match": "/events"}'
	id=$(add Waits)
	explain "$id" waiting
	assert_json '.reasons[0] | (.message | test("the event waits to be sent; tried 1 time.*503")) and (.mend | test("calsync sync"))'
	sqlite3 "$CALSYNC_STORE" "UPDATE outbox SET not_before_ms = $(($(date +%s) * 1000 + 3600000))"
	run -0 --separate-stderr calsync event explain "$id"
	assert_matches "${lines[0]}" 'not in step with Google$'
	assert_matches "${lines[1]}" 'again not before 20[0-9-]+ [0-9:]+'
	assert_mend() {
		run -0 --separate-stderr calsync --json event explain "$id"
		assert_equal "$(jq -r '.reasons[0].mend' <<<"$output")" "$1"
	}
	assert_mend "the next 'calsync sync' sends it; 'calsync queue retry $id' does at once"
	# No sync sends what its calendar does not take.
	for closed in "access_role = 'reader'" 'gone = 1'; do
		sqlite3 "$CALSYNC_STORE" "UPDATE calendar SET gone = 0, $closed"
		assert_mend "it is sent when its calendar takes changes again; 'calsync queue drop $id' takes it back"
	done
	sqlite3 "$CALSYNC_STORE" "UPDATE calendar SET gone = 0, access_role = 'owner'"
	fake_google_no_faults
	run -0 calsync sync
	explain "$id" synced
}

@test "event explain: refused by Google, with its reason" {
	fake_google_fault '{"method": "POST", "match": "/events", "times": 0, "action": "status",
		"status": 400, "reason": "invalid", "message": "Invalid colour"}'
	id=$(add Bad)
	explain "$id" refused
	assert_json '.syncStatus.error != null and (.reasons[0] | (.message | test("Invalid colour"))
		and (.mend | test("event edit") and test("queue retry")))'
}

@test "event explain: a conflict names where to look" {
	id=$(add Ours)
	fake_google_patch "$id" '{"summary": "Theirs"}' >/dev/null
	fake_google_fault '{"action": "drop_before", "times": 0}'
	run -0 calsync event edit "$id" --title Mine
	fake_google_no_faults
	run calsync sync --conflict manual
	explain "$id" conflict
	n=$(calsync --json conflicts list | jq -er '.[] | select(.state == "waiting") | .id')
	assert_json ".reasons[0].mend | test(\"conflicts show $n'\")"
}

@test "event explain: the calendar and the account" {
	id=$(add Plan)
	run -0 calsync calendars deselect primary
	explain "$id" synced calendar_not_selected
	assert_json '.reasons[1].mend == "'"'calsync calendars select user1@example.com'"'"'
	run -0 calsync calendars select primary
	fake_google POST /sandbox/calendars '{"account": "user1@example.com", "id": "user1@example.com", "accessRole": "reader"}' >/dev/null
	run -0 calsync sync --full
	explain "$id" synced calendar_read_only
	sqlite3 "$CALSYNC_STORE" "UPDATE calendar SET gone = 1, access_role = 'owner'"
	explain "$id" synced calendar_gone
	sqlite3 "$CALSYNC_STORE" "UPDATE calendar SET gone = 0"
	fake_google_expire access_tokens refresh_tokens
	run -3 calsync sync
	explain "$id" synced connect_again
	assert_json ".reasons[1].mend == \"'calsync connect work'\""
	run -0 calsync disconnect work
	explain "$id" synced disconnected
}

@test "event explain: the account is read-only, or Google asked to wait" {
	id=$(add Plan)
	sqlite3 "$CALSYNC_STORE" "UPDATE account SET read_only = 1, not_before_ms = $(($(date +%s) * 1000 + 3600000))"
	explain "$id" synced account_read_only google_asks_to_wait
	fake_google_fault '{"action": "status", "status": 500, "times": 0, "match": "/events"}'
	sqlite3 "$CALSYNC_STORE" "UPDATE account SET read_only = 0, not_before_ms = 0; UPDATE calendar SET last_error = 'it broke'"
	explain "$id" synced calendar_error
	assert_json '.reasons[1].message | test("it broke")'
}

@test "event explain: what could not be read is set aside" {
	id=$(add Plan)
	sqlite3 "$CALSYNC_STORE" "UPDATE event SET sync_status = 'error', last_error = 'no start'"
	explain "$id" unreadable
	assert_json '.reasons[0].message | test("no start")'
}

@test "event explain: deleted, here or there; an occurrence that waits for its series" {
	here=$(add Here)
	run -0 calsync event rm "$here"
	explain "$here" deleted
	assert_json ".event.status == \"cancelled\" and (.reasons[0] | (.message | test(\"deleted here\")) and .mend == \"'calsync event restore $here'\")"
	id=$(fake_google_event Weekly 2026-03-02T10:00:00Z \
		'{"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=4"], "start": {"dateTime": "2026-03-02T10:00:00Z", "timeZone": "UTC"},
		  "end": {"dateTime": "2026-03-02T11:00:00Z", "timeZone": "UTC"}}')
	fake_google_patch "${id}_20260309T100000Z" '{"summary": "Moved"}' >/dev/null
	fake_google_delete "${id}_20260316T100000Z"
	run -0 calsync sync
	explain "${id}_20260316T100000Z" cancelled synced
	fake_google_delete "$id"
	run -0 calsync sync
	explain "$id" deleted
	assert_json '.reasons[0].message | test("deleted at Google")'
	fake_google_fault '{"action": "drop_before", "times": 0}'
	run -0 calsync event restore "$id"
	explain "${id}_20260309T100000Z" waiting series_waiting
	run -0 calsync event rm "$id"
	explain "${id}_20260309T100000Z" deleted_with_series
}
