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

TIMED='"start": {"dateTime": "2026-03-10T10:00:00+01:00"}, "end": {"dateTime": "2026-03-10T11:00:00+01:00"}'

# refused TEXT CODE MESSAGE...: nothing of the input comes into the store, nothing goes out.
refused() {
	local before
	before=$(store_dump)
	fake_google_forget_log
	printf '%s' "$1" >input
	run -2 --separate-stderr calsync --json event add --from-json input
	assert_failure_json "$2"
	for message in "${@:3}"; do
		assert_matches "$stderr" "$message"
	done
	assert_equal "$(store_dump)" "$before"
	assert_equal "$(fake_google_requests length)" 0
}

@test "event add --from-json: one resource, from standard input" {
	run -0 --separate-stderr calsync --json event add --from-json - <<<"{\"summary\": \"One\", $TIMED,
		\"colorId\": \"4\", \"extendedProperties\": {\"private\": {\"crm\": \"17\"}}}"
	assert_schema event-change
	assert_json '.syncStatus.synced and .event.extendedProperties.private.crm == "17"'
	assert_equal "$(fake_google_events | jq -c '[.[] | [.summary, .colorId, .extendedProperties.private.crm]]')" \
		'[["One","4","17"]]'
	assert_no_violations
}

@test "event add --from-json: many are one transaction and one batch" {
	for i in $(seq 30); do
		echo "{\"id\": \"mine${i}v\", \"summary\": \"E$i\", $TIMED}"
	done >many
	fake_google_forget_log
	run -0 --separate-stderr calsync --json event add --from-json many
	assert_schema event-changes
	assert_json '.events | length == 30 and all(.[]; .syncStatus.synced)'
	assert_json '[.events[].event.summary] == [range(1; 31) | "E\(.)"]'
	assert_json '.events[0].event.id == "mine1v"'
	assert_equal "$(fake_google_events | jq length)" 30
	# One batch, not thirty requests (parts are listed with the number of their batch).
	[ "$(fake_google_requests '[.[] | select(.batch == null)] | length')" -le 2 ]
	assert_no_violations
}

@test "event add --from-json: an array, a pipe, blank lines" {
	run -0 --separate-stderr calsync --json event add --from-json \
		<(echo "[{\"summary\": \"A\", $TIMED}, {\"summary\": \"B\", $TIMED}]")
	assert_json '[.events[].event.summary] == ["A", "B"]'
	printf '\n{"summary": "C", %s}\r\n\n{"summary": "D", %s}' "$TIMED" "$TIMED" >lines
	run -0 --separate-stderr calsync event add --from-json lines
	assert_matches "${lines[0]}" '^added .* C$'
	assert_matches "${lines[1]}" '^added .* D$'
}

@test "event add --from-json: a byte order mark in front is no part of the text" {
	printf '\xef\xbb\xbf{"summary": "One", %s}\r\n' "$TIMED" >one
	run -0 --separate-stderr calsync --json event add --from-json one
	assert_json '.event.summary == "One"'
	printf '\xef\xbb\xbf{"summary": "E", %s}\n{"summary": "F", %s}\n' "$TIMED" "$TIMED" >two
	run -0 --separate-stderr calsync --json event add --from-json two
	assert_json '[.events[].event.summary] == ["E", "F"]'
}

@test "event add --from-json: what Google gave can be given back; read-only fields are dropped" {
	fake_google_event Original 2026-03-10T10:00:00+01:00 '{"attendees": [{"email": "a@example.com"}],
		"recurrence": ["RRULE:FREQ=DAILY;COUNT=2"], "start": {"dateTime": "2026-03-10T10:00:00+01:00",
		"timeZone": "Europe/Berlin"}, "end": {"dateTime": "2026-03-10T11:00:00+01:00",
		"timeZone": "Europe/Berlin"}}' >/dev/null
	run -0 calsync sync
	calsync --json event list | jq '.[0] | .id = "clone0" | .summary = "Copy"' >resource
	run -0 --separate-stderr calsync --json event add --from-json resource
	assert_json '.syncStatus.synced and .event.id == "clone0"'
	assert_equal "$(fake_google_events | jq -c '[.[] | [.summary, .recurrence[0], .attendees[0].email]]
		| sort | .[0]')" '["Copy","RRULE:FREQ=DAILY;COUNT=2","a@example.com"]'
	assert_no_violations
	jq '.id = "_64s38e9g6kr3eba"' resource >resource2
	run -0 --separate-stderr calsync --json event add --from-json resource2
	assert_json '.event.id | test("^[a-v0-9]{26}$")'
}

@test "event add --from-json: a local time without a zone is in the calendar's" {
	run -0 --separate-stderr calsync --json event add --from-json - --no-sync \
		<<<'{"start": {"dateTime": "2026-07-01T10:00:00"}, "end": {"dateTime": "2026-07-01T11:00:00"}}'
	assert_json '.event.start.timeZone == "Europe/Berlin"'
}

@test "event add --from-json: --calendar, --no-sync and --notify go along, fields do not" {
	echo "{\"summary\": \"A\", $TIMED, \"attendees\": [{\"email\": \"a@example.com\"}]}" >one
	run -0 --separate-stderr calsync --json event add --from-json one --no-sync -c primary
	assert_json '.event.syncStatus == "local_only"'
	run -0 calsync event add --from-json one --notify all
	assert_equal "$(fake_google_mail | jq length)" 1
	run -2 --separate-stderr calsync --json event add --from-json one --location X
	assert_failure_json usage
	run -2 --separate-stderr calsync --json event add Title --from-json one
	assert_failure_json usage
}

@test "event add --from-json: a bad line refuses all, and every bad line is named" {
	refused "{\"summary\": \"A\", $TIMED}
{\"summary\": \"B\", \"start\": {\"date\": \"2026-02-30\"}, \"end\": {\"date\": \"2026-03-01\"}}
{\"summary\": \"C\"}
{\"summary\": \"D\", $TIMED}" invalid 'nothing was added' 'line 2: .*2026-02-30' 'line 3: start'
	assert_one_line_error
	refused "[{\"summary\": \"A\", $TIMED}, 7, {\"sumary\": \"B\", $TIMED}]" invalid 'event 2' \
		"event 3: unknown field 'sumary'"
}

@test "event add --from-json: with many bad lines the last message counts, each has its own line" {
	printf '{"summary": "A", %s}\n' "$TIMED" >bad
	for i in $(seq 5); do echo "{\"summary\": $i}"; done >>bad
	before=$(store_dump)
	run -2 --separate-stderr calsync event add --from-json bad
	assert_equal "$(grep -c '^calsync: line [2-6]: ' <<<"$stderr")" 5
	assert_matches "$stderr" 'nothing was added: 5 of 6 events are bad \(line 2, 3, 4, 5, 6\)$'
	assert_equal "$(store_dump)" "$before"
}

@test "event add --from-json: malformed JSON and what is no event" {
	refused '{"summary": ' invalid 'line 1: JSON'
	assert_one_line_error
	refused '' invalid empty
	refused $' \n\n' invalid empty
	refused '[]' invalid 'no event'
	refused 'hello' invalid JSON
	refused '"text"' invalid 'JSON object'
	refused $'{"summary": "\xff\xfe", '"$TIMED}" invalid JSON
	refused "$(printf '{\n  "summary": "A",\n  "start" 7\n}\n')" invalid 'malformed at byte'
	refused "{\"summary\": \"A\", $TIMED} trailing" invalid JSON
	refused "{\"summary\": \"A\", $TIMED}
{\"summary\": \"B\", $TIMED,}" invalid 'line 2: JSON'
	printf '{"summary": "A\0", %s}' "$TIMED" >nul
	run -2 --separate-stderr calsync --json event add --from-json nul
	assert_failure_json invalid
	run -2 --separate-stderr calsync --json event add --from-json "$(printf '%s' missing-file)"
	assert_failure_json usage
	assert_matches "$stderr" "missing-file"
	run -2 --separate-stderr calsync --json event add --from-json - <<<"$(head -c 300 /dev/zero | tr '\0' '[')"
	assert_failure_json invalid
}

@test "event add --from-json: what event add refuses is refused here too" {
	refused "{\"summary\": 7, $TIMED}" invalid summary
	refused '{"start": {"date": "2026-03-10"}, "end": {"date": "2026-03-10"}}' invalid 'end'
	refused '{"start": {"date": "2026-03-10"}, "end": {"dateTime": "2026-03-10T10:00:00Z"}}' invalid both
	refused "{$TIMED, \"attendees\": [{\"email\": \"nobody\"}]}" invalid nobody
	refused "{$TIMED, \"recurrence\": [\"FREQ=DAILY\"]}" invalid recurrence
	refused "{$TIMED, \"recurrence\": [\"RRULE:FREQ=DAILY\"]}" invalid timeZone
	refused "{$TIMED, \"reminders\": {\"useDefault\": false, \"overrides\": [$(
		for i in 1 2 3 4 5; do printf '{"method": "popup", "minutes": %s},' $i; done)
		{\"method\": \"popup\", \"minutes\": 9}]}}" invalid reminders
	refused "{$TIMED, \"id\": \"Not an id!\"}" invalid "id 'Not an id!'"
	refused "{$TIMED, \"status\": \"cancelled\"}" invalid cancelled
	refused "{$TIMED, \"recurringEventId\": \"abcdef\"}" invalid 'occurrence of a series'
	refused '{"start": {"dateTime": "2026-03-10T10:00:00", "timeZone": "Mars/Base"},
		"end": {"dateTime": "2026-03-10T11:00:00", "timeZone": "Mars/Base"}}' invalid Mars/Base
}

@test "event add --from-json: an id that is taken refuses all" {
	echo "{\"id\": \"taken0\", \"summary\": \"A\", $TIMED}" >one
	run -0 calsync event add --from-json one
	refused "{\"id\": \"free00\", \"summary\": \"B\", $TIMED}
{\"id\": \"taken0\", \"summary\": \"C\", $TIMED}" invalid "line 2: .*taken0"
	refused "{\"id\": \"doubl0\", \"summary\": \"B\", $TIMED}
{\"id\": \"doubl0\", \"summary\": \"C\", $TIMED}" invalid "line 2: .*doubl0"
}

@test "event add --from-json: offline all of them are queued, and go out together" {
	for i in 1 2 3; do echo "{\"summary\": \"E$i\", $TIMED}"; done >many
	fake_google_fault '{"action": "drop_before", "times": 0}'
	run -0 --separate-stderr calsync --json event add --from-json many
	assert_one_line_error
	assert_matches "$stderr" '3 changes'
	assert_json '[.events[] | .syncStatus.synced] == [false, false, false]'
	fake_google_no_faults
	run -0 calsync sync
	assert_equal "$(fake_google_events | jq length)" 3
}
