# shellcheck disable=SC2154,SC2030,SC2031
# What waits to be sent or synced: shown, tried again, dropped, drained.
load helpers
load schema

setup() {
	calsync_setup
	fake_google_start
	connect_account
	calsync --quiet sync
}

teardown() {
	calsync_teardown
}

# add TITLE [OPTION...]: an event; prints its id.
add() {
	local title=$1
	shift
	calsync --json event add "$title" --start '2026-03-10 10:00' "$@" 2>/dev/null | jq -er .event.id
}


# without_answers COMMAND...: every request is dropped meanwhile.
without_answers() {
	local status=0
	fake_google_fault '{"match": "/calendar/v3/", "times": 0, "action": "drop_before"}'
	"$@" || status=$?
	fake_google_no_faults
	return "$status"
}

# ask_for [CALENDAR]: as a push notification does.
ask_for() {
	sqlite3 "$CALSYNC_STORE" "INSERT INTO sync_request (calendar_id, ticket, requested_ms, attempts,
		not_before_ms, reason) SELECT calendar_id, 1, 1, 0, 0, 'notification' FROM calendar
		WHERE google_id = '${1:-user1@example.com}'"
}

refused_event() {
	fake_google_fault '{"method": "POST", "match": "/events", "action": "status", "status": 400,
		"reason": "invalid", "message": "Invalid thing."}'
	add "$@"
}

@test "queue: empty" {
	run --separate-stderr -0 calsync --json queue
	assert_schema queue
	assert_equal "$output" '[]'
	run -0 calsync queue list
	assert_matches "$output" 'nothing is queued'
	run --separate-stderr -0 calsync --json sync --queued
	assert_schema sync
	assert_json '.requests == 0 and .accounts == [] and .message == "Nothing in the queue is due"'
	run -0 calsync sync --queued
	assert_equal "$output" 'nothing in the queue is due'
}

@test "queue: shows what waits and why, changes and calendars alike" {
	waits=$(without_answers add Waits)
	refused=$(refused_event Refused)
	calsync --quiet event edit "$(add Held)" --location here --no-sync
	ask_for
	run --separate-stderr -0 calsync --json queue
	assert_schema queue
	assert_json 'length == 4 and (map(.kind) == ["calendar", "event", "event", "event"])'
	assert_json '.[0] | .id == "user1@example.com" and .op == "sync" and .event == null
		and (.reason | contains("announced"))'
	assert_json ".[1] | .id == \"$waits\" and .op == \"create\" and .state == \"queued\" and .attempts == 1
		and .notBefore > .since and .summary == \"Waits\" and .lastError != null"
	assert_json ".[2] | .id == \"$refused\" and .state == \"refused\" and (.reason | contains(\"Invalid thing\"))"
	assert_json '.[3] | .op == "update" and .state == "held" and (.reason | contains("--no-sync"))'
	run -0 calsync queue
	assert_matches "$output" "$waits +Waits +create +queued +1 "
	assert_matches "$output" 'refused'
	run --separate-stderr -0 calsync --json queue --calendar user1@example.com
	assert_json 'length == 4'
	run --separate-stderr -5 calsync --json queue --calendar nobody
	assert_failure_json not_found
}

@test "queue: --account and --calendar choose" {
	fake_google_account user2@example.com
	connect_account home user2@example.com
	fake_google POST /sandbox/calendars '{"account": "user2@example.com", "id": "team@group.calendar.google.com",
		"summary": "Team", "accessRole": "owner"}' >/dev/null
	calsync --quiet sync --all
	without_answers add Mine -a work >/dev/null
	without_answers add Theirs -a home --calendar Team >/dev/null
	run --separate-stderr -0 calsync --json queue
	assert_json 'map(.account) | sort == ["home", "work"]'
	run --separate-stderr -0 calsync --json queue -a home
	assert_json 'length == 1 and .[0].calendar == "team@group.calendar.google.com"'
	run --separate-stderr -0 calsync --json queue --calendar Team
	assert_json 'length == 1 and .[0].summary == "Theirs"'
	run -0 calsync queue
	assert_matches "$output" 'ACCOUNT'
}

@test "queue retry: what was refused is sent again, by a prefix of its id" {
	id=$(refused_event Refused)
	run --separate-stderr -0 calsync --json queue retry "${id:0:6}"
	assert_schema queue-retry
	assert_json ".entries == [{id: \"$id\", kind: \"event\", account: \"work\",
		calendar: \"user1@example.com\", op: \"create\", sent: true, error: null}]"
	assert_equal "$(fake_google_events | jq length)" 1
	assert_equal "$(calsync --json queue)" '[]'
	run --separate-stderr -5 calsync --json queue retry "$id"
	assert_failure_json not_found
}

@test "queue retry: what cannot be sent stays queued, with a warning" {
	id=$(refused_event Refused)
	run --separate-stderr -0 without_answers calsync --json queue retry "$id"
	assert_schema queue-retry
	assert_json '.entries[0] | .sent == false and .error != null'
	assert_matches "$stderr" 'queued for the next sync'
	run --separate-stderr -0 calsync --json queue
	assert_json '.[0].state == "queued"'
	run -0 calsync queue retry "$id"
	assert_matches "$output" "^sent $id  Refused"
}

@test "queue retry: held edits and local events go out when they are named, not with --all" {
	local_id=$(add Local --no-sync)
	id=$(add Held)
	calsync --quiet event edit "$id" --location here --no-sync
	run --separate-stderr -0 calsync --json queue retry --all
	assert_schema queue-retry
	assert_json '.entries == []'
	run --separate-stderr -0 calsync --json queue retry "$id" "$local_id"
	assert_schema queue-retry
	assert_json '[.entries[].sent] == [true, true]'
	assert_equal "$(fake_google_events | jq -c 'map(.summary) | sort')" '["Held","Local"]'
	assert_equal "$(fake_google_get "$id" | jq -r .location)" here
}

@test "queue retry: --all takes what waits and what was refused, calendars are made due" {
	without_answers add Waits >/dev/null
	refused_event Refused >/dev/null
	ask_for
	sqlite3 "$CALSYNC_STORE" "UPDATE sync_request SET not_before_ms = 9000000000000"
	run --separate-stderr -0 calsync --json sync --queued
	assert_json '.requests == 0'
	run --separate-stderr -0 calsync --json queue retry --all
	assert_schema queue-retry
	assert_json '[.entries[] | [.kind, .sent]] == [["calendar", false], ["event", true], ["event", true]]'
	run --separate-stderr -0 calsync --json sync --queued
	assert_json '.requests == 1 and .success'
	assert_equal "$(calsync --json queue)" '[]'
}

@test "queue retry: bad input" {
	run --separate-stderr -2 calsync --json queue retry
	assert_failure_json usage
	run --separate-stderr -2 calsync --json queue retry --all abcdef
	assert_failure_json usage
	run --separate-stderr -2 calsync --json queue retry abc
	assert_failure_json usage
	run --separate-stderr -5 calsync --json queue retry nosuchevent
	assert_failure_json not_found
	run --separate-stderr -5 calsync --json queue retry "$(add Synced)"
	assert_failure_json not_found
}

@test "queue drop: a change goes back to Google's version and stays in the log" {
	id=$(add Meeting)
	without_answers calsync --quiet event edit "$id" --title Changed 2>/dev/null
	run --separate-stderr -0 calsync --json queue drop "$id"
	assert_schema queue-drop
	assert_json '.dropped[0].op == "update"'
	run --separate-stderr -0 calsync --json event show "$id"
	assert_json '.summary == "Meeting" and .syncStatus == "synced" and .pendingOp == null'
	run --separate-stderr -0 calsync --json event log "$id"
	assert_json '.[0] | .event.summary == "Changed" and .command == "queue drop"'
	run --separate-stderr -0 calsync --json sync
	assert_json '.requests == 2'
	assert_equal "$(fake_google_get "$id" | jq -r .summary)" Meeting
}

@test "queue drop: a deleted event is there again, a new one stays here alone" {
	id=$(add Meeting)
	without_answers calsync --quiet event rm "$id" 2>/dev/null
	new=$(without_answers add New)
	run --separate-stderr -5 calsync event show "$id"
	run -0 calsync queue drop "$id" "$new"
	assert_matches "$output" "dropped $id: is there again"
	assert_matches "$output" "dropped $new: stays here alone"
	run --separate-stderr -0 calsync --json event show "$id"
	assert_json '.syncStatus == "synced"'
	run --separate-stderr -0 calsync --json sync
	assert_json '.requests == 2'
	run --separate-stderr -0 calsync --json event show "$new"
	assert_json '.syncStatus == "local_only" and .pendingOp == null'
	assert_equal "$(fake_google_events | jq -c 'map(.summary)')" '["Meeting"]'
}

@test "queue drop: a calendar's request goes; a wrong name drops nothing" {
	ask_for
	id=$(without_answers add Waits)
	run --separate-stderr -5 calsync --json queue drop "$id" nosuchevent
	assert_failure_json not_found
	run --separate-stderr -2 calsync --json queue drop
	assert_failure_json usage
	run --separate-stderr -0 calsync --json queue
	assert_json 'length == 2'
	run -0 calsync queue drop user1@example.com
	assert_matches "$output" 'not synced before its next turn'
	run --separate-stderr -0 calsync --json queue
	assert_json 'length == 1'
}

@test "queue drop: not while a sync runs" {
	id=$(without_answers add Waits)
	fake_google_fault '{"match": "/events", "times": 1, "action": "delay", "delay_ms": 3000}'
	calsync sync >/dev/null 2>&1 3>&- &
	pid=$!
	sleep 0.5
	run --separate-stderr -1 calsync --json queue drop "$id"
	assert_failure_json locked
	assert_matches "$stderr" "$pid"
	wait "$pid"
	assert_equal "$(fake_google_events | jq length)" 1
}

@test "queue: the same event in two calendars is named with --calendar" {
	fake_google POST /sandbox/calendars '{"account": "user1@example.com", "id": "team@group.calendar.google.com",
		"summary": "Team", "accessRole": "owner"}' >/dev/null
	calsync --quiet sync
	for calendar in primary Team; do
		jq -nc '{id: "samesame", summary: "Twice", start: {date: "2026-05-05"}, end: {date: "2026-05-06"}}' |
			without_answers calsync --quiet event add --from-json - --calendar "$calendar" 2>/dev/null
	done
	run --separate-stderr -2 calsync --json queue drop samesame
	assert_failure_json ambiguous
	run -0 calsync queue drop samesame --calendar Team
	run --separate-stderr -0 calsync --json queue
	assert_json 'length == 1 and .[0].calendar == "user1@example.com"'
}

@test "sync --queued: only what is asked for, of every account" {
	fake_google_account user2@example.com
	connect_account home user2@example.com
	calsync --quiet sync --all
	fake_google_event One >/dev/null
	fake_google_event Two '' '{}' user2@example.com >/dev/null
	ask_for
	fake_google_forget_log
	run --separate-stderr -0 calsync --json sync --queued
	assert_schema sync
	assert_json '[.accounts[].account] == ["work"] and .requests == 1 and .stats.created == 1'
	assert_equal "$(fake_google_count GET)" 1
	run --separate-stderr -0 calsync --json sync --queued
	assert_json '.requests == 0'
	ask_for
	ask_for user2@example.com
	run --separate-stderr -0 calsync --json sync --queued --all
	assert_json '[.accounts[].account] | sort == ["home", "work"]'
	ask_for
	ask_for user2@example.com
	run --separate-stderr -0 calsync --json sync --queued -a home
	assert_json '[.accounts[].account] == ["home"]'
	CALSYNC_ACCOUNT=work run --separate-stderr -0 calsync --json sync --queued
	assert_json '[.accounts[].account] == ["work"]'
}

@test "sync --queued: a failure stays queued with its reason, and waits its time" {
	ask_for
	run --separate-stderr -4 without_answers calsync --json sync --queued
	assert_schema sync
	run --separate-stderr -0 calsync --json queue
	assert_json 'length == 1 and .[0].attempts == 1 and .[0].notBefore != null'
	run --separate-stderr -0 calsync --json sync --queued
	assert_json '.requests == 0'
	run -0 calsync sync
	assert_equal "$(calsync --json queue)" '[]'
}

@test "sync --queued: an account that must be connected again waits" {
	ask_for
	sqlite3 "$CALSYNC_STORE" "UPDATE account SET state = 'reauth_required'"
	fake_google_forget_log
	run --separate-stderr -0 calsync --json sync --queued
	assert_json '.accounts == []'
	run --separate-stderr -3 calsync --json sync --queued -a work
	run --separate-stderr -0 calsync --json queue
	assert_json '.[0].attempts == 0 and (.[0].reason | contains("calsync connect work"))'
	assert_equal "$(fake_google_requests length)" 0
}

@test "sync --queued: waits for another sync, which serves nobody who asked since" {
	fake_google_fault '{"match": "/events", "times": 1, "action": "delay", "delay_ms": 2000}'
	calsync sync >/dev/null 2>&1 3>&- &
	pid=$!
	sleep 0.7
	ask_for
	run --separate-stderr -0 calsync --json sync --queued
	assert_json '.requests == 1'
	wait "$pid"
	assert_equal "$(calsync --json queue)" '[]'
	ask_for
	fake_google_fault '{"match": "/events", "times": 1, "action": "delay", "delay_ms": 2000}'
	calsync sync >/dev/null 2>&1 3>&- &
	pid=$!
	sleep 0.7
	run --separate-stderr -1 calsync --json sync --queued --wait 0
	assert_json '.error.code == "locked"'
	wait "$pid"
}

@test "sync --queued: an event that is changed while a sync runs is sent" {
	id=$(add Meeting)
	fake_google_fault '{"method": "GET", "match": "/events", "times": 1, "action": "delay", "delay_ms": 3000}'
	calsync sync >/dev/null 2>&1 3>&- &
	pid=$!
	sleep 0.7
	run --separate-stderr -0 calsync event edit "$id" --location there
	assert_matches "$stderr" 'that sync sends it, or the next one'
	assert_matches "$stderr" "$pid"
	wait "$pid"
	run -0 calsync sync --queued
	assert_equal "$(fake_google_get "$id" | jq -r .location)" there
	assert_equal "$(calsync --json queue)" '[]'
}

@test "sync --queued: what it does not go with" {
	for bad in --full "--calendar primary" "--start today --end tomorrow"; do
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr -2 calsync --json sync --queued $bad
		assert_schema failure
		assert_json '.error.code == "usage"'
	done
}
