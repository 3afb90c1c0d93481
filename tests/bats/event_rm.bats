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

@test "event rm: gone here and at Google" {
	id=$(add Doomed)
	run -0 --separate-stderr calsync --json event rm "$id"
	assert_schema event-change
	assert_json '.syncStatus == {synced: true, error: null}'
	assert_json ".event | .id == \"$id\" and .summary == \"Doomed\" and .status == \"cancelled\"
		and .pendingOp == null and .googleEventId == null"
	assert_equal "$(fake_google_events)" '[]'
	run -0 calsync --json event list
	assert_json '. == []'
	run -5 --separate-stderr calsync --json event show "$id"
	assert_equal "$(fake_google_requests '[.[] | select(.method == "DELETE")
		| (.query | test("sendUpdates=none")) and (.headers["if-match"] | length > 2)] | all')" true
	assert_no_violations
}

@test "event rm: several at once, each named once" {
	a=$(add A) b=$(add B) c=$(add C --no-sync)
	run -0 --separate-stderr calsync --json event rm "$a" "${b:0:10}" "$c" "$a"
	assert_schema event-changes
	assert_json ".events | map(.event.id) == [\"$a\", \"$b\", \"$c\"]"
	assert_json '[.events[].syncStatus.synced] | all'
	assert_equal "$(fake_google_events)" '[]'
	run -0 calsync --json event list
	assert_json '. == []'
	a=$(add A) b=$(add B)
	run -0 --separate-stderr calsync event rm "$a" "$b"
	assert_matches "${lines[0]}" "^deleted $a  2026-03-10  A$"
	assert_matches "${lines[1]}" "^deleted $b  2026-03-10  B$"
}

@test "event rm: one that is not found leaves all of them alone" {
	a=$(add A)
	before=$(store_dump)
	fake_google_forget_log
	run -5 --separate-stderr calsync --json event rm "$a" nosuchevent
	assert_failure_json not_found
	assert_one_line_error
	assert_equal "$(store_dump)" "$before"
	assert_equal "$(fake_google_requests length)" 0
}

@test "event rm: a local-only event needs no network" {
	id=$(add Mine --no-sync)
	fake_google_forget_log
	LD_DEBUG=libs LD_DEBUG_OUTPUT=$BATS_TEST_TMPDIR/ld run -0 --separate-stderr \
		calsync --json event rm "$id"
	assert_json '.syncStatus.synced'
	cat "$BATS_TEST_TMPDIR"/ld.* >"$BATS_TEST_TMPDIR/libs"
	refute_matches "$(cat "$BATS_TEST_TMPDIR/libs")" libcurl
	assert_equal "$(fake_google_requests length)" 0
	run -0 calsync --json event list
	assert_json '. == []'
}

@test "event rm: offline it is gone here at once, and at Google with the next sync" {
	id=$(add Doomed)
	fake_google_fault '{"action": "drop_before", "times": 0}'
	run -0 --separate-stderr calsync --json event rm "$id"
	assert_schema event-change
	assert_matches "$stderr" 'warning: .*queued'
	assert_json '.syncStatus.synced == false and .event.pendingOp == "delete"'
	run -0 calsync --json event list
	assert_json '. == []'
	fake_google_no_faults
	assert_equal "$(fake_google_events | jq length)" 1
	run -0 calsync sync
	assert_equal "$(fake_google_events)" '[]'
	fake_google_fault '{"action": "status", "status": 503, "times": 0, "match": "/events"}'
	id=$(calsync --quiet --json event add B --start 2026-03-10 | jq -er .event.id)
	fake_google_no_faults
	run -0 calsync sync
	fake_google_fault '{"action": "status", "status": 503, "times": 0, "match": "/events"}'
	run -4 --separate-stderr calsync --json event rm "$id" --require-sync
	assert_one_line_error
}

@test "event rm: --no-sync deletes here and leaves Google alone" {
	id=$(add Doomed)
	fake_google_forget_log
	run -0 --separate-stderr calsync --json event rm "$id" --no-sync
	assert_json '.syncStatus == {synced: false, error: null} and .event.pendingOp == "delete"'
	assert_equal "$(fake_google_requests length)" 0
	run -0 calsync sync
	assert_equal "$(fake_google_events | jq length)" 1
	run -0 calsync --json event list
	assert_json '. == []'
}

@test "event rm: what never went out is forgotten without a request" {
	fake_google_fault '{"action": "status", "status": 503, "times": 0, "match": "/token"}'
	fake_google_expire access_tokens
	id=$(calsync --quiet --json event add Never --start 2026-03-10 | jq -er .event.id)
	fake_google_no_faults
	run -0 --separate-stderr calsync --json event rm "$id"
	run -0 calsync sync
	assert_equal "$(fake_google_events)" '[]'
	assert_equal "$(fake_google GET /sandbox/state | jq '[.accounts[].calendars[].events[]] | length')" 0
}

@test "event rm: already deleted at Google is deleted" {
	id=$(add Doomed)
	fake_google_delete "$id"
	run -0 --separate-stderr calsync --json event rm "$id"
	assert_json '.syncStatus.synced'
	run -0 calsync --json event list
	assert_json '. == []'
}

@test "event rm: an event edited at Google meanwhile is kept, and the answer says so" {
	id=$(add Doomed)
	fake_google_patch "$id" '{"summary": "Edited"}' >/dev/null
	run -0 --separate-stderr calsync --json event rm "$id"
	assert_schema event-change
	assert_json '.event | .summary == "Edited" and .status == "confirmed" and .pendingOp == null'
	assert_json '.syncStatus.error | test("edit beats a delete")'
	assert_one_line_error
	assert_equal "$(fake_google_events | jq -r '.[].summary')" Edited
	run -0 calsync sync
	run -0 calsync --json event list
	assert_json '.[0].summary == "Edited"'
}

@test "event rm: guests are told with --notify all, and not without" {
	id=$(add A --attendee ann@example.com)
	run -0 calsync event rm "$id"
	assert_equal "$(fake_google_mail | jq length)" 0
	id=$(add B --attendee ann@example.com)
	run -0 calsync event rm "$id" --notify all
	assert_equal "$(fake_google_mail | jq -c '[.[].to]')" '["ann@example.com"]'
}

@test "event rm: events of two accounts in one command" {
	fake_google_account user2@example.com
	connect_account home user2@example.com
	a=$(calsync -a work --json event add A --start 2026-03-10 | jq -er .event.id)
	b=$(calsync -a home --json event add B --start 2026-03-10 | jq -er .event.id)
	run -0 --separate-stderr calsync --json event rm "$a" "$b"
	assert_json '[.events[] | .syncStatus.synced] == [true, true]'
	assert_json '[.events[].event.account] == ["work", "home"]'
	assert_equal "$(fake_google_events)$(fake_google_events user2@example.com)" '[][]'
}
