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

@test "event log: what edits and syncs replaced, newest first" {
	id=$(calsync --json event add Plan --start "2026-03-10 10:00" --attendee ann@example.com | jq -er .event.id)
	run -0 calsync event edit "$id" --title "New plan" --start 14:00
	run -0 calsync sync
	fake_google_patch "$id" '{"location": "Room 7", "attendees": [{"email": "bob@example.com"}]}' >/dev/null
	run -0 calsync sync
	run -0 --separate-stderr calsync --json event log "${id:0:8}"
	assert_schema event-log
	assert_json '[.[] | [.op, .origin, .command]] == [["update", "google", null],
		["update", "local", "event edit"], ["create", "local", "event add"]]'
	assert_json '[.[].version] | . == (sort | reverse) and (unique | length == 3)'
	assert_json '[.[].changed] == [["location", "attendees"], ["summary", "start", "end"], []]'
	assert_json '.[0].event.summary == "New plan" and .[1].event.summary == "Plan" and .[2].event == null'
	assert_json "all(.[]; .id == \"$id\" and .account == \"work\" and .calendar == \"user1@example.com\")"
	run -0 --separate-stderr calsync event log "$id"
	assert_equal "${#lines[@]}" 4
	assert_matches "${lines[0]}" 'VERSION +WHEN +WHAT +BY +CHANGE'
	assert_matches "${lines[1]}" "changed +Google +where: nothing -> 'Room 7'; guests: \+bob@example.com, -ann@example.com"
	assert_matches "${lines[2]}" "changed +event edit +title: 'Plan' -> 'New plan'; when: 2026-03-10 10:00-11:00 -> 2026-03-10 14:00-15:00"
	assert_matches "${lines[3]}" "created +event add +'Plan' 2026-03-10 10:00-11:00"
}

@test "event log: of deleted events, by id and by prefix" {
	id=$(calsync --json event add Doomed --start 2026-03-10 | jq -er .event.id)
	run -0 calsync event rm "$id"
	there=$(fake_google_event Theirs)
	run -0 calsync sync
	fake_google_delete "$there"
	run -0 calsync sync
	run -5 calsync event show "$id"
	for one in "$id" "${id:0:6}"; do
		run -0 --separate-stderr calsync --json event log "$one"
		assert_schema event-log
		assert_json '.[0] | .op == "delete" and .origin == "local" and .command == "event rm" and .event.summary == "Doomed"'
	done
	run -0 --separate-stderr calsync event log "$there"
	assert_matches "${lines[1]}" "deleted +Google +'Theirs' 2026-03-10 10:00-11:00"
	run -5 --separate-stderr calsync --json event log nosuchevent
	assert_failure_json not_found
	run -2 --separate-stderr calsync --json event log "${id:0:3}"
	assert_failure_json usage
}

@test "event log: a version that lost a conflict is there too" {
	id=$(fake_google_event Ours 2026-03-10T10:00:00+01:00)
	run -0 calsync sync
	# Who is newer is judged by Google's Date header, which has whole seconds.
	fake_google_patch "$id" '{"summary": "Theirs"}' >/dev/null
	sleep 2
	fake_google_fault '{"action": "drop_before", "times": 0}'
	run -0 calsync event edit "$id" --title Mine
	fake_google_no_faults
	run -0 calsync sync
	run -0 --separate-stderr calsync --json event log "$id"
	assert_schema event-log
	assert_json '[.[].op] | index("kept") != null'
	assert_json '.[] | select(.op == "kept") | .event.summary == "Theirs" and .origin == "google"'
	run -0 calsync event log "$id"
	assert_matches "$output" "not taken +Google +'Theirs'"
}

@test "event log: an occurrence has its own; a prefix that only the series shares names the series" {
	id=$(fake_google_event Weekly 2026-03-02T10:00:00Z \
		'{"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=4"], "start": {"dateTime": "2026-03-02T10:00:00Z", "timeZone": "UTC"},
		  "end": {"dateTime": "2026-03-02T11:00:00Z", "timeZone": "UTC"}}')
	fake_google_patch "${id}_20260309T100000Z" '{"summary": "Moved"}' >/dev/null
	run -0 calsync sync
	fake_google_delete "${id}_20260309T100000Z"
	run -0 calsync sync
	run -0 --separate-stderr calsync --json event log "${id}_20260309T100000Z"
	assert_schema event-log
	assert_json '[.[].op] == ["delete", "create"] and .[0].event.summary == "Moved"'
	run -0 --separate-stderr calsync --json event log "${id:0:10}"
	assert_json "[.[].id] == [\"$id\"]"
}

@test "event log: the same id in two accounts needs -a; a prefix of several lists them" {
	fake_google_account user2@example.com
	connect_account home user2@example.com
	id=$(calsync -a work --json event add Both --start 2026-03-10 --attendee user2@example.com | jq -er .event.id)
	run -0 calsync sync --all
	run -2 --separate-stderr calsync --json event log "$id"
	assert_failure_json ambiguous
	assert_matches "$stderr" "$id \(work\).*$id \(home\)|$id \(home\).*$id \(work\)"
	run -0 --separate-stderr calsync -a home --json event log "$id"
	assert_json 'all(.[]; .account == "home")'
	for n in 1 2; do
		jq -nc --arg i "abcdef$n" '{id: $i, summary: "X", start: {date: "2026-03-10"}, end: {date: "2026-03-11"}}'
	done | calsync -a work event add --from-json -
	run -2 --separate-stderr calsync --json event log abcdef
	assert_failure_json ambiguous
}
