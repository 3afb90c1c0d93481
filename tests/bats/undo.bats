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

undo() {
	run -0 --separate-stderr calsync --json undo "$@"
	assert_schema undo
}

titles() {
	fake_google_events | jq -c 'map(.summary) | sort'
}

@test "undo: add, edit and rm, one command after the other" {
	a=$(add A) b=$(add B)
	run -0 calsync event edit "$a" --title A2 --location Here
	run -0 calsync event rm "$a" "$b"
	assert_equal "$(titles)" '[]'
	undo
	assert_json '.success and .error == null and .dryRun == false and .command.name == "event rm"'
	assert_json '[.events[] | .undone and .syncStatus.synced] == [true, true]'
	assert_json "[.events[].event.id] == [\"$a\", \"$b\"]"
	assert_equal "$(titles)" '["A2","B"]'
	run -0 --separate-stderr calsync undo
	assert_matches "${lines[0]}" "^took back 'event edit' of 20"
	assert_equal "${lines[1]}" "changed $a  2026-03-10  A"
	assert_equal "$(titles)" '["A","B"]'
	run -0 --separate-stderr calsync undo
	assert_matches "${lines[1]}" "^deleted $b "
	undo
	assert_json '.events[0] | .event.status == "cancelled" and .event.summary == "A" and .undone'
	assert_equal "$(titles)" '[]'
	run -1 --separate-stderr calsync --json undo
	assert_failure_json failed
	assert_one_line_error
	assert_no_violations
}

@test "undo: what Google changed since stays" {
	id=$(add Plan)
	run -0 calsync event edit "$id" --title "New plan" --location Here
	fake_google_patch "$id" '{"description": "From there", "location": "There"}' >/dev/null
	run -0 calsync sync
	run -0 --separate-stderr calsync --json undo
	assert_schema undo
	assert_json '.success and (.events[0].event | .summary == "Plan" and .location == "There" and .description == "From there")'
	assert_one_line_error
	assert_matches "$stderr" 'changed since, so it stays: location'
	assert_equal "$(fake_google_get "$id" | jq -c '[.summary, .location, .description]')" '["Plan","There","From there"]'
}

@test "undo: --dry-run says what would be done and does nothing" {
	id=$(add Plan)
	run -0 calsync event edit "$id" --title "New plan"
	before=$(store_dump)
	fake_google_forget_log
	run -0 --separate-stderr calsync --json undo --dry-run
	assert_schema undo
	assert_json '.dryRun and .success and .events[0].event.summary == "Plan"'
	run -0 --separate-stderr calsync undo -n
	assert_matches "${lines[0]}" "^would take back 'event edit' of 20"
	assert_equal "$(store_dump)" "$before"
	assert_equal "$(fake_google_requests length)" 0
	undo
	assert_equal "$(titles)" '["Plan"]'
}

@test "undo: what cannot be taken back is said, the rest is" {
	a=$(add A) b=$(add B)
	for id in "$a" "$b"; do jq -nc --arg i "${id}1" '{id: $i, summary: "New", start: {date: "2026-03-10"}, end: {date: "2026-03-11"}}'; done >events
	run -0 calsync event add --from-json events
	fake_google_delete "${b}1"
	run -0 calsync sync
	run -7 --separate-stderr calsync --json undo
	assert_schema undo
	assert_json '.success == false and .error.code == "not_found"'
	assert_json '[.events[].undone] == [true, false] and (.events[1].error | test("deleted already"))'
	assert_matches "$stderr" "'New' \(${b}1\): it is deleted already"
	assert_equal "$(titles)" '["A","B"]'
	fake_google_delete "$b"
	run -0 calsync sync
	run -1 --separate-stderr calsync --json undo
	assert_schema undo
	undo
	assert_json ".events[0].event.id == \"$a\""
}

@test "undo: offline it is done here, and at Google with the next sync" {
	id=$(add Plan)
	run -0 calsync event rm "$id"
	fake_google_fault '{"action": "drop_before", "times": 0}'
	run -0 --separate-stderr calsync --json undo
	assert_json '.success and .events[0].undone and .events[0].syncStatus.synced == false'
	assert_matches "$stderr" 'warning: .*queued'
	run -4 calsync undo --require-sync
	fake_google_no_faults
	run -0 calsync sync
	assert_equal "$(titles)" '[]'
	run -0 calsync --json event list
	assert_json '. == []'
}

@test "undo: its own changes are in the log, and no command to take back" {
	id=$(add One)
	run -0 calsync event edit "$id" --title Two
	undo
	run -0 calsync --json event log "$id"
	assert_json '[.[] | [.op, .origin, .command]] == [["update", "local", "undo"], ["update", "local", "event edit"],
		["create", "local", "event add"]]'
	undo --no-sync
	assert_json '.command.name == "event add" and .events[0].event.pendingOp == "delete"'
	run -0 calsync event restore "$id"
	undo
	assert_json '.command.name == "event restore"'
}

@test "undo: of one account with -a, else of the last command" {
	fake_google_account user2@example.com
	connect_account home user2@example.com
	calsync -a home event add Home --start 2026-03-10
	calsync -a work event add Work --start 2026-03-10
	undo -a home
	assert_json '.events[0].event.summary == "Home"'
	undo
	assert_json '.events[0].event.summary == "Work"'
}

@test "undo: a deleted series with its changed occurrence" {
	id=$(fake_google_event Weekly 2026-03-02T10:00:00Z \
		'{"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=4"], "start": {"dateTime": "2026-03-02T10:00:00Z", "timeZone": "UTC"},
		  "end": {"dateTime": "2026-03-02T11:00:00Z", "timeZone": "UTC"}}')
	fake_google_patch "${id}_20260309T100000Z" '{"summary": "Moved"}' >/dev/null
	run -0 calsync sync
	run -0 calsync event rm "$id"
	run -0 calsync --json event list --no-expand
	assert_json '. == []'
	run -0 calsync sync
	assert_equal "$(titles)" '[]'
	undo
	assert_equal "$(titles)" '["Moved","Weekly"]'
}

@test "undo: a move, with the changed occurrence, sent or not; a restore goes where the event was last" {
	fake_google POST /sandbox/calendars '{"account": "user1@example.com", "id": "team@group.calendar.google.com",
		"summary": "Team", "accessRole": "owner"}' >/dev/null
	run -0 calsync sync
	run -0 calsync calendars select Team
	id=$(fake_google_event Weekly 2026-03-02T10:00:00Z \
		'{"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=4"], "start": {"dateTime": "2026-03-02T10:00:00Z", "timeZone": "UTC"},
		  "end": {"dateTime": "2026-03-02T11:00:00Z", "timeZone": "UTC"}}')
	fake_google_patch "${id}_20260309T100000Z" '{"summary": "Moved"}' >/dev/null
	run -0 calsync sync
	for how in --no-sync --require-sync; do
		run -0 calsync event move "$id" --to Team "$how"
		undo
		assert_json '.command.name == "event move" and ([.events[] | .undone and .event.calendar == "user1@example.com"] == [true, true])'
		run -0 calsync sync
		assert_equal "$(titles)" '["Moved","Weekly"]'
		run -0 calsync --json event list --no-expand --calendar Team
		assert_json '. == []'
	done
	run -0 calsync event move "$id" --to Team
	run -0 calsync sync
	fake_google_api DELETE "calendars/team%40group.calendar.google.com/events/$id"
	run -0 calsync sync
	run -0 --separate-stderr calsync --json event restore "$id"
	assert_json '.event.calendar == "team@group.calendar.google.com" and .syncStatus.synced'
	assert_equal "$(titles)" '[]'
	assert_no_violations
}
