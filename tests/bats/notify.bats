# shellcheck disable=SC2154,SC2030,SC2031
# Who is mailed, and that it is told before.
load helpers

setup() {
	calsync_setup
	fake_google_start
	connect_account
}

teardown() {
	calsync_teardown
}

# told REGEX COMMAND...: what stderr says, in its one line
told() {
	local want=$1
	shift
	run -0 --separate-stderr calsync "$@"
	assert_matches "$stderr" "^calsync: $want\$"
}

@test "notify: without it nobody is mailed, and a note says so" {
	told 'mails nobody: not 2 guests \(--notify all would\)' event add A --start "2026-03-10 10:00" \
		--attendee ann@example.com --attendee bob@example.org
	ID=${output#added }
	ID=${ID%% *}
	told 'mails nobody: not 2 guests .*' event edit "$ID" --title B
	told 'mails nobody: not 2 guests .*' event edit "$ID" --title C --notify none
	told 'mails nobody: not 2 guests .*' event rm "$ID"
	assert_equal "$(fake_google_mail | jq length)" 0
}

@test "notify: all tells how many are mailed, --quiet does not" {
	told 'mails 2 guests' event add A --start "2026-03-10 10:00" --notify all \
		--attendee ann@example.com --attendee bob@example.org --attendee user1@example.com
	ID=${output#added }
	ID=${ID%% *}
	assert_equal "$(fake_google_mail | jq -c '[.[].to] | sort')" '["ann@example.com","bob@example.org"]'
	# one who is taken off the list hears of it, too
	told 'mails 2 guests' event edit "$ID" --clear attendees --attendee bob@example.org --notify all
	run -0 --separate-stderr calsync -q event edit "$ID" --title Quiet --notify all
	assert_equal "$stderr" ''
	told 'mails 1 guest' event rm "$ID" --notify all
	assert_equal "$(fake_google_mail | jq '[.[] | select(.what == "cancellation")] | length')" 2
}

@test "notify: external says what is known" {
	told 'mails 3 guests, only who does not use Google Calendar \(2 outside of example.com\)' \
		event add A --start "2026-03-10 10:00" --notify external --attendee ann@example.com \
		--attendee bob@example.org --attendee cy@elsewhere.net
	assert_equal "$(fake_google_requests '[.[] | select(.method == "POST") | .query // ""
		| select(test("sendUpdates=externalOnly"))] | length')" 1
}

@test "notify: events without guests, or kept local, are not spoken of" {
	run -0 --separate-stderr calsync event add A --start "2026-03-10 10:00" --notify all
	assert_equal "$stderr" ''
	run -0 --separate-stderr calsync event add A --start "2026-03-10 10:00" --notify all --no-sync \
		--attendee ann@example.com
	assert_equal "$stderr" ''
}

@test "notify: several events are added up" {
	printf '%s\n' '{"summary":"A","start":{"date":"2026-03-10"},"end":{"date":"2026-03-11"},"attendees":[{"email":"a@x.org"}]}' \
		'{"summary":"B","start":{"date":"2026-03-10"},"end":{"date":"2026-03-11"},"attendees":[{"email":"a@x.org"},{"email":"b@x.org"}]}' >in
	told 'mails 3 guests of 2 events' event add --from-json in --notify all
}

@test "notify: an answer is told to the organizer alone" {
	local id
	fake_google_account boss@example.com
	id=$(fake_google_event Plans '' '{"attendees": [{"email": "user1@example.com"},
		{"email": "third@example.net"}]}' boss@example.com)
	run -0 calsync sync
	told 'mails nobody: not the organizer \(--notify all would\)' event respond "$id" yes
	told 'mails the organizer' event respond "$id" no --notify all
	assert_equal "$(fake_google_mail | jq -c '[.[].to]')" '["boss@example.com"]'
}

@test "notify: what waits with an earlier edit mails whom that one asked for" {
	local id
	id=$(calsync -q --json event add A --start "2026-03-10 10:00" --attendee bob@example.org | jq -r .event.id)
	fake_google_stop
	run -0 calsync event edit "$id" --title B --notify all
	run -0 --separate-stderr calsync event edit "$id" --title C
	assert_matches "$stderr" 'mails 1 guest'
}

# offline COMMAND...: nothing gets through meanwhile
offline() {
	fake_google_fault '{"match": "/calendar/v3", "times": 0, "action": "drop_before"}'
	calsync -q "$@" 2>/dev/null
	fake_google_no_faults
}

# add TITLE [OPTION...]: with a guest; prints the id
add() {
	calsync -q --json event add "$@" --start "2026-03-10 10:00" --attendee bob@example.org |
		jq -er .event.id
}

@test "notify: no write mails anybody unless it was asked for" {
	local series edited revived restored
	fake_google POST /sandbox/calendars '{"id": "team@group.calendar.google.com", "summary": "Team",
		"accessRole": "owner"}' >/dev/null
	calsync -q sync
	series=$(add Series --rrule FREQ=DAILY)
	edited=$(add Edited)
	revived=$(add Revived)
	restored=$(add Restored)
	calsync -q event edit "$series" --title Series2
	# merged, revived and restored by a sync
	offline event edit "$edited" --title Edited2
	fake_google_patch "$edited" '{"location": "there"}' >/dev/null
	offline event edit "$revived" --title Revived2
	fake_google_delete "$revived"
	offline event rm "$restored"
	fake_google_patch "$restored" '{"location": "there"}' >/dev/null
	run -0 calsync sync
	# one occurrence, what follows, an answer, a move, and all of it taken back
	calsync -q event edit "$series" --occurrence 2026-03-12 --title One
	calsync -q event rm "$series" --occurrence 2026-03-13
	calsync -q event edit "$series" --occurrence 2026-03-15 --scope following --start 12:00
	calsync -q undo
	calsync -q event move "$edited" --to team@group.calendar.google.com
	calsync -q undo
	calsync -q event rm "$revived"
	calsync -q event restore "$revived"
	# a conflict that a person decides
	offline event edit "$restored" --title Ours
	fake_google_patch "$restored" '{"summary": "Theirs"}' >/dev/null
	run -6 calsync sync --conflict manual
	calsync -q conflicts resolve "$restored" --take local
	fake_google_patch "$restored" '{"summary": "Restored"}' >/dev/null
	run -0 calsync sync
	calsync -q event rm "$series"
	assert_equal "$(fake_google_events | jq -c '[.[].summary] | sort')" \
		'["Edited2","Restored","Revived2"]'
	# every write says so itself, whatever Google's default may be
	assert_equal "$(fake_google_requests '[.[] | select(.path | startswith("/calendar/v3"))
		| select(.method != "GET") | .query // "" | test("sendUpdates=none")] | [length > 20, all]')" \
		'[true,true]'
	assert_equal "$(fake_google_mail | jq length)" 0
	assert_no_violations
}
