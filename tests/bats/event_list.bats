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

@test "event list: series as masters, changed occurrences as rows of their own" {
	id=$(calsync --json event add Weekly --start "2026-03-06 14:00" --rrule "FREQ=WEEKLY;COUNT=4" | jq -r .event.id)
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
