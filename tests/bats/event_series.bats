# shellcheck disable=SC2154,SC2030,SC2031
# Series: one occurrence, it and what follows, all; by the commands, here and at Google.
load helpers
load schema

setup() {
	calsync_setup
	fake_google_start
	connect_account
	# Mondays at ten: 2, 9, 16, 23, 30 March, 6, 13, 20 April
	ID=$(calsync --json event add Team --start "2026-03-02 10:00" --rrule "FREQ=WEEKLY;BYDAY=MO;COUNT=8" \
		--require-sync | jq -er .event.id)
}

teardown() {
	assert_no_violations
	calsync_teardown
}

edit() {
	run -0 --separate-stderr calsync --json event edit "$@"
	assert_schema event-change
}

rm_() {
	run -0 --separate-stderr calsync --json event rm "$@"
	assert_schema event-change
}

# here: what happens by calsync, as "start title" lines in the calendar's zone
here() {
	calsync --json event list --start 2026-01-01 --end 2026-12-31 |
		jq -r '.[] | "\(.start.dateTime // .start.date) \(.summary)"'
}

# there: the same by Google's own expansion
there() {
	fake_google_api GET "calendars/primary/events?singleEvents=true&orderBy=startTime&maxResults=2500&timeMin=2026-01-01T00:00:00Z&timeMax=2026-12-31T00:00:00Z" |
		jq -r '.items[] | "\(.start.dateTime // .start.date) \(.summary)"'
}

# same [TEXT]: both sides say the same, this when it is given; and a sync has nothing to do
same() {
	[ $# -eq 0 ] || assert_equal "$(here)" "$1"
	assert_equal "$(here)" "$(there)"
	run -0 calsync sync
	assert_equal "$(here)" "$(there)"
	fake_google_forget_log
	run -0 calsync sync
	assert_equal "$(fake_google_count POST PUT PATCH DELETE)" 0
	[ $# -eq 0 ] || assert_equal "$(here)" "$1"
}

@test "series: one occurrence, by its time, its day, its id" {
	edit "$ID" --occurrence "2026-03-09 10:00" --title Nine
	assert_json '.event.id == "'"$ID"'_20260309T090000Z" and .event.recurringEventId == "'"$ID"'"
		and .syncStatus.synced'
	edit "$ID" --occurrence 2026-03-16 --scope this --start 12:00
	edit "${ID}_20260323T090000Z" --title "Twenty three"
	edit "${ID}_20260323T090000Z" --location Room
	edit "$ID" --occurrence 2026-03-16 --title Moved
	# by where it is now
	edit "$ID" --occurrence "2026-03-16 12:00" --duration 30m
	same "2026-03-02T10:00:00+01:00 Team
2026-03-09T10:00:00+01:00 Nine
2026-03-16T12:00:00+01:00 Moved
2026-03-23T10:00:00+01:00 Twenty three
2026-03-30T10:00:00+02:00 Team
2026-04-06T10:00:00+02:00 Team
2026-04-13T10:00:00+02:00 Team
2026-04-20T10:00:00+02:00 Team"
	assert_equal "$(fake_google_events | jq length)" 4
}

@test "series: an occurrence is named by the day that it was moved to, too" {
	edit "$ID" --occurrence 2026-03-09 --start "2026-03-11 15:00"
	run -0 calsync event show "${ID}_20260309T090000Z"
	assert_matches "$output" $'\nwhen          2026-03-11 15:00-16:00 '
	assert_matches "$output" $'\noriginally    2026-03-09 10:00\n'
	refute_matches "$output" 'originalStartTime'
	edit "$ID" --occurrence 2026-03-11 --title There
	edit "$ID" --occurrence 2026-03-09 --location Here
	assert_json '.event.summary == "There" and .event.location == "Here"'
	same
}

@test "series: this and following" {
	edit "$ID" --occurrence 2026-03-16 --title Sixteen
	edit "$ID" --occurrence 2026-04-13 --title Thirteen
	rm_ "$ID" --occurrence 2026-04-06
	edit "$ID" --occurrence 2026-03-23 --scope following --start 11:30 --duration 30m
	assert_json '.event.recurrence[0] | test("COUNT=5")'
	assert_json '.syncStatus.synced'
	same "2026-03-02T10:00:00+01:00 Team
2026-03-09T10:00:00+01:00 Team
2026-03-16T10:00:00+01:00 Sixteen
2026-03-23T11:30:00+01:00 Team
2026-03-30T11:30:00+02:00 Team
2026-04-13T11:30:00+02:00 Thirteen
2026-04-20T11:30:00+02:00 Team"
	fake_google_get "$ID" | jq -e '.recurrence == ["RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20260316T090000Z"]'
}

@test "series: this and following, to another day and another rule" {
	edit "${ID}_20260323T090000Z" --scope following --start "2026-03-24 10:00"
	assert_json '.event.recurrence == ["RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=5"]'
	NEW=$(json .event.id)
	same
	edit "$NEW" --occurrence 2026-04-07 --scope following --rrule "FREQ=DAILY;COUNT=2"
	same "2026-03-02T10:00:00+01:00 Team
2026-03-09T10:00:00+01:00 Team
2026-03-16T10:00:00+01:00 Team
2026-03-24T10:00:00+01:00 Team
2026-03-31T10:00:00+02:00 Team
2026-04-07T10:00:00+02:00 Team
2026-04-08T10:00:00+02:00 Team"
}

@test "series: this and following from the first one on is all of it; no change cuts nothing" {
	edit "$ID" --occurrence 2026-03-02 --scope following --title All
	assert_json '.event.id == "'"$ID"'"'
	run -0 calsync event edit "$ID" --occurrence 2026-03-16 --scope following --title All
	assert_matches "$output" '^unchanged'
	assert_equal "$(fake_google_events | jq length)" 1
	same
}

@test "series: all of it moves as the named occurrence does, with what is excluded" {
	calsync -q event edit "$ID" --rrule "FREQ=WEEKLY;BYDAY=MO;COUNT=8" --rrule "EXDATE:20260309T090000Z"
	edit "$ID" --occurrence 2026-03-30 --scope all --start "2026-04-01 14:00"
	assert_json '.event.recurrence == ["RRULE:FREQ=WEEKLY;BYDAY=WE;COUNT=8","EXDATE:20260311T130000Z"]'
	same "2026-03-04T14:00:00+01:00 Team
2026-03-18T14:00:00+01:00 Team
2026-03-25T14:00:00+01:00 Team
2026-04-01T14:00:00+02:00 Team
2026-04-08T14:00:00+02:00 Team
2026-04-15T14:00:00+02:00 Team
2026-04-22T14:00:00+02:00 Team"
	edit "$ID" --start "2026-03-03 09:00"
	assert_json '.event.recurrence == ["RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=8","EXDATE:20260310T080000Z"]'
	same
}

@test "series: exceptions of a series that is moved are read again at once" {
	edit "$ID" --occurrence 2026-03-16 --title Sixteen
	edit "$ID" --title Renamed
	assert_equal "$(here | grep -c Sixteen)" 1
	edit "$ID" --start "2026-03-02 11:00"
	assert_equal "$(here | grep -c Sixteen)" 0
	same
	# what was there is in its log
	calsync event log "${ID}_20260316T090000Z" --json | jq -e '[.[] | select(.op == "delete" and .origin == "google")] | length == 1'
}

@test "series: a rule that cannot follow is refused with what to do" {
	ID=$(calsync -q --json event add Month --start "2026-03-02 10:00" --rrule "FREQ=MONTHLY;BYDAY=1MO" | jq -er .event.id)
	run -2 --separate-stderr calsync --json event edit "$ID" --start "2026-03-03 10:00"
	assert_json '.error.code == "invalid"'
	assert_matches "$stderr" 'give it a new rule, too \(--rrule\)'
	edit "$ID" --start "2026-03-03 10:00" --rrule "FREQ=MONTHLY;BYDAY=1TU"
	assert_json '.syncStatus.synced'
}

@test "series: whole days" {
	ID=$(calsync -q --json event add Days --start 2026-05-04 --rrule "FREQ=WEEKLY;COUNT=5" | jq -er .event.id)
	edit "$ID" --occurrence 2026-05-11 --title Eleven
	assert_json '.event.id == "'"$ID"'_20260511" and .event.originalStartTime.date == "2026-05-11"'
	rm_ "$ID" --occurrence 2026-05-25
	edit "$ID" --occurrence 2026-05-18 --scope following --start 2026-05-19 --end 2026-05-20
	run -2 --separate-stderr calsync event edit "$ID" --occurrence "2026-05-04 10:00" --title X
	assert_matches "$stderr" 'the series is one of whole days'
	assert_equal "$(here | grep 2026-05)" "2026-05-04 Days
2026-05-11 Eleven
2026-05-19 Days"
	same
}

@test "series: an occurrence of a DST change" {
	ID=$(calsync -q --json event add Night --start "2026-10-24 02:30" --rrule "FREQ=DAILY;COUNT=3" | jq -er .event.id)
	edit "$ID" --occurrence "2026-10-25 02:30" --title Twice
	assert_json '.event.id == "'"$ID"'_20261025T003000Z"'
	ID=$(calsync -q --json event add Gap --start "2026-03-28 02:30" --rrule "FREQ=DAILY;COUNT=3" | jq -er .event.id)
	edit "$ID" --occurrence 2026-03-29 --title Gone
	assert_json '.event.id == "'"$ID"'_20260329T013000Z" and .event.start.dateTime == "2026-03-29T03:30:00+02:00"'
	same
}

@test "series: rm of one, of what follows, of all" {
	rm_ "$ID" --occurrence 2026-03-09
	assert_json '.event.status == "cancelled" and .event.id == "'"$ID"'_20260309T090000Z"
		and .event.summary == "Team" and .syncStatus == {synced: true, error: null}'
	assert_equal "$stderr" ''
	run -0 --separate-stderr calsync event rm "${ID}_20260316T090000Z"
	assert_matches "$output" '^deleted .* 2026-03-16 10:00-11:00  Team$'
	assert_equal "$stderr" ''
	run -5 --separate-stderr calsync event rm "$ID" --occurrence 2026-03-09
	assert_matches "$stderr" 'is deleted already'
	edit "$ID" --occurrence 2026-04-13 --title Later
	rm_ "$ID" --occurrence 2026-03-30 --scope following
	assert_json '.event.id == "'"$ID"'" and .event.status == "confirmed" and .syncStatus.synced'
	same "2026-03-02T10:00:00+01:00 Team
2026-03-23T10:00:00+01:00 Team"
	rm_ "$ID" --occurrence 2026-03-23 --scope all
	assert_equal "$(here)" ''
	same
}

@test "series: rm of several occurrences at once" {
	run -0 --separate-stderr calsync --json event rm "${ID}_20260309T090000Z" "${ID}_20260316T090000Z" \
		"${ID}_20260309T090000Z"
	assert_schema event-changes
	assert_json '.events | length == 2 and all(.syncStatus.synced)'
	same
	run -2 calsync event rm "$ID" "${ID}_20260323T090000Z" --occurrence 2026-03-23
}

@test "series: without a network it waits, and goes out in order" {
	fake_google_fault '{"match": "/calendar/v3", "times": 0, "action": "drop_before"}'
	edit "$ID" --occurrence 2026-03-09 --title Nine
	assert_json '.syncStatus.synced == false and .event.pendingOp == "update"'
	edit "$ID" --occurrence 2026-04-13 --title Thirteen
	rm_ "$ID" --occurrence 2026-04-06
	edit "$ID" --occurrence 2026-03-23 --scope following --start 12:00
	assert_json '.syncStatus.synced == false'
	before=$(here)
	fake_google_no_faults
	run -0 calsync sync
	same "$before"
}

@test "series: --no-sync holds all of a cut back" {
	edit "$ID" --occurrence 2026-03-23 --scope following --title Held --no-sync
	assert_json '.syncStatus == {synced: false, error: null}'
	before=$(there)
	run -0 calsync sync
	assert_equal "$(there)" "$before"
	assert_equal "$(here | grep -c Held)" 5
	# each part is let go by its name
	calsync --json queue | jq -r '.[] | select(.state == "held") | .id' >held
	assert_equal "$(wc -l <held)" 2
	xargs calsync -q queue retry <held
	run -0 calsync sync
	same
}

@test "series: one that was only here takes its occurrences along when it goes out" {
	ID=$(calsync -q --json event add Mine --start "2026-05-04 10:00" --rrule "FREQ=DAILY;COUNT=4" --no-sync | jq -er .event.id)
	edit "$ID" --occurrence 2026-05-05 --title Five
	assert_json '.syncStatus == {synced: false, error: null} and .event.pendingOp == null'
	rm_ "$ID" --occurrence 2026-05-06
	run -0 calsync sync
	assert_equal "$(there | grep -c 2026-05)" 0
	assert_equal "$(here | grep -c 2026-05)" 3
	run -0 calsync queue retry "${ID}_20260505T080000Z"
	run -0 calsync sync
	same
	assert_equal "$(there | grep 2026-05 | cut -c12-16,27-)" "10:00Mine
10:00Five
10:00Mine"
}

@test "series: what is dropped from the queue is as the series says" {
	edit "$ID" --occurrence 2026-03-09 --title Nine --no-sync
	rm_ "$ID" --occurrence 2026-03-16 --no-sync
	assert_equal "$(here | grep -c Team)" 6
	run -0 calsync queue drop "${ID}_20260309T090000Z" "${ID}_20260316T090000Z"
	assert_equal "$(here | grep -c Team)" 8
	same
}

@test "series: a new one that is dropped from the queue keeps its occurrences here, too" {
	before=$(there)
	for also in no yes; do
		fake_google_fault '{"match": "/calendar/v3", "times": 0, "action": "drop_before"}'
		new=$(calsync -q --json event add Mine --start "2026-05-04 10:00" --rrule "FREQ=DAILY;COUNT=4" | jq -er .event.id)
		edit "$new" --occurrence 2026-05-05 --title Five
		rm_ "$new" --occurrence 2026-05-06
		fake_google_no_faults
		dropped=("$new")
		[ $also = no ] || dropped+=("${new}_20260505T080000Z")
		run -0 calsync queue drop "${dropped[@]}"
		run -0 calsync --json queue
		assert_equal "$output" '[]'
		run -0 calsync sync
		assert_equal "$(there)" "$before"
		five=Five
		[ $also = no ] || five=Mine
		assert_equal "$(here | grep 2026-05-0 | cut -c9-10,27-)" "04Mine
05$five
07Mine"
		# what is named after all goes out as a whole
		run -0 calsync queue retry "$new"
		run -0 calsync sync
		same
		rm_ "$new"
		same "$before"
	done
}

@test "series: undo takes a cut back" {
	edit "$ID" --occurrence 2026-04-13 --title Thirteen
	before=$(here)
	edit "$ID" --occurrence 2026-03-23 --scope following --start 12:00
	run -0 calsync undo
	run -0 calsync sync
	same "$before"
	# and an edit, or a delete, of one occurrence
	edit "$ID" --occurrence 2026-03-09 --title Nine
	run -0 calsync undo
	same "$before"
	rm_ "$ID" --occurrence 2026-03-09
	run -0 calsync undo
	same "$before"
	fake_google_fault '{"match": "/calendar/v3", "times": 0, "action": "drop_before"}'
	edit "$ID" --occurrence 2026-03-09 --title Nine
	run -0 calsync undo
	rm_ "$ID" --occurrence 2026-03-09
	run -0 calsync undo
	fake_google_no_faults
	run -0 calsync sync
	same "$before"
	rm_ "$ID" --occurrence 2026-03-16 --scope following
	run -0 calsync undo
	run -0 calsync sync
	same "$before"
}

@test "series: bad input" {
	run -2 --separate-stderr calsync event edit "$ID" --scope following --title X
	assert_matches "$stderr" 'needs an occurrence of series .* say --occurrence TIME'
	run -2 calsync event edit "$ID" --scope this --title X
	run -2 --separate-stderr calsync event edit "$ID" --occurrence someday --title X
	assert_matches "$stderr" '^calsync: --occurrence: '
	run -5 --separate-stderr calsync event edit "$ID" --occurrence 2026-03-10 --title X
	assert_matches "$stderr" 'no occurrence at .2026-03-10.; the next one is at 2026-03-16 10:00'
	run -5 calsync event edit "$ID" --occurrence "2026-03-09 11:00" --title X
	run -5 calsync event edit "${ID}_20260310T090000Z" --title X
	run -2 calsync event edit "$ID" --occurrence 2026-03-09 --rrule FREQ=DAILY
	single=$(calsync -q --json event add Single --start 2026-03-10 | jq -r .event.id)
	run -2 --separate-stderr calsync event edit "$single" --occurrence 2026-03-10 --title X
	assert_matches "$stderr" 'is no series'
	run -2 calsync event rm "$single" --scope following
	daily=$(calsync -q --json event add Twice --start "2026-06-01 08:00" --rrule "FREQ=DAILY;BYHOUR=8,16;COUNT=8" | jq -r .event.id)
	run -2 --separate-stderr calsync --json event edit "$daily" --occurrence 2026-06-02 --title X
	assert_json '.error.code == "ambiguous"'
	assert_matches "$stderr" '2026-06-02 08:00, 2026-06-02 16:00'
	assert_equal "$(here | grep -c Team)" 8
}

@test "series: an id's prefix that a series shares with its own exceptions means the series" {
	edit "$ID" --occurrence 2026-03-09 --title Nine
	edit "${ID:0:8}" --location Room
	assert_json '.event.id == "'"$ID"'"'
}

@test "series: an answer to one occurrence of an invitation" {
	fake_google_account boss@example.com
	local series
	series=$(fake_google_event Board 2026-03-02T09:00:00+01:00 '{"recurrence": ["RRULE:FREQ=WEEKLY"],
		"start": {"dateTime": "2026-03-02T09:00:00+01:00", "timeZone": "Europe/Berlin"},
		"end": {"dateTime": "2026-03-02T10:00:00+01:00", "timeZone": "Europe/Berlin"},
		"attendees": [{"email": "user1@example.com"}, {"email": "third@example.net"}]}' boss@example.com)
	run -0 calsync sync
	run -0 --separate-stderr calsync --json event respond "$series" no --occurrence 2026-03-09
	assert_schema event-change
	assert_json '.syncStatus.synced'
	fake_google_get "${series}_20260309T080000Z" boss@example.com |
		jq -e '[.attendees[] | [.email, .responseStatus]] == [["user1@example.com", "declined"], ["third@example.net", "needsAction"]]'
	run -0 calsync event respond "${series}_20260316T080000Z" maybe
	fake_google_get "$series" boss@example.com | jq -e '[.attendees[].responseStatus] | unique == ["needsAction"]'
	run -0 calsync event respond "$series" yes
	fake_google_get "$series" boss@example.com | jq -e '.attendees[0].responseStatus == "accepted"'
	run -1 --separate-stderr calsync event rm "$series" --occurrence 2026-03-16 --scope following
	assert_matches "$stderr" 'only the organizer \(boss@example.com\) may change how series'
	run -1 --separate-stderr calsync event edit "$series" --occurrence 2026-03-23 --title Mine
	assert_matches "$stderr" 'only the organizer'
	# one that is removed is declined
	run -0 calsync event rm "$series" --occurrence 2026-03-23
	fake_google_get "${series}_20260323T080000Z" boss@example.com |
		jq -e '.status == "confirmed" and .attendees[0].responseStatus == "declined"'
	same
}

@test "series: nobody is mailed by a cut unless it is asked for" {
	calsync -q event edit "$ID" --attendee ann@example.com
	edit "$ID" --occurrence 2026-04-13 --title Thirteen
	edit "$ID" --occurrence 2026-03-23 --scope following --start 12:00
	rm_ "$ID" --occurrence 2026-03-09
	assert_equal "$(fake_google_mail | jq length)" 0
	run -0 --separate-stderr calsync event edit "$ID" --occurrence 2026-03-16 --scope following --title Mailed --notify all
	assert_matches "$stderr" 'mails 1 guest'
	assert_equal "$(fake_google_mail | jq -c '[.[].to] | unique')" '["ann@example.com"]'
}
