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

# at_google FILTER: of the one event that is there, tombstones left out.
at_google() {
	fake_google_events | jq -ce "if length == 1 then .[0] | $1 else error(\"\(length) events\") end"
}

@test "event add: an event is at Google at once, under the id it has here" {
	run -0 --separate-stderr calsync --json event add "Stand-up: Tée ☕" --start "2026-03-10 10:00"
	assert_equal "$stderr" ""
	assert_schema event-change
	assert_json '.syncStatus == {synced: true, error: null}'
	assert_json '.event | .syncStatus == "synced" and .pendingOp == null and .googleEventId == .id
		and .account == "work" and .calendar == "user1@example.com" and .lastSyncError == null'
	assert_equal "$(at_google .id)" "$(jq .event.id <<<"$output")"
	assert_equal "$(at_google .summary)" '"Stand-up: Tée ☕"'
	assert_json '.event.start == {dateTime: "2026-03-10T10:00:00+01:00", timeZone: "Europe/Berlin"}'
	assert_json '.event.end == {dateTime: "2026-03-10T11:00:00+01:00", timeZone: "Europe/Berlin"}'
	assert_equal "$(at_google '.start.dateTime | sub("Z$"; "+00:00") | .[0:16]')" \
		'"2026-03-10T10:00"'
	assert_equal "$(fake_google_count POST)" 1
	assert_no_violations
}

@test "event add: every option reaches Google" {
	run -0 --separate-stderr calsync --json event add Review -s 2026-07-01T09:00:00+02:00 \
		--end "2026-07-01 06:30" --timezone America/New_York -l "Room 7" \
		--description $'two\nlines' --attendee ann@example.com --attendee bob@example.org \
		-r 10m -r 1d:email --color Grape --visibility private --free --meet
	assert_schema event-change
	assert_json .syncStatus.synced
	at_google '.location == "Room 7" and .description == "two\nlines"'
	at_google '[.attendees[].email] | sort == ["ann@example.com", "bob@example.org"]'
	at_google '.reminders == {useDefault: false, overrides: [
		{method: "popup", minutes: 10}, {method: "email", minutes: 1440}]}'
	at_google '.colorId == "3" and .visibility == "private" and .transparency == "transparent"'
	at_google '.conferenceData.createRequest.requestId // .conferenceData.conferenceId | length > 5'
	assert_json '.event.start.timeZone == "America/New_York"'
	assert_json '.event.start.dateTime | fromdate? // . | tostring | length > 0'
	run -0 calsync --json event list
	assert_json '.[0] | .start.dateTime[0:16] == "2026-07-01T03:00" or .start.dateTime[0:16] == "2026-07-01T09:00"'
	assert_equal "$(fake_google_requests '[.[] | select(.method == "POST" and (.path | endswith("/events")))
		| .query | test("conferenceDataVersion=1") and test("sendUpdates=none")] | all')" true
	assert_no_violations
}

@test "event add: what is not asked for is not sent" {
	run -0 calsync event add Plain --start "2026-03-10 10:00"
	assert_equal "$(fake_google_requests '.[] | select(.method == "POST" and (.path | endswith("/events")))
		| .body | fromjson | keys - ["id", "status"]')" '["end","start","summary"]'
	assert_equal "$(fake_google_requests '[.[] | select(.query | test("conferenceData"))] | length')" 0
}

@test "event add: a day alone makes an all-day event, the day given to --end is the last" {
	run -0 --separate-stderr calsync --json event add Trip --start 2026-12-24 --end 2026-12-26
	assert_json '.event | .start == {date: "2026-12-24"} and .end == {date: "2026-12-27"}'
	at_google '.start.date == "2026-12-24" and .end.date == "2026-12-27"'
	run -0 --separate-stderr calsync --json event add Day --start 2028-02-29
	assert_json '.event | .start.date == "2028-02-29" and .end.date == "2028-03-01"'
	run -0 --separate-stderr calsync --json event add Day --start "2026-12-31 18:00" --all-day
	assert_json '.event | .start.date == "2026-12-31" and .end.date == "2027-01-01"'
	run -0 --separate-stderr calsync --json event add Days --start 2026-01-30 --duration "3 days"
	assert_json '.event.end.date == "2026-02-02"'
	assert_no_violations
}

@test "event add: an end as a duration, as a time of day, and none at all" {
	end() {
		run -0 --separate-stderr calsync --json event add X --start "2026-03-10 22:30" \
			--no-sync "$@"
		jq -r .event.end.dateTime <<<"$output"
	}
	assert_equal "$(end)" 2026-03-10T23:30:00+01:00
	assert_equal "$(end --duration 90min)" 2026-03-11T00:00:00+01:00
	assert_equal "$(end -d PT45M)" 2026-03-10T23:15:00+01:00
	assert_equal "$(end --end 23:00)" 2026-03-10T23:00:00+01:00
	assert_equal "$(end --end "2026-03-12 1am")" 2026-03-12T01:00:00+01:00
}

@test "event add: a day long by the calendar is 25 hours when the clock goes back" {
	run -0 --separate-stderr calsync --json event add X --start "2026-10-24 12:00" -d 1d --no-sync
	assert_json '.event.end.dateTime == "2026-10-25T12:00:00+01:00"'
	run -0 --separate-stderr calsync --json event add X --start "2026-10-24 12:00" -d 24h --no-sync
	assert_json '.event.end.dateTime == "2026-10-25T11:00:00+01:00"'
}

@test "event add: a time that a clock change skips moves forward, with a warning" {
	run -0 --separate-stderr calsync --json event add Gap --start "2026-03-29 02:30" --no-sync
	assert_json '.event.start.dateTime == "2026-03-29T03:30:00+02:00"'
	assert_one_line_error
	assert_matches "$stderr" "warning: --start '2026-03-29 02:30' is skipped .* Europe/Berlin.* 03:30"
	run -0 --separate-stderr calsync --json event add Twice --start "2026-10-25 02:30" --no-sync
	assert_json '.event.start.dateTime == "2026-10-25T02:30:00+02:00"'
	assert_equal "$stderr" ""
}

@test "event add: times are read in --timezone, else in the calendar's zone" {
	fake_google_account user2@example.com America/New_York
	connect_account ny user2@example.com
	run -0 --separate-stderr calsync -a ny --json event add X --start "2026-07-01 10:00" --no-sync
	assert_json '.event.start == {dateTime: "2026-07-01T10:00:00-04:00", timeZone: "America/New_York"}'
	run -0 --separate-stderr calsync -a ny --json event add X --start "2026-07-01 10:00" \
		--timezone Asia/Kolkata --no-sync
	assert_json '.event.start == {dateTime: "2026-07-01T10:00:00+05:30", timeZone: "Asia/Kolkata"}'
	run -0 --separate-stderr calsync -a ny --json event add X --start 2026-07-01T10:00:00Z --no-sync
	assert_json '.event.start.dateTime == "2026-07-01T06:00:00-04:00"'
}

@test "event add: phrases count from today" {
	local tomorrow friday
	tomorrow=$(date -d tomorrow +%F)
	run -0 --separate-stderr calsync --json event add X --start "tomorrow 9:30" --no-sync
	assert_json ".event.start.dateTime | startswith(\"${tomorrow}T09:30:00\")"
	run -0 --separate-stderr calsync --json event add X --start tomorrow --no-sync
	assert_json ".event.start.date == \"$tomorrow\""
	friday=$(date -d 'tomorrow 12:00' +%u)
	friday=$(date -d "tomorrow + $(((12 - friday) % 7)) days" +%F)
	run -0 --separate-stderr calsync --json event add X --start friday --no-sync
	assert_json ".event.start.date == \"$friday\""
}

@test "event add: a series is kept as a master, with its zone in start and end" {
	run -0 --separate-stderr calsync --json event add Weekly --start "2026-03-06 14:00" \
		--rrule "FREQ=WEEKLY;BYDAY=FR" --rrule "EXDATE;TZID=Europe/Berlin:20260313T140000"
	assert_schema event-change
	assert_json '.event.recurrence == ["RRULE:FREQ=WEEKLY;BYDAY=FR",
		"EXDATE;TZID=Europe/Berlin:20260313T140000"]'
	at_google '.recurrence == ["RRULE:FREQ=WEEKLY;BYDAY=FR",
		"EXDATE;TZID=Europe/Berlin:20260313T140000"]'
	at_google '.start.timeZone == "Europe/Berlin" and .end.timeZone == "Europe/Berlin"'
	run -0 --separate-stderr calsync --json event add Daily --start 2026-03-06 \
		--rrule "rrule:FREQ=DAILY;COUNT=3"
	assert_json '.event.recurrence == ["RRULE:FREQ=DAILY;COUNT=3"] and .event.start.timeZone == null'
	run -0 calsync --json event list
	assert_json 'length == 2'
	assert_no_violations
}

@test "event add: nobody is mailed unless --notify asks for it" {
	local guests=(--attendee ann@example.com --attendee bob@example.org)
	run -0 calsync event add A --start 2026-03-10 "${guests[@]}"
	assert_equal "$(fake_google_mail | jq length)" 0
	assert_equal "$(fake_google_requests '[.[] | select(.method == "POST" and (.path | endswith("/events")))
		| .query | test("sendUpdates=none")] | all')" true
	run -0 calsync event add B --start 2026-03-10 "${guests[@]}" --notify all
	assert_equal "$(fake_google_mail | jq '[.[].to] | sort == ["ann@example.com", "bob@example.org"]')" true
	fake_google_forget_log
	run -0 calsync event add C --start 2026-03-10 "${guests[@]}" --notify external
	assert_equal "$(fake_google_requests '[.[] | select(.method == "POST" and (.path | endswith("/events")))
		| .query | test("sendUpdates=externalOnly")] | all')" true
}

@test "event add: into another calendar, by its id, its title and 'primary'" {
	fake_google POST /sandbox/calendars '{"account": "user1@example.com", "id": "team@group.calendar.google.com",
		"summary": "Team", "accessRole": "owner", "timeZone": "Europe/London"}' >/dev/null
	run -0 calsync sync
	run -0 --separate-stderr calsync --json event add A --start "2026-07-01 10:00" -c Team
	assert_json '.event.calendar == "team@group.calendar.google.com"
		and .event.start.timeZone == "Europe/London"'
	run -0 --separate-stderr calsync --json event add B --start 2026-07-01 \
		--calendar team@group.calendar.google.com
	assert_json '.event.calendar == "team@group.calendar.google.com"'
	run -0 --separate-stderr calsync --json event add C --start 2026-07-01 --calendar primary
	assert_json '.event.calendar == "user1@example.com"'
	assert_equal "$(at_google .summary)" '"C"'
}

@test "event add: --no-sync sends nothing, loads no libcurl, and stays local through syncs" {
	fake_google_forget_log
	LD_DEBUG=libs LD_DEBUG_OUTPUT=$BATS_TEST_TMPDIR/ld run -0 --separate-stderr \
		calsync --json event add Mine --start 2026-03-10 --no-sync
	assert_json '.syncStatus == {synced: false, error: null}'
	assert_json '.event | .syncStatus == "local_only" and .pendingOp == null and .googleEventId == null'
	cat "$BATS_TEST_TMPDIR"/ld.* >"$BATS_TEST_TMPDIR/libs"
	assert_matches "$(cat "$BATS_TEST_TMPDIR/libs")" libsqlite3
	refute_matches "$(cat "$BATS_TEST_TMPDIR/libs")" libcurl
	assert_equal "$(fake_google_requests length)" 0
	run -0 calsync sync
	run -0 calsync sync --full
	assert_equal "$(fake_google_events)" '[]'
	run -0 calsync --json event list
	assert_json 'length == 1 and .[0].syncStatus == "local_only"'
}

@test "event add: offline it is done, with a warning, and goes out with the next sync" {
	fake_google_fault '{"action": "drop_before", "times": 0}'
	run -0 --separate-stderr calsync --json event add Later --start 2026-03-10
	assert_schema event-change
	assert_one_line_error
	assert_matches "$stderr" 'warning: .*queued'
	assert_json '.syncStatus.synced == false and (.syncStatus.error | length > 0)'
	assert_json '.event | .syncStatus == "local_only" and .pendingOp == "create" and .googleEventId == null'
	fake_google_no_faults
	assert_equal "$(fake_google_events)" '[]'
	run -0 calsync sync
	at_google '.summary == "Later"'
	run -0 calsync --json event list
	assert_json '.[0] | .syncStatus == "synced" and .pendingOp == null'
	assert_no_violations
}

@test "event add: a silent Google is given five seconds" {
	fake_google_fault '{"action": "delay", "delay_ms": 30000, "times": 0, "match": "/events"}'
	local before=$SECONDS
	run -0 --separate-stderr calsync event add Slow --start 2026-03-10
	[ $((SECONDS - before)) -le 7 ]
	assert_matches "$stderr" queued
}

@test "event add: --require-sync turns what did not reach Google into a failure, and keeps it" {
	fake_google_fault '{"action": "status", "status": 503, "times": 0, "match": "/events"}'
	run -4 --separate-stderr calsync --json event add A --start 2026-03-10 --require-sync
	assert_schema event-change
	assert_json '.syncStatus.synced == false and .event.pendingOp == "create"'
	assert_one_line_error
	fake_google_no_faults
	run -0 calsync --json event add B --start 2026-03-10 --require-sync
	fake_google_expire access_tokens refresh_tokens
	run -3 --separate-stderr calsync --json event add C --start 2026-03-10 --require-sync
	assert_json '.event.pendingOp == "create"'
	run -0 --separate-stderr calsync --json event list
	assert_json 'length == 3'
}

@test "event add: an expired token keeps the event and names the repair" {
	fake_google_expire access_tokens refresh_tokens
	run -0 --separate-stderr calsync --json event add A --start 2026-03-10
	assert_schema event-change
	assert_json '.syncStatus.synced == false'
	assert_json '.syncStatus.error | startswith("Calendar token expired.") and test("calsync connect work")'
	assert_one_line_error
	assert_matches "$stderr" 'Calendar token expired\.'
	assert_json '.event.pendingOp == "create"'
	# The next one knows without asking.
	fake_google_forget_log
	run -0 --separate-stderr calsync --json event add B --start 2026-03-10
	assert_json '.syncStatus.error | startswith("Calendar token expired.")'
	assert_equal "$(fake_google_requests length)" 0
	connect_account
	run -0 calsync sync
	assert_equal "$(fake_google_events | jq '[.[].summary] | sort')" "$(jq -n '["A", "B"]')"
}

@test "event add: what Google refuses is kept as an error, not sent again" {
	fake_google_fault '{"method": "POST", "match": "/events", "action": "status", "status": 400,
		"domain": "global", "reason": "invalid", "message": "No such thing."}'
	run -0 --separate-stderr calsync --json event add Bad --start 2026-03-10
	assert_schema event-change
	assert_json '.syncStatus.synced == false and (.syncStatus.error | test("No such thing"))'
	assert_json '.event | .syncStatus == "error" and (.lastSyncError | test("No such thing"))'
	assert_one_line_error
	assert_matches "$stderr" 'No such thing'
	run calsync sync
	assert_equal "$(fake_google_events)" '[]'
	fake_google_fault '{"method": "POST", "match": "/events", "action": "status", "status": 400,
		"domain": "global", "reason": "invalid", "message": "No such thing."}'
	run -1 --separate-stderr calsync event add Bad --start 2026-03-10 --require-sync
	assert_one_line_error
}

@test "event add: the line it prints names the event for the next command" {
	run -0 --separate-stderr calsync event add "For the next" --start "2026-03-10 10:00"
	assert_matches "$output" '^added ([a-v0-9]+)  2026-03-10 10:00-11:00  For the next$'
	run -0 calsync event show "${BASH_REMATCH[1]:0:8}"
	assert_matches "${lines[0]}" 'For the next'
	run -0 --separate-stderr calsync --quiet event add Silent --start 2026-03-10
	assert_equal "$output$stderr" ""
}

@test "event add: a lost answer makes no second event" {
	fake_google_fault '{"method": "POST", "match": "/events", "action": "drop_after"}'
	run -0 calsync --json event add Once --start 2026-03-10
	run -0 calsync sync
	at_google '.summary == "Once"'
	run -0 calsync --json event list
	assert_json 'length == 1 and .[0].syncStatus == "synced"'
}

@test "event add: without the key that opens the login the event is kept" {
	mv "$XDG_CONFIG_HOME/calsync/key" kept
	run -0 --separate-stderr calsync --json event add A --start 2026-03-10
	assert_schema event-change
	assert_json '.syncStatus.synced == false and .event.pendingOp == "create"'
	assert_one_line_error
	assert_matches "$stderr" 'key .* is missing'
	run -1 --separate-stderr calsync --json event add B --start 2026-03-10 --require-sync
	mv kept "$XDG_CONFIG_HOME/calsync/key"
	run -0 calsync sync
	assert_equal "$(fake_google_events | jq -c '[.[].summary] | sort')" '["A","B"]'
}

@test "event add: killed while Google is thinking, the event is one event" {
	fake_google_fault '{"action": "delay", "delay_ms": 3000, "match": "/events", "method": "POST"}'
	calsync --quiet event add Killed --start 2026-03-10 3>&- &
	pid=$!
	for _ in $(seq 100); do
		[ "$(fake_google_count POST)" -eq 0 ] || break
		sleep 0.05
	done
	assert_equal "$(fake_google_count POST)" 1
	kill -KILL "$pid"
	wait "$pid" || true
	run -0 calsync --json event list
	assert_json 'length == 1 and .[0].pendingOp == "create"'
	run -0 calsync sync
	at_google '.summary == "Killed"'
	run -0 calsync --json event list
	assert_json 'length == 1 and .[0].syncStatus == "synced"'
}

@test "event add: ten at a time are ten events" {
	local pids=() i
	for i in $(seq 10); do
		calsync --quiet event add "P$i" --start 2026-03-10 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	run -0 calsync --json event list
	assert_json 'length == 10'
	run -0 calsync sync
	assert_equal "$(fake_google_events | jq -c '[.[].summary] | sort')" \
		'["P1","P10","P2","P3","P4","P5","P6","P7","P8","P9"]'
	assert_no_violations
}

@test "event add: while a sync holds the account it is done, and goes out later" {
	fake_google_forget_log
	fake_google_fault '{"action": "delay", "delay_ms": 4000, "match": "/events", "method": "GET"}'
	calsync --quiet sync 3>&- &
	pid=$!
	for _ in $(seq 100); do
		[ "$(fake_google_requests '[.[] | select(.path | endswith("/events"))] | length')" -eq 0 ] || break
		sleep 0.05
	done
	local before=$SECONDS
	run -0 --separate-stderr calsync --json event add During --start 2026-03-10
	[ $((SECONDS - before)) -le 6 ]
	assert_schema event-change
	wait "$pid"
	run -0 calsync sync
	at_google '.summary == "During"'
}
