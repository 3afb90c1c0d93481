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

add() {
	calsync --json event add "$@" --no-sync | jq -er .event.id
}

titles() {
	jq -c '[.[].summary]' <<<"$output"
}

# list OPTION...: the titles, as JSON
list() {
	run -0 --separate-stderr calsync --json event list "$@"
	assert_schema event-list
}

@test "event list: everything, in order of start, as an array" {
	list
	assert_equal "$output" '[]'
	add Third --start "2026-03-12 10:00" >/dev/null
	add First --start "2026-03-10 10:00" >/dev/null
	add Second --start 2026-03-11 >/dev/null
	list
	assert_equal "$(titles)" '["First","Second","Third"]'
	assert_equal "$stderr" ""
}

@test "event list: a window has what touches it, a day given to --end is inside" {
	add Before --start "2026-03-09 23:00" -d 1h >/dev/null
	add Into --start "2026-03-09 23:30" -d 1h >/dev/null
	add Day --start 2026-03-10 >/dev/null
	add Late --start "2026-03-10 23:30" -d 1h >/dev/null
	add After --start "2026-03-11 00:00" >/dev/null
	add Long --start 2026-03-01 --end 2026-03-31 >/dev/null
	list --start 2026-03-10 --end 2026-03-10
	assert_equal "$(titles)" '["Long","Into","Day","Late"]'
	list --start "2026-03-10 12:00" --end "2026-03-10 13:00"
	assert_equal "$(titles)" '["Long","Day"]'
	list --start 2026-03-11
	assert_equal "$(titles)" '["Long","Late","After"]'
	list --end "2026-03-09 23:15"
	assert_equal "$(titles)" '["Long","Before"]'
	list --start 2027-01-01 --end 2027-12-31
	assert_equal "$output" '[]'
}

@test "event list: by text, in any case, in title, place and description" {
	add "Überraschung" --start 2026-03-10 >/dev/null
	add Two --start 2026-03-11 --location "Blue Room" >/dev/null
	add Three --start 2026-03-12 --description "about 100% of_it" >/dev/null
	list --search BLUE
	assert_equal "$(titles)" '["Two"]'
	list --search raschung
	assert_equal "$(titles)" '["Überraschung"]'
	list --search '0% of_'
	assert_equal "$(titles)" '["Three"]'
	list --search '%'
	assert_equal "$(titles)" '["Three"]'
	list --search nothing
	assert_equal "$output" '[]'
}

@test "event list: by sync status and by calendar" {
	fake_google POST /sandbox/calendars '{"account": "user1@example.com", "id": "team@group.calendar.google.com",
		"summary": "Team", "accessRole": "owner"}' >/dev/null
	run -0 calsync sync
	add Mine --start 2026-03-10 >/dev/null
	run -0 calsync event add Both --start 2026-03-11
	run -0 calsync event add Teams --start 2026-03-12 -c Team
	list --sync-status local_only
	assert_equal "$(titles)" '["Mine"]'
	list --sync-status synced
	assert_equal "$(titles)" '["Both","Teams"]'
	list --sync-status error
	assert_equal "$output" '[]'
	list --calendar Team
	assert_equal "$(titles)" '["Teams"]'
	list --calendar primary
	assert_equal "$(titles)" '["Mine","Both"]'
	list -c team@group.calendar.google.com --search team
	assert_equal "$(titles)" '["Teams"]'
}

@test "event list: all accounts, or the one that is named" {
	fake_google_account user2@example.com
	connect_account home user2@example.com
	calsync -a work event add W --start 2026-03-10
	calsync -a home event add H --start 2026-03-11
	list
	assert_equal "$(titles)" '["W","H"]'
	list -a home
	assert_equal "$(titles)" '["H"]'
	CALSYNC_ACCOUNT=work list
	assert_equal "$(titles)" '["W"]'
	run -0 calsync event list
	assert_matches "${lines[0]}" 'ACCOUNT +CALENDAR'
	run -5 --separate-stderr calsync --json event list -a nobody
	assert_failure_json not_found
}

# series TITLE START RULE [OPTION...]: a series at Google too; its id
series() {
	calsync --json event add "$1" --start "$2" --rrule "$3" "${@:4}" | jq -er .event.id
}

starts() {
	jq -c '[.[] | .start | .dateTime // .date]' <<<"$output"
}

@test "event list: without a window series are masters, changed occurrences rows of their own" {
	id=$(series Weekly "2026-03-06 14:00" "FREQ=WEEKLY;COUNT=4")
	fake_google_api PATCH "calendars/primary/events/${id}_20260313T130000Z" '{"summary": "Moved"}' >/dev/null
	run -0 calsync sync
	list
	assert_equal "$(titles)" '["Weekly","Moved"]'
	assert_json ".[1].recurringEventId == \"$id\""
	list --no-expand
	assert_equal "$(titles)" '["Weekly","Moved"]'
	run -0 calsync event list
	assert_matches "$output" 'Weekly +series'
	assert_matches "$output" 'Moved +changed occurrence'
}

@test "event list: a window shows a series as its occurrences, over a DST change" {
	id=$(series Weekly "2026-03-20 14:00" "FREQ=WEEKLY;COUNT=4")
	list --start 2026-03-01 --end 2026-04-30
	assert_equal "$(starts)" '["2026-03-20T14:00:00+01:00","2026-03-27T14:00:00+01:00","2026-04-03T14:00:00+02:00","2026-04-10T14:00:00+02:00"]'
	assert_json "[.[].id] == [\"${id}_20260320T130000Z\", \"${id}_20260327T130000Z\",
		\"${id}_20260403T120000Z\", \"${id}_20260410T120000Z\"]"
	assert_json "all(.[]; .recurringEventId == \"$id\" and .originalStartTime == .start
		and .googleEventId == .id and .syncStatus == \"synced\" and (has(\"recurrence\") | not))"
	# As Google gives them, to the letter.
	google=$(fake_google_api GET "calendars/primary/events/$id/instances" |
		jq -S '[.items[] | {id, start, "end": .end, originalStartTime, recurringEventId, summary, iCalUID}]')
	assert_equal "$(jq -S '[.[] | {id, start, "end": .end, originalStartTime, recurringEventId, summary, iCalUID}]' <<<"$output")" "$google"
	list --start 2026-03-27 --end 2026-03-27
	assert_equal "$(starts)" '["2026-03-27T14:00:00+01:00"]'
	list --start "2026-03-27 14:30" --end "2026-04-03 14:00"
	assert_equal "$(starts)" '["2026-03-27T14:00:00+01:00"]'
	list --start 2026-03-28 --end 2026-04-02
	assert_equal "$output" '[]'
	list --start 2026-03-01 --end 2026-04-30 --no-expand
	assert_equal "$(titles)" '["Weekly"]'
	assert_json '.[0] | has("recurrence")'
	run -0 calsync event list --start 2026-03-27 --end 2026-03-27
	assert_matches "${lines[1]}" "^${id}_20260327T130000Z +2026-03-27 14:00 +2026-03-27 15:00 +Weekly +occurrence"
}

@test "event list: an exception stands in for its occurrence, wherever it moved" {
	id=$(series Daily "2026-03-02 09:00" "FREQ=DAILY;COUNT=10")
	on() { fake_google_api PATCH "calendars/primary/events/${id}_$1T080000Z" "$2" >/dev/null; }
	on 20260304 '{"summary": "Renamed"}'
	on 20260305 '{"start": {"dateTime": "2026-04-01T09:00:00+02:00"}, "end": {"dateTime": "2026-04-01T10:00:00+02:00"}}'
	on 20260311 '{"start": {"dateTime": "2026-03-03T12:00:00+01:00"}, "end": {"dateTime": "2026-03-03T13:00:00+01:00"}}'
	fake_google_delete "${id}_20260306T080000Z"
	run -0 calsync sync
	list --start 2026-03-02 --end 2026-03-07
	assert_equal "$(starts)" '["2026-03-02T09:00:00+01:00","2026-03-03T09:00:00+01:00","2026-03-03T12:00:00+01:00","2026-03-04T09:00:00+01:00","2026-03-07T09:00:00+01:00"]'
	assert_equal "$(titles)" '["Daily","Daily","Daily","Renamed","Daily"]'
	assert_json "([.[].id] | unique | length) == 5"
	assert_json ".[2].id == \"${id}_20260311T080000Z\""
	list --start 2026-03-08 --end 2026-04-30
	assert_equal "$(starts)" '["2026-03-08T09:00:00+01:00","2026-03-09T09:00:00+01:00","2026-03-10T09:00:00+01:00","2026-04-01T09:00:00+02:00"]'
	# What a filter takes out does not bring the plain occurrence back.
	list --start 2026-03-04 --end 2026-03-04 --search Daily
	assert_equal "$output" '[]'
	# An occurrence whose delete waits is gone at once.
	run -0 calsync event rm "${id}_20260304T080000Z" --no-sync
	list --start 2026-03-03 --end 2026-03-04
	assert_equal "$(starts)" '["2026-03-03T09:00:00+01:00","2026-03-03T12:00:00+01:00"]'
	run -0 calsync event rm "$id" --no-sync
	list --start 2026-03-08 --end 2026-03-09
	assert_equal "$output" '[]'
}

@test "event list: occurrences of all calendars in one order, all-day ones by their calendar's zone" {
	fake_google POST /sandbox/calendars '{"account": "user1@example.com", "id": "ny@group.calendar.google.com",
		"summary": "NY", "accessRole": "owner", "timeZone": "America/New_York"}' >/dev/null
	run -0 calsync sync
	run -0 calsync calendars select NY
	run -0 calsync sync
	series Morning "2026-03-02 07:00" FREQ=DAILY >/dev/null
	series Day 2026-03-02 "FREQ=DAILY;INTERVAL=2" >/dev/null
	series Far 2026-03-02 FREQ=DAILY -c NY >/dev/null
	add Single --start "2026-03-04 06:30" >/dev/null
	list --start "2026-03-04 03:00" --end "2026-03-04 12:00"
	assert_equal "$(titles)" '["Far","Day","Far","Single","Morning"]'
	assert_equal "$(starts)" '["2026-03-03","2026-03-04","2026-03-04","2026-03-04T06:30:00+01:00","2026-03-04T07:00:00+01:00"]'
	assert_json '.[1].id | test("_20260304$")'
	assert_json '.[1] | .end == {date: "2026-03-05"} and .originalStartTime == {date: "2026-03-04"}'
}

@test "event list: a window that is open at an end" {
	id=$(series Endless "2026-03-02 09:00" FREQ=YEARLY)
	series Ended "2026-03-02 08:00" "FREQ=YEARLY;COUNT=3" >/dev/null
	add Single --start "2099-01-01 09:00" >/dev/null
	# Behind --start a series is followed for 366 days, single events are all there.
	list --start 2030-01-01
	assert_equal "$(starts)" '["2030-03-02T09:00:00+01:00","2099-01-01T09:00:00+01:00"]'
	assert_equal "$stderr" "calsync: warning: series are followed until 2031-01-02 only; --end TIME shows more"
	run -0 --separate-stderr calsync --quiet --json event list --start 2030-01-01
	assert_equal "$stderr" ""
	list --start 2030-01-01 --search single
	assert_equal "$stderr" ""
	run -0 calsync event rm "$id"
	list --start "2027-12-01"
	assert_equal "$(starts)" '["2028-03-02T08:00:00+01:00","2099-01-01T09:00:00+01:00"]'
	assert_equal "$stderr" ""
	# Before --end there is a beginning.
	list --end 2027-12-31
	assert_equal "$(starts)" '["2026-03-02T08:00:00+01:00","2027-03-02T08:00:00+01:00"]'
}

@test "event list: a series that cannot be expanded is shown as stored, the others are there" {
	series Fine "2026-03-02 09:00" "FREQ=DAILY;COUNT=2" >/dev/null
	id=$(series Odd "2026-03-02 10:00" "FREQ=DAILY")
	sqlite3 "$CALSYNC_STORE" "UPDATE event SET resource = replace(resource, 'FREQ=DAILY\"', 'FREQ=DAILY;BYEASTER=1\"')
		WHERE id = '$id'"
	list --start 2026-03-01 --end 2026-03-31
	assert_equal "$(titles)" '["Fine","Odd","Fine"]'
	assert_matches "$stderr" "^calsync: warning: series '$id' is shown as it is stored: .*BYEASTER.* is not supported"
	# And more occurrences than anyone reads are told.
	sqlite3 "$CALSYNC_STORE" "UPDATE event SET resource = replace(resource, 'FREQ=DAILY;BYEASTER=1', 'FREQ=SECONDLY')
		WHERE id = '$id'"
	list --start 2026-03-01 --end 2026-03-31
	assert_json 'length == 10002'
	assert_equal "$stderr" "calsync: warning: series '$id' has more than 10000 occurrences in this time"
}

@test "event list: occurrences in every format" {
	id=$(series Weekly "2026-03-06 14:00" "FREQ=WEEKLY;COUNT=4")
	run -0 --separate-stderr calsync event list --start 2026-03-07 --end 2026-03-21 --format ndjson
	assert_equal "${#lines[@]}" 2
	assert_schema event "${lines[0]}"
	run -0 --separate-stderr calsync event list --start 2026-03-07 --end 2026-03-21 --format tsv
	assert_equal "${#lines[@]}" 3
	assert_equal "${lines[1]}" "${id}_20260313T130000Z"$'\twork\tuser1@example.com\t2026-03-13T14:00:00+01:00\t2026-03-13T15:00:00+01:00\tWeekly\t\tsynced\t'
	run -0 --separate-stderr calsync event list --start 2030-01-01 --end 2030-01-31
	assert_equal "$output" "no event"
}

@test "event show: an occurrence that has no row of its own" {
	id=$(series Weekly "2026-03-20 14:00" "FREQ=WEEKLY;COUNT=4" -l "Room 7")
	days=$(series Days 2026-03-20 "FREQ=DAILY;COUNT=3")
	before=$(store_dump)
	run -0 --separate-stderr calsync --json event show "${id}_20260403T120000Z"
	assert_schema event
	assert_json ".id == \"${id}_20260403T120000Z\" and .recurringEventId == \"$id\" and .location == \"Room 7\"
		and .start.dateTime == \"2026-04-03T14:00:00+02:00\" and .end.dateTime == \"2026-04-03T15:00:00+02:00\"
		and .originalStartTime == .start and (has(\"recurrence\") | not)"
	run -0 calsync event show "${id}_20260403T120000Z"
	assert_equal "${lines[0]}" Weekly
	assert_matches "$output" 'when +2026-04-03 14:00-15:00'
	assert_matches "$output" "occurrence of +$id"
	run -0 --separate-stderr calsync --json event show "${days}_20260321"
	assert_json '.start == {date: "2026-03-21"}'
	assert_equal "$(store_dump)" "$before"
	# Not an occurrence, of the wrong kind, of no series, no id of one.
	for no in "${id}_20260403T130000Z" "${id}_20260403" "${days}_20260323" "${days}_20260320T230000Z" \
		nothing_20260403 "${id}_R20260403" "${id}_20260230"; do
		run -5 --separate-stderr calsync --json event show "$no"
		assert_failure_json not_found
	done
	# One that was changed is its row, one that was cancelled is gone.
	fake_google_api PATCH "calendars/primary/events/${id}_20260403T120000Z" '{"summary": "Changed"}' >/dev/null
	fake_google_delete "${id}_20260327T130000Z"
	run -0 calsync sync
	run -0 --separate-stderr calsync --json event show "${id}_20260403T120000Z"
	assert_json '.summary == "Changed"'
	run -5 --separate-stderr calsync --json event show "${id}_20260327T130000Z"
	assert_failure_json not_found
}

@test "event show: the same occurrence in two calendars is ambiguous" {
	fake_google_account user2@example.com
	connect_account home user2@example.com
	id=$(calsync -a work --json event add Weekly --start "2026-03-20 14:00" --rrule FREQ=WEEKLY | jq -r .event.id)
	fake_google_api POST calendars/primary/events "$(fake_google_get "$id" | jq -c '{id, summary, start, "end": .end, recurrence}')" \
		user2@example.com >/dev/null
	run -0 calsync sync --all
	run -2 --separate-stderr calsync --json event show "${id}_20260327T130000Z"
	assert_failure_json ambiguous
	assert_matches "$stderr" 'user1@example.com, user2@example.com'
	run -0 --separate-stderr calsync -a home --json event show "${id}_20260327T130000Z"
	assert_json '.account == "home"'
}

@test "event list: ndjson is one event a line, tsv has a header and no stray tabs" {
	add $'tab\tnewline\nend' --start "2026-03-10 10:00" --location Here >/dev/null
	add Trip --start 2026-12-24 --end 2026-12-26 >/dev/null
	run -0 --separate-stderr calsync event list --format ndjson
	assert_equal "${#lines[@]}" 2
	assert_schema event "${lines[0]}"
	assert_equal "$(jq -c .summary <<<"${lines[0]}")" '"tab\tnewline\nend"'
	run -0 --separate-stderr calsync event list --format tsv
	assert_equal "${#lines[@]}" 3
	assert_equal "${lines[0]}" \
		$'id\taccount\tcalendar\tstart\tend\tsummary\tlocation\tsyncStatus\tpendingOp'
	assert_equal "$(cut -f2- <<<"${lines[1]}")" \
		$'work\tuser1@example.com\t2026-03-10T10:00:00+01:00\t2026-03-10T11:00:00+01:00\ttab newline end\tHere\tlocal_only\t'
	assert_equal "$(cut -f4-6 <<<"${lines[2]}")" $'2026-12-24\t2026-12-27\tTrip'
	run -0 --separate-stderr calsync event list --format json
	assert_schema event-list
	run -0 --separate-stderr calsync --json event list --format table
	assert_matches "${lines[0]}" '^ID'
}

@test "event list: the table has ids that the next command takes, the last day, and the state" {
	id=$(add Trip --start 2026-12-24 --end 2026-12-26)
	run -0 --separate-stderr calsync event list
	assert_matches "${lines[0]}" '^ID +START +END +TITLE +NOTE'
	assert_matches "${lines[1]}" "^$id +2026-12-24 +2026-12-26 +Trip +local only"
	fake_google_fault '{"action": "drop_before", "times": 0}'
	run -0 calsync --quiet event add Queued --start 2027-01-01
	run -0 calsync event list --search queued
	assert_matches "${lines[1]}" 'Queued +queued'
	run -0 calsync event list --search nothing
	assert_equal "$output" "no event"
}

@test "event list and show: nothing that a terminal obeys comes out of a title" {
	fake_google_event $'evil \e]0;title\a\e[31m red \u202e rtl \u0085' >/dev/null
	run -0 calsync sync
	for format in table tsv; do
		run -0 calsync event list --format $format
		refute_matches "$output" $'\e|\a|\u202e|\u0085'
		assert_matches "$output" 'evil .*red'
	done
	id=$(calsync --json event list | jq -r '.[0].id')
	run -0 calsync event show "$id"
	refute_matches "$output" $'\e|\a|\u202e|\u0085'
	run -0 --separate-stderr calsync --json event show "$id"
	assert_json '.summary | test("\u001b")'
}

@test "event show: all of an event, for people and as JSON" {
	id=$(calsync --json event add Review --start "2026-07-01 09:00" --timezone America/New_York \
		-l "Room 7" --description $'two\nlines' --attendee ann@example.com -r 10m -r 1d:email \
		--color 3 --visibility private --free --rrule FREQ=WEEKLY | jq -r .event.id)
	run -0 --separate-stderr calsync event show "${id:0:10}"
	assert_equal "${lines[0]}" Review
	for text in 'when +2026-07-01 15:00-16:00 \(Europe/Berlin\)' \
		'its own zone +2026-07-01 09:00-10:00 \(America/New_York\)' 'where +Room 7' \
		'description +two' '  +lines' 'guests +ann@example.com: needsAction' \
		'reminders +10 min before, popup' '1440 min before, email' 'colour +3' \
		'visibility +private' 'busy +transparent' 'repeats +RRULE:FREQ=WEEKLY' \
		'account +work' 'calendar +user1@example.com' 'sync +synced' "id +$id" 'organizer' \
		'link +https://' 'created +20' 'iCalUID' 'sequence +0'; do
		assert_matches "$output" "$text"
	done
	run -0 --separate-stderr calsync --json event show "$id"
	assert_schema event
	assert_json ".id == \"$id\" and .location == \"Room 7\" and .account == \"work\""
	before=$(store_dump)
	run -0 calsync event show "$id"
	assert_equal "$(store_dump)" "$before"
}
