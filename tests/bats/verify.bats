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

# verify STATUS [OPTION...]: answers in $output, and leaves the store alone.
verify() {
	local before
	before=$(store_dump)
	run "-$1" --separate-stderr calsync --json verify "${@:2}"
	assert_schema verify
	assert_equal "$(store_dump)" "$before"
}

@test "verify: no difference is 0, and one request a calendar" {
	fake_google_event One >/dev/null
	calsync event add Two --start 2026-03-10
	run -0 calsync sync
	fake_google_forget_log
	verify 0
	assert_json '.identical and .events == 2 and .differences == 0 and .requests == 1'
	assert_equal "$(fake_google_requests 'map(.method)')" '["GET"]'
	run -0 calsync verify
	assert_equal "$output" "2 events at Google, 0 differences"
	assert_no_violations
}

@test "verify: differences are told by field and are 1" {
	changed=$(fake_google_event Plan)
	gone=$(fake_google_event Gone)
	run -0 calsync sync
	fake_google_patch "$changed" '{"summary": "New plan", "location": "Room 7"}' >/dev/null
	fake_google_delete "$gone"
	added=$(fake_google_event Added)
	verify 1
	assert_json '.success and (.identical | not) and .differences == 3'
	assert_json ".accounts[0].calendars[0].differences | map({(.id): .kind}) | add ==
		{\"$changed\": \"differs\", \"$gone\": \"missing_at_google\", \"$added\": \"missing_here\"}"
	assert_json '[.accounts[0].calendars[0].differences[].fields[] | [.field, .local, .remote]] ==
		[["summary", "Plan", "New plan"], ["location", null, "Room 7"]]'
	run -1 --separate-stderr calsync verify
	assert_matches "$output" "'Plan' \($changed\): here -> Google: title: 'Plan' -> 'New plan'; where: nothing -> 'Room 7'"
	assert_matches "$output" "missing here: 'Added' \($added\)"
	assert_matches "$output" "missing at Google: 'Gone' \($gone\)"
	assert_matches "${lines[-1]}" '^2 events at Google, 3 differences$'
	run -0 calsync sync
	verify 0
}

@test "verify: what waits here and what is local only is counted apart" {
	id=$(fake_google_event Plan)
	run -0 calsync sync
	run -0 calsync event edit "$id" --title Mine --no-sync
	run -0 calsync event add Local --start 2026-03-10 --no-sync
	verify 0
	assert_json '.identical and .waiting == 1 and .localOnly == 1'
	run -0 calsync verify
	assert_equal "$output" "1 event at Google, 0 differences; 1 change here waits; 1 event local only"
}

@test "verify: one calendar, also one that is not selected; all accounts" {
	fake_google POST /sandbox/calendars '{"account": "user1@example.com", "id": "team@group.calendar.google.com",
		"summary": "Team", "accessRole": "owner"}' >/dev/null
	run -0 calsync sync
	fake_google_api POST calendars/team%40group.calendar.google.com/events \
		'{"summary": "T", "start": {"date": "2026-03-10"}, "end": {"date": "2026-03-11"}}' >/dev/null
	verify 0
	verify 1 --calendar Team
	assert_json '.accounts[0].calendars | length == 1 and .[0].summary == "Team"'
	run -5 --separate-stderr calsync --json verify --calendar Nowhere
	assert_failure_json not_found
	fake_google_account user2@example.com
	connect_account home user2@example.com
	verify 0 --all
	assert_json '[.accounts[].account] == ["home", "work"]'
	verify 1 --all --calendar Team
	assert_json '[.accounts[].account] == ["work"]'
	run -2 --separate-stderr calsync --json verify
	assert_failure_json usage
	run -2 --separate-stderr calsync --json -a home verify --all
	assert_failure_json usage
}

@test "verify: a login that is renewed, or dead, leaves no trace" {
	fake_google_expire access_tokens
	verify 0
	assert_json '.requests == 3'
	fake_google_expire access_tokens refresh_tokens
	verify 3
	assert_json '.success == false and .error.code == "token_expired" and (.identical | not)'
	run -3 --separate-stderr calsync verify
	assert_matches "$stderr" 'calsync connect work'
	assert_equal "$output" '0 events at Google, 0 differences; not all could be compared'
}

@test "verify: a refresh token that Google replaced is kept" {
	fake_google_config '{"rotate_refresh_tokens": true}'
	fake_google_expire access_tokens
	run -0 calsync verify
	fake_google_expire access_tokens
	run -0 calsync sync
}

@test "verify: no network is 4, one calendar of two is 7" {
	fake_google POST /sandbox/calendars '{"account": "user1@example.com", "id": "team@group.calendar.google.com",
		"summary": "Team", "accessRole": "owner"}' >/dev/null
	run -0 calsync sync
	run -0 calsync calendars select Team
	run -0 calsync sync
	fake_google_fault '{"action": "status", "status": 403, "reason": "forbidden", "times": 0, "match": "team"}'
	verify 7
	assert_json '[.accounts[0].calendars[].success] == [true, false] and .error.code == "google"'
	run -7 calsync verify
	assert_matches "$output" 'not all could be compared'
	fake_google_no_faults
	fake_google_fault '{"action": "status", "status": 429, "reason": "rateLimitExceeded", "retry_after": 7200, "times": 0, "match": "/events"}'
	verify 4
	assert_json '.error.code == "rate_limited"'
}
