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
	calsync --json event add "$1" --start 2026-03-10 "${@:2}" | jq -er .event.id
}

restore() {
	run -0 --separate-stderr calsync --json event restore "$@"
	assert_schema event-change
}

@test "event restore: a living event as it was before its last change, and back" {
	id=$(add First --location Here)
	run -0 calsync event edit "$id" --title Second --clear location
	restore "$id"
	assert_json '.syncStatus.synced and .event.summary == "First" and .event.location == "Here"'
	assert_equal "$(fake_google_get "$id" | jq -r '.summary + "/" + .location')" First/Here
	restore "${id:0:8}"
	assert_json '.event.summary == "Second" and (.event | has("location") | not)'
	run -0 calsync event restore "$id"
	assert_matches "$output" "^restored $id  2026-03-10  First$"
	assert_no_violations
}

@test "event restore: a version of the log by its number" {
	id=$(add One)
	for title in Two Three; do
		run -0 calsync event edit "$id" --title "$title"
	done
	version=$(calsync --json event log "$id" | jq -er '.[] | select(.event.summary == "One") | .version')
	restore "$id@$version"
	assert_json '.event.summary == "One"'
	restore "$id@$version"
	run -0 calsync event restore "$id@$version"
	assert_matches "$output" "^unchanged $id "
	created=$(calsync --json event log "$id" | jq -er '.[-1].version')
	run -2 --separate-stderr calsync --json event restore "$id@$created"
	assert_failure_json invalid
	run -5 --separate-stderr calsync --json event restore "$id@99999"
	assert_failure_json not_found
	run -2 --separate-stderr calsync --json event restore "$id@0"
	assert_failure_json usage
	run -2 --separate-stderr calsync --json event restore "$id@"
	assert_failure_json usage
	run -5 --separate-stderr calsync --json event restore "nosuchevent@1"
	assert_failure_json not_found
	other=$(add Other)
	run -5 --separate-stderr calsync --json event restore "$other@$version"
	assert_failure_json not_found
}

@test "event restore: what was deleted, here or at Google, is back on both sides" {
	here=$(add Here --attendee ann@example.com)
	run -0 calsync event rm "$here"
	there=$(fake_google_event There)
	run -0 calsync sync
	fake_google_delete "$there"
	run -0 calsync sync
	assert_equal "$(fake_google_events)" '[]'
	for id in "$here" "$there"; do
		restore "$id"
		assert_json ".syncStatus.synced and .event.id == \"$id\" and .event.status == \"confirmed\""
	done
	assert_equal "$(fake_google_events | jq -c 'map(.summary) | sort')" '["Here","There"]'
	assert_equal "$(fake_google_mail | jq length)" 0
	run -0 calsync sync
	run -0 calsync --json event list
	assert_json 'map(.summary) | sort == ["Here", "There"]'
	assert_no_violations
}

@test "event restore: a delete that waits is taken back without a request" {
	id=$(add Doomed)
	run -0 calsync event rm "$id" --no-sync
	fake_google_forget_log
	restore "$id"
	assert_json '.syncStatus.synced and .event.pendingOp == null'
	assert_equal "$(fake_google_requests length)" 0
	run -0 calsync event show "$id"
}

@test "event restore: offline it is back here, and at Google with the next sync" {
	id=$(add Doomed)
	run -0 calsync event rm "$id"
	fake_google_fault '{"action": "drop_before", "times": 0}'
	run -0 --separate-stderr calsync --json event restore "$id"
	assert_schema event-change
	assert_json '.syncStatus.synced == false and .event.pendingOp == "create"'
	assert_matches "$stderr" 'warning: .*queued'
	run -0 calsync event rm "$id"
	run -4 --separate-stderr calsync --json event restore "$id" --require-sync
	fake_google_no_faults
	run -0 calsync sync
	assert_equal "$(fake_google_events | jq -r '.[].summary')" Doomed
	run -0 calsync --json event list
	assert_json 'length == 1 and .[0].syncStatus == "synced"'
}

@test "event restore: --no-sync keeps it here, --notify all tells the guests" {
	id=$(add Party --attendee ann@example.com)
	run -0 calsync event rm "$id"
	restore "$id" --no-sync
	assert_json '.event.syncStatus == "local_only" and .syncStatus == {synced: false, error: null}'
	run -0 calsync sync
	assert_equal "$(fake_google_events)" '[]'
	other=$(add Feast --attendee bob@example.com)
	run -0 calsync event rm "$other"
	restore "$other" --notify all
	assert_equal "$(fake_google_mail | jq -c '[.[].to] | unique')" '["bob@example.com"]'
}

@test "event restore: a series with its changed occurrence" {
	id=$(fake_google_event Weekly 2026-03-02T10:00:00Z \
		'{"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=4"], "start": {"dateTime": "2026-03-02T10:00:00Z", "timeZone": "UTC"},
		  "end": {"dateTime": "2026-03-02T11:00:00Z", "timeZone": "UTC"}}')
	fake_google_patch "${id}_20260309T100000Z" '{"summary": "Moved"}' >/dev/null
	run -0 calsync sync
	fake_google_delete "$id"
	run -0 calsync sync
	run -5 --separate-stderr calsync --json event restore "${id}_20260309T100000Z"
	assert_failure_json not_found
	assert_matches "$stderr" "calsync event restore $id"
	restore "$id"
	assert_json '.event.recurrence == ["RRULE:FREQ=WEEKLY;COUNT=4"]'
	assert_equal "$(fake_google_events | jq -c 'map(.summary) | sort')" '["Moved","Weekly"]'
}

@test "event restore: a calendar that cannot be written says so" {
	id=$(add Doomed)
	run -0 calsync event rm "$id"
	fake_google POST /sandbox/calendars '{"account": "user1@example.com", "id": "user1@example.com", "accessRole": "reader"}' >/dev/null
	run calsync sync --full
	run -1 --separate-stderr calsync --json event restore "$id"
	assert_failure_json read_only
}
