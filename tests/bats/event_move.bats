# shellcheck disable=SC2154,SC2030,SC2031
load helpers
load schema

TEAM=team@group.calendar.google.com

setup() {
	calsync_setup
	fake_google_start
	make_calendar "$TEAM" Team owner
	make_calendar look@group.calendar.google.com Look reader
	connect_account
	calsync -q calendars select Team
	run -0 calsync sync
	ID=$(calsync --json event add Plan --start "2026-03-10 10:00" --require-sync | jq -er .event.id)
}

teardown() {
	calsync_teardown
}

# make_calendar ID SUMMARY ROLE [ACCOUNT]
make_calendar() {
	fake_google POST /sandbox/calendars "$(jq -nc --arg i "$1" --arg s "$2" --arg r "$3" \
		--arg a "${4:-user1@example.com}" '{account: $a, id: $i, summary: $s, accessRole: $r}')" >/dev/null
}

# in_team: the summaries of what Google has in Team
in_team() {
	fake_google_api GET "calendars/${TEAM/@/%40}/events" | jq -c '[.items[] | select(.status != "cancelled") | .summary]'
}

@test "event move: the event is in the other calendar, here and at Google, with its id" {
	run -0 --separate-stderr calsync --json event move "$ID" --to Team
	assert_schema event-change
	assert_json ".event.calendar == \"$TEAM\" and .event.id == \"$ID\" and .syncStatus.synced"
	assert_equal "$(in_team)" '["Plan"]'
	assert_equal "$(fake_google_events | jq length)" 0
	fake_google_forget_log
	run -0 calsync sync
	run -0 calsync sync
	assert_equal "$(fake_google_count POST PATCH PUT DELETE)" 0
	assert_equal "$(calsync --json event list | jq -c '[.[].calendar]')" "[\"$TEAM\"]"
	run -0 calsync event move "$ID" --to primary
	assert_matches "$output" "^moved $ID"
	assert_equal "$(fake_google_events | jq length)" 1
	assert_no_violations
}

@test "event move: to where it is changes nothing" {
	fake_google_forget_log
	run -0 calsync event move "$ID" --to primary
	assert_matches "$output" "^unchanged $ID"
	assert_equal "$(fake_google_requests length)" 0
}

@test "event move: without a network it waits, with the edits that follow" {
	fake_google_fault '{"match": "/calendar/v3", "times": 0, "action": "drop_before"}'
	run -0 --separate-stderr calsync --json event move "$ID" --to Team
	assert_json ".event.calendar == \"$TEAM\" and .event.pendingOp == \"update\" and (.syncStatus.synced | not)"
	assert_matches "$stderr" queued
	run -0 calsync event edit "$ID" --title Plan2
	fake_google_no_faults
	run -0 calsync sync
	assert_equal "$(in_team)" '["Plan2"]'
	assert_equal "$(fake_google_events | jq length)" 0
	run -0 calsync sync
	assert_equal "$(calsync --json event list | jq length)" 1
}

@test "event move: --no-sync keeps it here, moving back leaves nothing to send" {
	run -0 --separate-stderr calsync --json event move "$ID" --to Team --no-sync
	assert_json '.syncStatus == {synced: false, error: null}'
	run -0 calsync sync
	assert_equal "$(in_team)" '[]'
	fake_google_forget_log
	run -0 --separate-stderr calsync --json event move "$ID" --to primary
	assert_json '.syncStatus.synced and .event.pendingOp == null'
	assert_equal "$(fake_google_count POST PATCH)" 0
}

@test "event move: guests are mailed only when asked for" {
	run -0 calsync event edit "$ID" --attendee ann@example.com
	run -0 --separate-stderr calsync event move "$ID" --to Team
	assert_matches "$stderr" 'mails nobody: not 1 guest'
	assert_equal "$(fake_google_requests '[.[] | select(.path | endswith("/move")) | .query
		| test("sendUpdates=none")] | all')" true
	run -0 --separate-stderr calsync event move "$ID" --to primary --notify all
	assert_matches "$stderr" 'mails 1 guest'
	assert_equal "$(fake_google_requests '[.[] | select(.path | endswith("/move")) | .query
		| test("sendUpdates=all")] | last')" true
}

@test "event move: what cannot be moved is refused at once" {
	local id
	fake_google_account boss@example.com
	id=$(fake_google_event Plans '' '{"attendees": [{"email": "user1@example.com"}]}' boss@example.com)
	fake_google POST /sandbox/load "$(jq -nc '[{id: "mailed", eventType: "fromGmail", summary: "Flight",
		start: {dateTime: "2026-03-10T10:00:00Z"}, end: {dateTime: "2026-03-10T11:00:00Z"}}]')" >/dev/null
	run -0 calsync sync
	fake_google_forget_log
	run -1 --separate-stderr calsync --json event move "$id" --to Team
	assert_json '.error.code == "read_only"'
	assert_matches "$stderr" 'only the organizer \(boss@example.com\) may move'
	run -1 --separate-stderr calsync event move mailed --to Team
	assert_matches "$stderr" "of type 'fromGmail': Google moves only ordinary events"
	run -1 --separate-stderr calsync --json event move "$ID" --to Look
	assert_json '.error.code == "read_only"'
	assert_matches "$stderr" "calendar 'Look' is read-only"
	assert_equal "$(fake_google_requests length)" 0
}

@test "event move: not to another account, with what to do instead" {
	fake_google_account other@example.com
	connect_account other other@example.com
	run -5 --separate-stderr calsync -a work event move "$ID" --to other@example.com
	assert_matches "$stderr" "no calendar 'other@example.com'"
	run -2 --separate-stderr calsync event move "$ID" --to other@example.com
	assert_matches "$stderr" "of account 'work': it cannot be moved there, only copied .*calsync -a other event add --from-json -"
	# and that advice works
	calsync event show --json "$ID" | calsync -q -a other event add --from-json -
	run -0 calsync -q event rm "$ID" -a work
	assert_equal "$(fake_google_events other@example.com | jq -c '[.[].summary]')" '["Plan"]'
}

@test "event move: bad input" {
	run -2 --separate-stderr calsync event move "$ID"
	assert_matches "$stderr" 'say --to CALENDAR'
	run -5 calsync event move "$ID" --to Nowhere
	run -5 calsync event move nosuchevent --to Team
	run -2 calsync event move --to Team
}
