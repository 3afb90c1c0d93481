# shellcheck disable=SC2154,SC2030,SC2031
load helpers
load schema

setup() {
	calsync_setup
	fake_google_start
	fake_google_account boss@example.com
	connect_account
}

teardown() {
	calsync_teardown
}

# invite: boss invites user1; sets $ID, and the store knows.
invite() {
	ID=$(fake_google_event Plans '' \
		'{"attendees": [{"email": "user1@example.com"}, {"email": "third@example.net"}]}' \
		boss@example.com)
	run -0 calsync sync
}

respond() {
	run -0 --separate-stderr calsync --json event respond "$ID" "$@"
	assert_schema event-change
}

# answer EMAIL [VIEWER]: what Google shows as somebody's answer
answer() {
	fake_google_get "$ID" "${2:-boss@example.com}" |
		jq -re --arg e "$1" '.attendees[] | select(.email == $e) | .responseStatus'
}

@test "event respond: the answer goes to Google, and nothing but the own entry" {
	local word
	invite
	for word in yes:accepted maybe:tentative NO:declined; do
		respond "${word%:*}"
		assert_json '.syncStatus.synced'
		assert_equal "$(answer user1@example.com)" "${word#*:}"
		assert_equal "$(answer third@example.net)" needsAction
	done
	assert_equal "$(fake_google_requests '[.[] | select(.method == "PATCH") | .body | fromjson
		| [keys, (.attendees | length)]] | unique')" '[[["attendees"],1]]'
	assert_equal "$(fake_google_mail | jq length)" 0
	assert_no_violations
}

@test "event respond: --comment, kept by the next answer, taken back by an empty one" {
	invite
	respond no -m "on holiday"
	fake_google_get "$ID" boss@example.com | jq -e '.attendees[0].comment == "on holiday"'
	respond maybe
	fake_google_get "$ID" boss@example.com | jq -e '.attendees[0].comment == "on holiday"'
	respond maybe --comment ''
	fake_google_get "$ID" boss@example.com | jq -e '.attendees[0] | has("comment") | not'
}

@test "event respond: --notify mails the organizer" {
	invite
	respond yes --notify all
	assert_equal "$(fake_google_mail | jq -c '[.[].to]')" '["boss@example.com"]'
}

@test "event respond: without a network the answer waits" {
	invite
	fake_google_stop
	run -0 --separate-stderr calsync --json event respond "$ID" yes
	assert_json '.syncStatus.synced == false and .event.pendingOp == "update"
		and ([.event.attendees[] | select(.self)][0].responseStatus == "accepted")'
	assert_matches "$stderr" queued
}

@test "event respond: the same answer twice sends nothing" {
	invite
	respond yes
	fake_google_forget_log
	run -0 calsync event respond "$ID" yes
	assert_matches "$output" '^unchanged '
	assert_equal "$(fake_google_count PATCH PUT POST)" 0
}

@test "event respond: no invitation, no answer" {
	run -0 calsync event add Mine --start "2026-03-10 10:00" --json
	ID=$(json .event.id)
	run -2 --separate-stderr calsync --json event respond "$ID" yes
	assert_json '.error.code == "invalid"'
	assert_matches "$stderr" "nobody waits for its answer"
	# one of others that this calendar only sees
	ID=$(fake_google_event Seen)
	fake_google POST /sandbox/load "$(jq -nc '[{id: "seen", status: "confirmed",
		organizer: {email: "boss@example.com"}, summary: "Seen",
		start: {dateTime: "2026-03-10T10:00:00Z"}, end: {dateTime: "2026-03-10T11:00:00Z"},
		attendees: [{email: "third@example.net"}]}]')" >/dev/null
	run -0 calsync sync
	run -2 --separate-stderr calsync --json event respond seen yes
	assert_matches "$stderr" "is not invited to event 'seen'"
}

@test "event respond: bad input" {
	invite
	run -2 --separate-stderr calsync event respond "$ID" perhaps
	assert_matches "$stderr" "'perhaps' is no answer"
	run -2 calsync event respond "$ID"
	run -5 calsync event respond nosuchevent yes
	assert_equal "$(answer user1@example.com)" needsAction
}

@test "event edit: what is the organizer's is refused at once, what is one's own goes out" {
	invite
	fake_google_forget_log
	run -1 --separate-stderr calsync --json event edit "$ID" --title Mine --start 9:00
	assert_json '.error.code == "read_only"'
	assert_one_line_error
	assert_matches "$stderr" 'only the organizer \(boss@example.com\) may change summary, start'
	assert_equal "$(fake_google_requests length)" 0
	run -0 --separate-stderr calsync --json event edit "$ID" --color 3 --reminder 5m --free
	assert_json '.syncStatus.synced'
	run -1 --separate-stderr calsync event edit "$ID" --clear attendees
	assert_matches "$stderr" 'a guest cannot leave the list; answer with'
	run -0 calsync event edit "$ID" --attendee fourth@example.net
	assert_equal "$(answer fourth@example.net)" needsAction
	assert_equal "$(answer third@example.net)" needsAction
	assert_no_violations
}

@test "event edit: what nobody may change is refused with what may be" {
	fake_google POST /sandbox/load "$(jq -nc '[{id: "mailed", status: "confirmed", eventType: "fromGmail",
		summary: "Flight", start: {dateTime: "2026-03-10T10:00:00Z"},
		end: {dateTime: "2026-03-10T11:00:00Z"}},
		{id: "fixed", status: "confirmed", locked: true, summary: "Fixed",
		start: {dateTime: "2026-03-10T10:00:00Z"}, end: {dateTime: "2026-03-10T11:00:00Z"}}]')" >/dev/null
	run -0 calsync sync
	run -1 --separate-stderr calsync --json event edit mailed --title Mine
	assert_json '.error.code == "read_only"'
	assert_matches "$stderr" 'from a mail: nobody may change summary, only colorId, reminders'
	run -0 --separate-stderr calsync --json event edit mailed --color 3
	assert_json '.syncStatus.synced'
	run -1 --separate-stderr calsync event edit fixed --location There
	assert_matches "$stderr" 'locked: nobody may change location'
	run -0 --separate-stderr calsync --json event edit fixed --color 3
	assert_json '.syncStatus.synced'
	run -0 --separate-stderr calsync --json event rm mailed fixed
	assert_json '[.events[].syncStatus.synced] | all'
}
