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

agenda() {
	run -0 --separate-stderr calsync agenda "$@"
}

@test "agenda: today and the six days after it, nothing else" {
	agenda
	assert_equal "$output" "no event"
	# Not on a day whose midnight comes while the test runs: noon of each is safe.
	add Yesterday --start "$(date -d '-1 day' +%F) 12:00" >/dev/null
	add Today --start "$(date +%F) 12:00" >/dev/null
	add Tomorrow --start "$(date -d '+1 day' +%F) 12:00" >/dev/null
	add Last --start "$(date -d '+6 days' +%F) 12:00" >/dev/null
	add Next --start "$(date -d '+7 days' +%F) 12:00" >/dev/null
	agenda
	assert_equal "$output" "$(LC_ALL=C date +'%a %F (today)')
  12:00-13:00  Today (local only)

$(LC_ALL=C date -d '+1 day' +'%a %F (tomorrow)')
  12:00-13:00  Tomorrow (local only)

$(LC_ALL=C date -d '+6 days' +'%a %F')
  12:00-13:00  Last (local only)"
	agenda --start yesterday --end today
	assert_matches "$output" 'Yesterday' 'Today'
	refute_matches "$output" Tomorrow
}

@test "agenda: grouped by day, all-day first, occurrences of series, several days on each" {
	calsync event add Standup --start "2026-03-27 09:30" -d 15m --rrule "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR" -l "Room 7"
	calsync event add Trip --start 2026-03-28 --end 2026-03-30
	calsync event add Night --start "2026-03-29 22:00" --end "2026-03-31 06:00"
	calsync event add Early --start "2026-03-30 08:00" -d 1h
	# Google may hold what it takes from nobody today: an event of no length.
	calsync event add Mark --start "2026-03-30 08:30" -d 1m
	sqlite3 "$CALSYNC_STORE" "UPDATE event SET end_utc = start_utc,
		resource = replace(resource, 'T08:31:00', 'T08:30:00') WHERE summary = 'Mark'"
	calsync event add Till --start "2026-03-30 23:00" --end "2026-03-31 00:00"
	agenda --start 2026-03-27 --end 2026-03-31
	assert_equal "$output" 'Fri 2026-03-27
  09:30-09:45  Standup, Room 7

Sat 2026-03-28
  all day      Trip (1/3)

Sun 2026-03-29
  all day      Trip (2/3)
  22:00-       Night (1/3)

Mon 2026-03-30
  all day      Trip (3/3)
  all day      Night (2/3)
  08:00-09:00  Early
  08:30        Mark
  09:30-09:45  Standup, Room 7
  23:00-00:00  Till

Tue 2026-03-31
       -06:00  Night (3/3)
  09:30-09:45  Standup, Room 7'
	assert_equal "$stderr" ""
	# Only the days that were asked for, also of what began before them.
	agenda --start 2026-03-31 --end 2026-03-31
	assert_equal "$output" 'Tue 2026-03-31
       -06:00  Night (3/3)
  09:30-09:45  Standup, Room 7'
	agenda --start "2026-03-30 12:00" --end "2026-03-30 13:00"
	assert_equal "$output" 'Mon 2026-03-30
  all day      Trip (3/3)
  all day      Night (2/3)'
}

@test "agenda: exceptions are where they are now, cancelled ones are not there" {
	id=$(calsync --json event add Standup --start "2026-03-02 09:30" -d 15m --rrule "FREQ=DAILY;COUNT=5" | jq -r .event.id)
	fake_google_patch "${id}_20260303T083000Z" '{"summary": "Late", "start": {"dateTime": "2026-03-05T12:00:00+01:00"},
		"end": {"dateTime": "2026-03-05T13:00:00+01:00"}}' >/dev/null
	fake_google_delete "${id}_20260304T083000Z"
	run -0 calsync sync
	agenda --start 2026-03-02
	assert_equal "$output" 'Mon 2026-03-02
  09:30-09:45  Standup

Thu 2026-03-05
  09:30-09:45  Standup
  12:00-13:00  Late

Fri 2026-03-06
  09:30-09:45  Standup'
	agenda --start 2026-03-02 --search late
	assert_equal "$output" 'Thu 2026-03-05
  12:00-13:00  Late'
}

@test "agenda: several calendars, each named; a day is a day in every zone" {
	for zone in Pacific/Kiritimati America/Los_Angeles; do
		fake_google POST /sandbox/calendars "$(jq -nc --arg z "$zone" '{account: "user1@example.com",
			id: ($z | sub("/"; "-")) , summary: $z, accessRole: "owner", timeZone: $z}')" >/dev/null
	done
	run -0 calsync sync
	run -0 calsync calendars select Pacific/Kiritimati America/Los_Angeles
	run -0 calsync sync
	calsync event add East --start 2026-03-10 -c Pacific/Kiritimati
	calsync event add West --start 2026-03-10 -c America/Los_Angeles
	calsync event add Call --start "2026-03-10 01:00" -c America/Los_Angeles
	for TZ in Pacific/Pago_Pago Europe/Berlin Pacific/Kiritimati; do
		export TZ
		agenda --start 2026-03-10 --end 2026-03-10 --search st
		assert_equal "$output" 'Tue 2026-03-10
  all day      East [Pacific/Kiritimati]
  all day      West [America/Los_Angeles]'
		agenda --start 2026-03-11 --end 2026-03-11 --search st
		assert_equal "$output" "no event"
		agenda --start 2026-03-09 --end 2026-03-09 --search st
		assert_equal "$output" "no event"
	done
	TZ=Europe/Berlin agenda --start 2026-03-10 --end 2026-03-10 -c America/Los_Angeles
	assert_equal "$output" 'Tue 2026-03-10
  all day      West
  09:00-10:00  Call'
}

@test "agenda: the formats for programs are those of event list" {
	calsync event add Standup --start "2026-03-02 09:30" -d 15m --rrule "FREQ=DAILY;COUNT=5"
	calsync event add Trip --start 2026-03-03 --end 2026-03-04
	for format in json ndjson tsv; do
		run -0 --separate-stderr calsync event list --start 2026-03-02 --end 2026-03-05 --format $format
		list=$output
		agenda --start 2026-03-02 --end 2026-03-05 --format $format
		assert_equal "$output" "$list"
	done
	run -0 --separate-stderr calsync --json agenda --start 2026-03-02 --end 2026-03-05
	assert_schema event-list
	assert_json 'length == 5 and .[1].summary == "Trip"'
	run -0 --separate-stderr calsync --json agenda --start 2030-01-01
	assert_equal "$output" '[]'
	before=$(store_dump)
	agenda --start 2026-03-02
	assert_equal "$(store_dump)" "$before"
}

@test "agenda: bad input" {
	run -2 --separate-stderr calsync --json agenda --start never
	assert_failure_json invalid
	run -2 --separate-stderr calsync --json agenda --start 2026-03-02 --end 2026-03-01
	assert_failure_json invalid
	run -5 --separate-stderr calsync --json agenda -c nowhere
	assert_failure_json not_found
	run -2 --separate-stderr calsync --json agenda today
	assert_failure_json usage
	run -2 --separate-stderr calsync --json agenda --start 9999-12-31
	assert_failure_json invalid
}

@test "agenda: nothing that a terminal obeys comes out of a title, a place or a calendar" {
	fake_google_event $'evil \e]0;title\a\e[31m red' 2026-03-10T10:00:00+01:00 '{"location": "\u001b[2J there\n"}' >/dev/null
	run -0 calsync sync
	agenda --start 2026-03-10
	refute_matches "$output" $'\e|\a'
	assert_matches "$output" 'evil .*red, .*there'
	assert_equal "${#lines[@]}" 2
}
