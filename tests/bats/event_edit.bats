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

# add [OPTION...]: an event that is at Google, too; sets $ID.
add() {
	ID=$(calsync --json event add Meeting --require-sync "$@" | jq -er .event.id)
}

# edit OPTION...: of $ID; answers in $output.
edit() {
	run -0 --separate-stderr calsync --json event edit "$ID" "$@"
	assert_schema event-change
}

# at_google FILTER: of the event $ID.
at_google() {
	fake_google_get "$ID" | jq -ce "$1"
}

# the body of the last PATCH
last_patch() {
	fake_google_requests 'map(select(.method == "PATCH")) | last | .body | fromjson' | jq -cS .
}

@test "event edit: what changed goes to Google, and nothing else" {
	add --start "2026-03-10 10:00" --description Old
	edit --title New --location "Room 9"
	assert_json '.syncStatus.synced'
	at_google '.summary == "New" and .location == "Room 9" and .description == "Old"'
	assert_equal "$(last_patch)" '{"location":"Room 9","summary":"New"}'
	assert_equal "$(fake_google_requests '[.[] | select(.method == "PATCH")
		| .headers["if-match"] | length > 2] | all')" true
	assert_equal "$(fake_google_requests '[.[] | select(.method == "PATCH") | .query
		| test("sendUpdates=none")] | all')" true
	assert_no_violations
}

@test "event edit: moving only --start keeps the length" {
	add --start "2026-03-10 10:00" -d 90m
	edit --start "2026-04-02 16:00"
	assert_json '.event | .start.dateTime == "2026-04-02T16:00:00+02:00"
		and .end.dateTime == "2026-04-02T17:30:00+02:00"'
	at_google '.start.dateTime[0:16] == "2026-04-02T16:00"'
	edit --start 9:15
	assert_json '.event | .start.dateTime == "2026-04-02T09:15:00+02:00"
		and .end.dateTime == "2026-04-02T10:45:00+02:00"'
	add --start 2026-05-01 --end 2026-05-03
	edit --start 2026-02-27
	assert_json '.event | .start.date == "2026-02-27" and .end.date == "2026-03-02"'
	at_google '.start.date == "2026-02-27" and .end.date == "2026-03-02"'
	assert_no_violations
}

@test "event edit: only the end, by a time, a time of day, or a duration" {
	add --start "2026-03-10 10:00"
	edit --end "2026-03-11 08:00"
	assert_json '.event.end.dateTime == "2026-03-11T08:00:00+01:00"
		and .event.start.dateTime == "2026-03-10T10:00:00+01:00"'
	edit --end 10:30
	assert_json '.event.end.dateTime == "2026-03-10T10:30:00+01:00"'
	edit --duration 2h
	assert_json '.event.end.dateTime == "2026-03-10T12:00:00+01:00"'
	at_google '.end.dateTime[0:16] == "2026-03-10T12:00"'
	assert_equal "$(last_patch | jq -c keys)" '["end"]'
}

@test "event edit: timed to all-day and back" {
	add --start "2026-03-10 22:00" -d 4h
	edit --all-day
	assert_json '.event | .start == {date: "2026-03-10"} and .end == {date: "2026-03-12"}'
	at_google '.start.date == "2026-03-10" and .end.date == "2026-03-12"'
	edit --start "2026-03-15 09:00"
	assert_json '.event | .start == {dateTime: "2026-03-15T09:00:00+01:00", timeZone: "Europe/Berlin"}
		and .end.dateTime == "2026-03-15T10:00:00+01:00"'
	at_google '.start.dateTime[0:16] == "2026-03-15T09:00" and .start.date == null'
	edit --start 2026-03-20
	assert_json '.event | .start.date == "2026-03-20" and .end.date == "2026-03-21"'
	at_google '.start.date == "2026-03-20" and .end.dateTime == null'
	assert_no_violations
}

@test "event edit: --timezone alone shows the same instants in another zone" {
	# Google shows all times of a calendar in the calendar's zone, so before it answers:
	add --start "2026-03-10 10:00"
	edit --timezone Asia/Tokyo --no-sync
	assert_json '.event | .start == {dateTime: "2026-03-10T18:00:00+09:00", timeZone: "Asia/Tokyo"}
		and .end.timeZone == "Asia/Tokyo"'
	edit --title Tokyo
	assert_json '.syncStatus.synced'
	at_google '.start.timeZone == "Asia/Tokyo" and .start.dateTime == "2026-03-10T10:00:00+01:00"'
	edit --start "2026-03-10 20:00"
	at_google '.start == {dateTime: "2026-03-10T12:00:00+01:00", timeZone: "Asia/Tokyo"}'
}

@test "event edit: --clear empties each field" {
	add --start "2026-03-10 10:00" --location L --description D --attendee a@example.com \
		-r 10m --rrule FREQ=DAILY --color 5 --visibility public --free
	edit --clear location --clear description --clear attendees --clear reminders \
		--clear recurrence --clear colorId --clear visibility --clear transparency
	assert_json '.syncStatus.synced'
	at_google '[.location, .description, .attendees, .recurrence, .colorId, .visibility, .transparency]
		| all(. == null or . == "default" or . == "opaque" or . == [])'
	at_google '.reminders.useDefault == true'
	assert_json '.event | has("location") or has("recurrence") or has("attendees") | not'
	edit --clear summary
	at_google '(.summary // "") == ""'
	assert_no_violations
}

@test "event edit: --clear takes the names of the options, too" {
	add --start "2026-03-10 10:00" --attendee a@example.com -r 10m --rrule FREQ=DAILY --color 5 --free
	edit --clear title --clear attendee --clear reminder --clear rrule --clear color --clear free
	assert_json '.syncStatus.synced'
	at_google '[.summary // "", .attendees // [], .recurrence // [], .colorId // ""] == ["", [], [], ""]
		and .reminders.useDefault and (.transparency // "opaque") == "opaque"'
	assert_no_violations
}

@test "event edit: guests are added, reminders and rules replaced; clearing first replaces guests" {
	add --start "2026-03-10 10:00" --attendee a@example.com -r 10m --rrule FREQ=DAILY
	edit --attendee b@example.com --attendee A@Example.com -r 1h:email --rrule "FREQ=WEEKLY"
	at_google '[.attendees[].email] | sort == ["a@example.com", "b@example.com"]'
	at_google '.reminders.overrides == [{method: "email", minutes: 60}]'
	at_google '.recurrence == ["RRULE:FREQ=WEEKLY"]'
	edit --clear attendees --attendee c@example.com
	at_google '[.attendees[].email] == ["c@example.com"]'
	assert_equal "$(fake_google_mail | jq length)" 0
	edit --title Mailed --notify all
	assert_equal "$(fake_google_mail | jq '[.[].to] | unique')" "$(jq -n '["c@example.com"]')"
	assert_no_violations
}

@test "event edit: an answer that a guest gave at Google survives another's invitation" {
	add --start "2026-03-10 10:00" --attendee a@example.com
	fake_google_patch "$ID" '{"attendees": [{"email": "a@example.com", "responseStatus": "accepted",
		"comment": "gladly"}]}' >/dev/null
	run -0 calsync sync
	edit --attendee b@example.com
	at_google '[.attendees[] | select(.email == "a@example.com")][0]
		| .responseStatus == "accepted" and .comment == "gladly"'
}

@test "event edit: colour, visibility, free, meet" {
	add --start "2026-03-10 10:00"
	edit --color tomato --visibility private --free --meet
	at_google '.colorId == "11" and .visibility == "private" and .transparency == "transparent"
		and (.conferenceData | length > 0)'
	assert_no_violations
}

@test "event edit: an event made into a series gets its zone, and an edit of the master is one of all" {
	add --start "2026-03-10 10:00"
	edit --rrule FREQ=WEEKLY
	at_google '.recurrence == ["RRULE:FREQ=WEEKLY"] and .start.timeZone == "Europe/Berlin"'
	edit --title All
	at_google '.summary == "All" and .recurrence == ["RRULE:FREQ=WEEKLY"]'
	assert_no_violations
}

@test "event edit: an event that came from Google, named by a prefix of its id" {
	ID=$(fake_google_event Theirs "2026-03-10T10:00:00+01:00" '{"description": "kept"}')
	run -0 calsync sync
	run -0 --separate-stderr calsync --json event edit "${ID:0:9}" --title Ours
	assert_json '.syncStatus.synced'
	at_google '.summary == "Ours" and .description == "kept"'
}

@test "event edit: changing nothing sends nothing" {
	add --start "2026-03-10 10:00" --location L
	fake_google_forget_log
	edit --title Meeting --location L --start "2026-03-10 10:00"
	assert_json '.syncStatus.synced'
	assert_equal "$(fake_google_requests length)" 0
	run -0 --separate-stderr calsync event edit "$ID" --title Meeting
	assert_matches "$output" '^unchanged '
}

@test "event edit: --no-sync holds the edit back" {
	add --start "2026-03-10 10:00"
	fake_google_forget_log
	edit --title Held --no-sync
	assert_json '.syncStatus == {synced: false, error: null}'
	assert_json '.event | .summary == "Held" and .pendingOp == "update" and .syncStatus == "local_only"'
	assert_equal "$(fake_google_requests length)" 0
	run -0 calsync sync
	at_google '.summary == "Meeting"'
	edit --location Out
	assert_json '.syncStatus.synced'
	at_google '.summary == "Held" and .location == "Out"'
}

@test "event edit: a local-only event stays local" {
	ID=$(calsync --json event add Mine --start 2026-03-10 --no-sync | jq -er .event.id)
	fake_google_forget_log
	edit --title Still
	assert_json '.syncStatus == {synced: false, error: null} and .event.googleEventId == null'
	assert_equal "$(fake_google_requests length)" 0
	run -4 --separate-stderr calsync event edit "$ID" --title More --require-sync
	assert_one_line_error
}

@test "event edit: offline edits fold into one request" {
	add --start "2026-03-10 10:00"
	fake_google_fault '{"action": "drop_before", "times": 0}'
	edit --title One
	assert_matches "$stderr" queued
	assert_json '.event.pendingOp == "update" and .event.googleEventId != null'
	edit --title Two --location L
	fake_google_no_faults
	fake_google_forget_log
	run -0 calsync sync
	assert_equal "$(fake_google_count PATCH)" 1
	at_google '.summary == "Two" and .location == "L"'
}

@test "event edit: an edit after the token expired goes out after connecting again" {
	add --start "2026-03-10 10:00"
	fake_google_expire access_tokens refresh_tokens
	edit --title Kept
	assert_json '.syncStatus.error | startswith("Calendar token expired.")'
	run -3 --separate-stderr calsync --json event edit "$ID" --location There --require-sync
	connect_account
	run -0 calsync sync
	at_google '.summary == "Kept" and .location == "There"'
}

@test "event edit: an event that Google refused is sent again when it is edited" {
	fake_google_fault '{"method": "POST", "match": "/events", "action": "status", "status": 400,
		"reason": "invalid"}'
	ID=$(calsync --quiet --json event add Bad --start 2026-03-10 | jq -er .event.id)
	edit --title Good
	assert_json '.syncStatus.synced and .event.syncStatus == "synced" and .event.lastSyncError == null'
	at_google '.summary == "Good"'
}

@test "event edit: one occurrence of a series can be changed, but not made a series" {
	add --start "2026-03-06 14:00" --rrule "FREQ=WEEKLY;COUNT=4"
	fake_google_api PATCH "calendars/primary/events/${ID}_20260313T130000Z" '{"summary": "Moved"}' >/dev/null
	run -0 calsync sync
	ID=${ID}_20260313T130000Z
	run -2 --separate-stderr calsync --json event edit "$ID" --rrule FREQ=DAILY
	assert_failure_json invalid
	edit --location Elsewhere
	at_google '.summary == "Moved" and .location == "Elsewhere"'
	assert_no_violations
}

@test "event edit: an occurrence that Google cancelled meanwhile comes back with the edit" {
	add --start "2026-03-06 14:00" --rrule "FREQ=WEEKLY;COUNT=4"
	fake_google_api PATCH "calendars/primary/events/${ID}_20260313T130000Z" '{"summary": "Moved"}' >/dev/null
	run -0 calsync sync
	ID=${ID}_20260313T130000Z
	fake_google_delete "$ID"
	edit --title Kept
	assert_json '.syncStatus.synced and .event.status == "confirmed" and .event.summary == "Kept"'
	at_google '.status == "confirmed" and .summary == "Kept"'
	run -0 calsync sync
	run -0 calsync event show "$ID"
	assert_no_violations
}

@test "event edit: an occurrence that its series no longer has is refused once, not asked for again" {
	add --start "2026-03-06 14:00" --rrule "FREQ=WEEKLY;COUNT=4"
	series=$ID
	fake_google_api PATCH "calendars/primary/events/${ID}_20260313T130000Z" '{"summary": "Moved"}' >/dev/null
	run -0 calsync sync
	fake_google_patch "$series" '{"start": {"dateTime": "2026-03-06T16:00:00+01:00"},
		"end": {"dateTime": "2026-03-06T17:00:00+01:00"}}' >/dev/null
	ID=${series}_20260313T130000Z
	edit --title Orphan
	assert_json '.event.syncStatus == "error" and .event.summary == "Orphan"'
	assert_json '.syncStatus.synced == false and (.syncStatus.error | test("404"))'
	fake_google_forget_log
	run calsync sync
	assert_equal "$(fake_google_count POST PUT PATCH DELETE)" 0
	run -0 --separate-stderr calsync --json event rm "$ID"
	run -0 calsync --json event list
	assert_json ". | length == 1 and .[0].id == \"$series\""
}

@test "event edit: what is written between its look and its write is not taken back" {
	add --start "2026-03-06 14:00"
	# Somebody (a sync, another edit) is in the middle of a transaction when the command starts.
	{
		echo "BEGIN IMMEDIATE; UPDATE event SET summary = 'Theirs',
			resource = json_set(resource, '$.summary', 'Theirs') WHERE id = '$ID';"
		sleep 1.5
		echo "COMMIT;"
	} | sqlite3 "$CALSYNC_STORE" 3>&- &
	somebody=$!
	sleep 0.5
	edit --location Mine --no-sync
	wait "$somebody"
	run -0 --separate-stderr calsync --json event show "$ID"
	assert_json '.location == "Mine" and .summary == "Theirs"'
}
