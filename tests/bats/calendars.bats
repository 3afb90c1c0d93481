# shellcheck disable=SC2154,SC2030,SC2031
load helpers
load schema

setup() {
	calsync_setup
	fake_google_start
	make_calendar team@group.calendar.google.com Team writer
	make_calendar 'en.usa#holiday@group.v.calendar.google.com' Holidays reader
	connect_account
}

teardown() {
	calsync_teardown
}

# make_calendar ID SUMMARY ROLE [EMAIL]
make_calendar() {
	fake_google POST /sandbox/calendars "$(jq -nc --arg i "$1" --arg s "$2" --arg r "$3" \
		--arg a "${4:-user1@example.com}" '{account: $a, id: $i, summary: $s, accessRole: $r}')" >/dev/null
}

selected() {
	calsync --json calendars "$@" | jq -c '[.[] | select(.selected) | .summary] | sort'
}

@test "calendars: list is what it does without a subcommand" {
	run --separate-stderr -0 calsync --json calendars
	assert_schema calendars
	assert_json 'length == 3 and .[0].primary and .[0].selected and (.[1].selected | not)'
	plain=$output
	run --separate-stderr -0 calsync --json calendars list
	assert_equal "$output" "$plain"
	run --separate-stderr -0 calsync calendars
	assert_matches "${lines[0]}" '^SYNC +ID +TITLE +ROLE +LAST SYNC'
	assert_matches "$output" 'no +en.usa#holiday@group.v.calendar.google.com +Holidays +reader +never'
}

@test "calendars: select by id, by title, and what is selected is synced" {
	run --separate-stderr -0 calsync --json calendars select Team 'en.usa#holiday@group.v.calendar.google.com'
	assert_schema calendars-select
	assert_json '[.calendars[].selected] == [true, true]'
	fake_google_api POST calendars/team%40group.calendar.google.com/events \
		'{"summary": "In the team", "start": {"date": "2026-03-10"}, "end": {"date": "2026-03-11"}}' >/dev/null
	run -0 calsync sync
	run -0 calsync --json event list --calendar Team
	assert_json '[.[].summary] == ["In the team"]'
	assert_no_violations
}

@test "calendars: deselect stops the sync and keeps the events" {
	id=$(fake_google_event Stays)
	run -0 calsync sync
	run -0 calsync calendars deselect primary
	assert_equal "$(selected)" '[]'
	fake_google_patch "$id" '{"summary": "Changed"}'
	fake_google_forget_log
	run --separate-stderr -0 calsync --json sync
	assert_json '.accounts[0].calendars == []'
	assert_equal "$(fake_google_requests '[.[] | select(.path | contains("/events"))] | length')" 0
	run -0 calsync --json event list
	assert_json '[.[].summary] == ["Stays"]'
	run -0 calsync calendars select primary
	run -0 calsync sync
	run -0 calsync --json event list
	assert_json '[.[].summary] == ["Changed"]'
}

@test "calendars: one wrong name among several changes nothing" {
	store_dump >before
	run --separate-stderr -5 calsync --json calendars select Team Nowhere
	assert_schema failure
	assert_json '.error.code == "not_found"'
	assert_matches "$stderr" "no calendar 'Nowhere' .*Team"
	diff before <(store_dump)
}

@test "calendars: a title that two calendars have is ambiguous" {
	make_calendar second@group.calendar.google.com Team owner
	run -0 calsync sync
	run --separate-stderr -2 calsync --json calendars select Team
	assert_json '.error.code == "ambiguous"'
	assert_matches "$stderr" 'second@group.calendar.google.com.*team@group.calendar.google.com|team@group.calendar.google.com.*second@group.calendar.google.com'
	run -0 calsync calendars select second@group.calendar.google.com
}

@test "calendars: with several accounts each has its own primary" {
	fake_google_account user2@example.com
	connect_account home user2@example.com
	run --separate-stderr -2 calsync --json calendars deselect primary
	assert_json '.error.code == "ambiguous"'
	run -0 calsync -a home calendars deselect primary
	assert_equal "$(selected -a home)" '[]'
	assert_equal "$(selected -a work)" '["user1@example.com"]'
	run --separate-stderr -0 calsync calendars
	assert_matches "${lines[0]}" 'ACCOUNT'
	run --separate-stderr -0 calsync --json calendars
	assert_json 'length == 4 and ([.[].account] | unique) == ["home", "work"]'
}

@test "calendars: one that vanishes at Google is kept, and not selectable" {
	run -0 calsync calendars select Team
	run -0 calsync sync
	fake_google DELETE "/sandbox/calendars?id=team%40group.calendar.google.com&account=user1%40example.com"
	run calsync sync
	run -0 calsync --json calendars
	assert_json '.[] | select(.summary == "Team") | .gone'
	run --separate-stderr -5 calsync calendars select team@group.calendar.google.com
	assert_one_line_error
	# Its title names it still, until another calendar has that.
	run --separate-stderr -5 calsync calendars select Team
	assert_equal "$stderr" "calsync: calendar 'Team' is no longer on the account's list at Google"
	run --separate-stderr -1 calsync --json event add Late --start 2026-03-10 --calendar Team
	assert_json '.error.code == "read_only"'
	run -0 calsync event list --calendar Team
	make_calendar other@group.calendar.google.com Team owner
	run calsync sync
	run --separate-stderr -0 calsync --json calendars select Team
	assert_json '.calendars[0].id == "other@group.calendar.google.com"'
}

@test "calendars: a long title is cut on a terminal, never in a pipe" {
	title=$(printf 'ünïcödé %.0s' $(seq 40))
	make_calendar long@group.calendar.google.com "$title" owner
	run -0 calsync sync
	COLUMNS=60 run --separate-stderr -0 calsync calendars
	assert_matches "$output" "long@group.calendar.google.com +${title% }"
	run script -qec 'stty cols 90; calsync calendars' /dev/null
	refute_matches "$output" "${title% }"
	assert_matches "$output" 'long@group.calendar.google.com +ünïcödé'
}

@test "calendars: server text cannot steer a terminal" {
	make_calendar evil@group.calendar.google.com $'red\e[31m\u202ettfel\nline\x9b' owner
	run -0 calsync sync
	run --separate-stderr -0 calsync calendars
	refute_matches "$output" $'\e'
	refute_matches "$output" $'\u202e'
	assert_equal "${#lines[@]}" 5
	run --separate-stderr -0 calsync --json calendars
	assert_json 'any(.[]; .summary == "red\u001b[31m\u202ettfel\nline\u009b" or (.summary | startswith("red\u001b[31m")))'
}

@test "calendars: bad command lines" {
	run --separate-stderr -2 calsync --json calendars frob
	assert_schema failure
	assert_matches "$stderr" "unknown command 'calendars frob'"
	run --separate-stderr -2 calsync calendars selct Team
	assert_matches "$stderr" "did you mean 'calendars select'"
	run --separate-stderr -2 calsync calendars select
	assert_one_line_error
	run --separate-stderr -2 calsync calendars list extra
	assert_one_line_error
}
