# shellcheck disable=SC2154,SC2030,SC2031
# From an edit at Google to the local store: the sandbox posts its notifications to the receiver, which
# starts the syncs.
load helpers
load webhook

setup() {
	calsync_setup
	export CALSYNC_WEBHOOK_DB=$HOME/hook.db
	fake_google_start
	fake_google_config '{"allow_http_webhook": true}'
	connect_account
}

teardown() {
	webhookd_stop
	calsync_teardown
}

live() {
	webhookd_start
	BACKEND_URL=$WEBHOOK_URL calsync --quiet watch
}

# title_is ID TITLE: of the event in the local store.
title_is() {
	[ "$(sqlite3 -readonly "$CALSYNC_STORE" "SELECT title FROM CalendarEvent WHERE googleEventId = '$1'" 2>/dev/null)" = "$2" ]
}

# wait_for SECONDS COMMAND...: poll; prints how many milliseconds it took.
wait_for() {
	local start=$EPOCHREALTIME limit=$(($1 * 1000)) took=0
	while [ "$took" -le "$limit" ]; do
		took=$(((${EPOCHREALTIME/[^0-9]/} - ${start/[^0-9]/}) / 1000))
		if "${@:2}"; then
			echo "$took"
			return 0
		fi
		sleep 0.01
	done
	echo "not within $1 s: ${*:2}" >&2
	cat "$WEBHOOK_LOG" >&2
	return 1
}

@test "webhookd: an edit at Google is here within a second" {
	local bound=1000
	case $BUILD_DIR in */san) bound=5000 ;; esac
	live
	id=$(fake_google_event Meeting)
	wait_for 20 title_is "$id" Meeting
	for n in 1 2 3; do
		sleep 1.1
		fake_google_patch "$id" "{\"summary\": \"Meeting $n\"}" >/dev/null
		took=$(wait_for 20 title_is "$id" "Meeting $n")
		echo "edit $n: $took ms" >&2
		[ "$took" -lt "$bound" ]
	done
	assert_equal "$(hook_sql 'SELECT count(*) FROM wake')" 0
	fake_google_delete "$id"
	wait_for 20 title_is "$id" ''
	assert_no_violations
}

@test "webhookd: what changed before there was a channel is fetched, also when Google's first message is sooner than its answer" {
	fake_google_config '{"push_sync_first": true}'
	webhookd_start
	id=$(fake_google_event Before)
	BACKEND_URL=$WEBHOOK_URL calsync --quiet watch
	# The wake is behind the answer, and no message follows it.
	wait_for 20 title_is "$id" Before
	assert_equal "$(hook_sql 'SELECT count(*) FROM wake')" 0
}

@test "webhookd: a burst of edits ends in step, with few syncs" {
	live
	id=$(fake_google_event Meeting)
	wait_for 20 title_is "$id" Meeting
	fake_google_forget_log
	for n in $(seq 20); do
		fake_google_patch "$id" "{\"summary\": \"Meeting $n\"}" >/dev/null
	done
	wait_for 20 title_is "$id" 'Meeting 20'
	sleep 1.5
	[ "$(fake_google_count GET)" -le 12 ]
	assert_equal "$(hook_sql 'SELECT count(*) FROM wake')" 0
	assert_same_both_sides
}

@test "webhookd: what came while Google was not to be reached is fetched later, unasked" {
	live
	id=$(fake_google_event Meeting)
	wait_for 20 title_is "$id" Meeting
	fake_google_fault '{"match": "/calendar/v3/calendars", "method": "GET", "times": 0, "action": "status", "status": 503}'
	fake_google_patch "$id" '{"summary": "Later"}' >/dev/null
	webhookd_says 'sync of the queue failed with exit status 4' 30
	fake_google_no_faults
	wait_for 90 title_is "$id" Later
	webhookd_says 'sync of the queue works again'
}

@test "webhookd: an account that Google sends away keeps no other one waiting" {
	fake_google_account bob@example.com
	connect_account bob bob@example.com
	webhookd_start
	for name in work bob; do
		BACKEND_URL=$WEBHOOK_URL calsync --quiet -a "$name" watch
	done
	calsync --quiet sync --all
	# Work's requests fail from now on, and Google asks for most of a minute each time.
	fake_google POST /sandbox/faults '{"match": "user1%40example.com/events", "times": 0,
		"action": "status", "status": 503, "retry_after": 50}' >/dev/null
	fake_google_event Waits >/dev/null
	sleep 0.3
	id=$(fake_google_event Meeting 2026-03-10T10:00:00+01:00 '{}' bob@example.com)
	took=$(wait_for 20 title_is "$id" Meeting)
	echo "$took ms" >&2
	[ "$took" -lt 6000 ]
	calsync queue --json >"$HOME/queue"
	assert_equal "$(jq -r '.[].account' "$HOME/queue")" work
}

@test "webhookd: an account of many pages keeps no other one waiting, and gets its last one" {
	fake_google_account bob@example.com
	connect_account bob bob@example.com
	webhookd_start
	for name in work bob; do
		BACKEND_URL=$WEBHOOK_URL calsync --quiet -a "$name" watch
	done
	calsync --quiet sync --all
	for n in {1..9}; do fake_google_event "Page $n" >/dev/null; done
	sleep 1.5
	# Work's calendar begins anew: ten pages, a second each.
	fake_google_config '{"max_page": 1}'
	fake_google_fault '{"match": "user1%40example.com/events", "times": 0, "action": "delay", "delay_ms": 1000}'
	sqlite3 "$CALSYNC_STORE" "DELETE FROM event; UPDATE calendar SET sync_token = NULL WHERE google_id = 'user1@example.com'"
	last=$(fake_google_event 'Page 10')
	sleep 1
	id=$(fake_google_event Meeting 2026-03-10T10:00:00+01:00 '{}' bob@example.com)
	took=$(wait_for 20 title_is "$id" Meeting)
	echo "$took ms" >&2
	[ "$took" -lt 5000 ]
	wait_for 30 title_is "$last" 'Page 10'
	assert_equal "$(sqlite3 -readonly "$CALSYNC_STORE" 'SELECT count(*) FROM CalendarEvent')" 11
}

@test "webhookd: what a sync had taken over that was killed with it is done at the start" {
	calsync --quiet sync
	id=$(fake_google_event Meeting)
	sqlite3 "$CALSYNC_STORE" "INSERT INTO sync_request (calendar_id, ticket, requested_ms, attempts, not_before_ms, reason)
		SELECT calendar_id, 1, 1, 0, 0, 'notification' FROM calendar WHERE is_primary"
	webhookd_start
	wait_for 20 title_is "$id" Meeting
}
