# shellcheck disable=SC2154,SC2030,SC2031
# watch, renew-watches, stop-watch: the built program against the sandbox. What dies in between is in
# tests/crash, a month of renewals in tests/unit/test_channels_month.c.
load helpers
load schema

setup() {
	calsync_setup
	fake_google_start
	fake_google_config '{"allow_http_webhook": true}'
	export BACKEND_URL=http://127.0.0.1:9
	HOOK=$CALSYNC_STORE-webhook
}

teardown() {
	calsync_teardown
}

# google_channels: those that live, as a JSON array
google_channels() {
	fake_google GET /sandbox/state | jq -c .channels
}

second_calendar() {
	fake_google POST /sandbox/calendars '{"account": "user1@example.com", "summary": "Team",
		"id": "team@group.calendar.google.com", "accessRole": "reader"}' >/dev/null
}

holidays() {
	fake_google POST /sandbox/calendars '{"account": "user1@example.com", "summary": "Holidays",
		"id": "de.german#holiday@group.v.calendar.google.com", "accessRole": "reader"}' >/dev/null
}

@test "watch: every selected calendar has a channel, and a second one changes nothing" {
	second_calendar
	connect_account work user1@example.com --calendars all
	run --separate-stderr -0 calsync --json watch
	assert_schema watch
	assert_json '.success and .message == "Calendar push notifications enabled" and .polled == []
		and (.channels | length) == 2 and .channel.id == .channels[0].id
		and .channels[0].calendar == "user1@example.com" and .channels[0].account == "work"
		and (.channel | keys) == ["expiration", "id", "resourceId"]'
	first=$output
	assert_equal "$(google_channels | jq length)" 2
	assert_equal "$(google_channels | jq -r .[0].address)" "$BACKEND_URL/api/calendar/webhook/google"
	# In a week, by Google's word.
	assert_equal "$(date -d "$(jq -r .channel.expiration <<<"$first")" +%s)" \
		"$(($(google_channels | jq .[0].expiration) / 1000))"
	fake_google_forget_log
	before=$(store_dump)
	run --separate-stderr -0 calsync --json watch
	assert_equal "$(jq -c .channels <<<"$output")" "$(jq -c .channels <<<"$first")"
	assert_json '.requests == 0'
	assert_equal "$(fake_google_requests | jq length)" 0
	assert_equal "$(store_dump)" "$before"
	run --separate-stderr -0 calsync watch
	assert_matches "$output" 'Team: Google notifies until 20'
	assert_no_violations
}

@test "watch: the view User shows the channel of the primary calendar" {
	connect_account
	run --separate-stderr -0 calsync --json watch
	assert_equal "$(sqlite3 "$CALSYNC_STORE" 'SELECT calendarWebhookChannelId, calendarWebhookResourceId,
		calendarWebhookExpiration FROM User')" \
		"$(json '.channel | "\(.id)|\(.resourceId)|\(.expiration | sub(".000Z"; "Z"))"')"
	run -0 calsync stop-watch
	assert_equal "$(sqlite3 "$CALSYNC_STORE" 'SELECT calendarWebhookChannelId FROM User')" ""
}

@test "watch: a read-only account can watch too" {
	connect_account work user1@example.com --read-only
	run -0 calsync watch
	assert_equal "$(google_channels | jq length)" 1
}

@test "watch: without an address that Google reaches nothing is done" {
	connect_account
	fake_google_forget_log
	for url in '' http://example.org https://u:p@example.org 'https://example.org/?x=1' example.org; do
		BACKEND_URL=$url run --separate-stderr -2 calsync --json watch
		assert_failure_json usage
		assert_matches "$stderr" 'BACKEND_URL'
	done
	assert_equal "$(fake_google_requests | jq length)" 0
	[ ! -e "$HOOK" ]
	# The configuration file is as good as the environment.
	printf '[webhook]\nbackend_url = https://hook.example.org/base/\n' >"$XDG_CONFIG_HOME/calsync/config"
	BACKEND_URL='' run -0 calsync watch
	assert_equal "$(google_channels | jq -r .[0].address)" \
		https://hook.example.org/base/api/calendar/webhook/google
}

@test "watch: a calendar that Google cannot notify of is left to polling" {
	holidays
	connect_account work user1@example.com --calendars all
	run --separate-stderr -0 calsync --json watch
	assert_schema watch
	assert_json '(.channels | length) == 1
		and .polled == [{account: "work", calendar: "de.german#holiday@group.v.calendar.google.com"}]'
	run --separate-stderr -0 calsync watch
	assert_matches "$output" 'Holidays: Google cannot notify'
	run --separate-stderr -0 calsync --json calendars
	assert_schema calendars
	assert_json '[.[] | {(.summary): .push}] | add == {"user1@example.com": "on", "Holidays": "unsupported"}'
	run --separate-stderr -1 calsync --json watch --calendar Holidays
	assert_failure_json google
	assert_matches "$stderr" 'no notifications.*calsync sync'
	# It alone.
	run -0 calsync stop-watch
	run -0 calsync calendars deselect primary
	run --separate-stderr -1 calsync --json watch
	assert_failure_json google
}

@test "watch: one calendar; one that is not synced is refused" {
	second_calendar
	connect_account
	run --separate-stderr -2 calsync --json watch --calendar Team
	assert_failure_json usage
	assert_matches "$stderr" 'calsync calendars select'
	run --separate-stderr -5 calsync --json watch --calendar Nope
	assert_failure_json not_found
	run -0 calsync calendars select Team
	run --separate-stderr -0 calsync --json watch --calendar Team
	assert_json '(.channels | length) == 1 and .channels[0].calendar == "team@group.calendar.google.com"'
	run -0 calsync calendars deselect primary Team
	run --separate-stderr -1 calsync --json watch
	assert_failure_json failed
	assert_matches "$stderr" 'no calendar.*is selected'
}

@test "watch: what Google says against the address is told, and the login is not at fault" {
	connect_account
	fake_google_config '{"webhook_verify": true}'
	run --separate-stderr -1 calsync --json watch
	assert_failure_json google
	assert_matches "$stderr" 'BACKEND_URL'
	run -0 calsync sync
	fake_google_config '{"webhook_verify": false, "allow_http_webhook": false}'
	run --separate-stderr -1 calsync --json watch
	assert_matches "$stderr" 'HTTPS.*BACKEND_URL'
}

@test "watch: no network and a dead login say so, and leave no row behind that Google never saw" {
	connect_account
	fake_google_expire access_tokens refresh_tokens
	run --separate-stderr -3 calsync --json watch
	assert_failure_json token_expired
	assert_equal "$(sqlite3 "$CALSYNC_STORE" 'SELECT count(*) FROM channel')" 0
	run --separate-stderr -3 calsync --json renew-watches
	assert_schema renew-watches
	assert_json '(.success | not) and .error.code == "token_expired"'
	fake_google_stop
	connect_refused=$CALSYNC_GOOGLE_BASE_URL
	sqlite3 "$CALSYNC_STORE" "UPDATE account SET state = 'connected'"
	CALSYNC_GOOGLE_BASE_URL=$connect_refused run --separate-stderr -4 timeout 60 calsync --json renew-watches
	assert_schema renew-watches
	assert_json '.error.code == "network"'
}

@test "watch: some calendars in part" {
	second_calendar
	connect_account work user1@example.com --calendars all
	fake_google_fault '{"match": "team%40", "action": "status", "status": 403, "reason": "forbidden", "times": 0}'
	run --separate-stderr -7 calsync --json watch
	assert_schema watch
	assert_json '(.success | not) and .error.code == "google" and (.channels | length) == 1'
	assert_matches "$stderr" "calendar 'Team'"
	fake_google_no_faults
	# That it is not found may pass: it is missed until it has its channel.
	fake_google_fault '{"match": "team%40", "action": "status", "status": 404, "reason": "notFound"}'
	run --separate-stderr -7 calsync --json renew-watches
	assert_schema renew-watches
	assert_matches "$stderr" "'Team'.*404.*tries again"
	run -1 calsync status --check
	assert_matches "$output" "'Team' is watched, and has no push channel"
	run --separate-stderr -0 calsync --json renew-watches --within 1h
	assert_json '.renewed == 1 and (.channels | length) == 2'
}

@test "watch: one more that is refused leaves those that have a channel at work" {
	second_calendar
	connect_account
	run -0 calsync watch
	run -0 calsync calendars select Team
	fake_google_fault '{"match": "team%40", "action": "status", "status": 403, "reason": "forbidden", "times": 0}'
	run --separate-stderr -7 calsync --json watch
	assert_schema watch
	assert_json '(.success | not) and .error.code == "google"
		and [.channels[].calendar] == ["user1@example.com"]'
	assert_matches "$stderr" "calendar 'Team'"
}

@test "renew-watches: a calendar that Google notifies of no longer is told, and polled" {
	connect_account
	run -0 calsync watch
	fake_google_fault '{"match": "events/watch", "action": "status", "status": 400, "reason": "pushNotSupportedForRequestedResource"}'
	run --separate-stderr -0 calsync --json renew-watches
	assert_schema renew-watches
	assert_json '.success and .polled == [{account: "work", calendar: "user1@example.com"}]'
	assert_matches "$stderr" "no notifications for calendar 'user1@example.com'"
	run --separate-stderr -0 calsync --json renew-watches
	assert_json '.polled == [] and .requests == 0'
	run --separate-stderr -0 calsync calendars
	assert_matches "$output" ' polled'
	run --separate-stderr -0 calsync status
	assert_matches "$output" ' polled'
}

@test "renew-watches: the new channel, then the old one's end; only what ends soon" {
	connect_account
	run -0 calsync watch
	old=$(google_channels | jq -r .[0].id)
	run --separate-stderr -0 calsync --json renew-watches --within 6d
	assert_schema renew-watches
	assert_json '.renewed == 0 and .requests == 0 and (.channels | length) == 1'
	fake_google_forget_log
	run --separate-stderr -0 calsync --json renew-watches
	assert_schema renew-watches
	assert_json '.success and .renewed == 1 and .stopped == 1 and .left == 0'
	assert_equal "$(fake_google_requests '[.[].path | sub(".*/"; "") | sub("\\?.*"; "")] | join(" ")')" \
		'"watch stop"'
	assert_equal "$(google_channels | jq length)" 1
	[ "$(google_channels | jq -r .[0].id)" != "$old" ]
	for bad in x -1d 5; do
		run --separate-stderr -2 calsync --json renew-watches "--within=$bad"
		assert_failure_json usage
	done
}

@test "renew-watches: nothing is watched" {
	connect_account
	(
		unset BACKEND_URL
		run --separate-stderr -0 calsync --json renew-watches
		assert_schema renew-watches
		assert_json '.success and .channels == [] and .message == "No calendar is watched"'
	)
	[ ! -e "$HOOK" ]
}

@test "renew-watches: without BACKEND_URL it fails when something is watched" {
	connect_account
	run -0 calsync watch
	unset BACKEND_URL
	run --separate-stderr -2 calsync --json renew-watches
	assert_schema renew-watches
	assert_json '.error.code == "usage"'
	assert_matches "$stderr" 'BACKEND_URL is not set'
}

@test "renew-watches: one account's trouble does not stop the others" {
	fake_google_account user2@example.com
	connect_account home user2@example.com
	connect_account work
	run -0 calsync -a home watch
	run -0 calsync -a work watch
	fake_google POST /sandbox/expire \
		'{"account": "user2@example.com", "access_tokens": true, "refresh_tokens": true}' >/dev/null
	# No later run mends a dead login: the unit is not to try again.
	run --separate-stderr -3 calsync --json renew-watches
	assert_schema renew-watches
	assert_json '[.accounts[] | .success] == [false, true] and .error.code == "token_expired" and .renewed == 1'
	assert_matches "$stderr" 'home: '
	run --separate-stderr -3 calsync --json renew-watches -a home
	run --separate-stderr -0 calsync --json renew-watches -a work
	assert_json '[.accounts[].account] == ["work"]'
	# Nor is there anything to watch for it.
	run --separate-stderr -3 calsync --json watch -a home
	assert_json '.success == false and .error.code == "token_expired"'
	# A disconnected one is left alone.
	run -0 calsync disconnect home
	run --separate-stderr -0 calsync --json renew-watches
	assert_json '[.accounts[].account] == ["work"]'
}

@test "renew-watches: a calendar that is no longer synced loses its channel" {
	second_calendar
	connect_account work user1@example.com --calendars all
	run -0 calsync watch
	run -0 calsync calendars deselect Team
	run --separate-stderr -0 calsync --json renew-watches --within 1h
	assert_json '.stopped == 1 and (.channels | length) == 1'
	assert_equal "$(google_channels | jq length)" 1
	assert_equal "$(sqlite3 "$HOOK" 'SELECT count(*) FROM channel')" 1
}

@test "stop-watch: all, or one; what fails is tried again" {
	second_calendar
	connect_account work user1@example.com --calendars all
	run -0 calsync watch
	run --separate-stderr -0 calsync --json stop-watch --calendar Team
	assert_schema stop-watch
	assert_json '.success and .message == "Calendar push notifications disabled" and .stopped == 1'
	assert_equal "$(google_channels | jq length)" 1
	fake_google_fault '{"match": "channels/stop", "action": "status", "status": 403, "reason": "forbidden"}'
	run --separate-stderr -1 calsync --json stop-watch
	assert_schema stop-watch
	assert_json '(.success | not) and .left == 1 and .error.code == "google"'
	assert_matches "$stderr" "calsync renew-watches' tries again"
	run --separate-stderr -0 calsync --json renew-watches
	assert_json '.stopped == 1 and .renewed == 0'
	assert_equal "$(google_channels | jq length)" 0
	run --separate-stderr -0 calsync --json stop-watch
	assert_json '.stopped == 0 and .requests == 0'
	assert_equal "$(sqlite3 "$CALSYNC_STORE" 'SELECT count(*) FROM channel')" 0
	assert_equal "$(sqlite3 "$HOOK" 'SELECT count(*) FROM channel')" 0
}

@test "sync: stops the channels that could not be stopped, and goes well without" {
	connect_account
	run -0 calsync watch
	fake_google_fault '{"match": "channels/stop", "action": "status", "status": 403, "reason": "forbidden", "times": 2}'
	run -1 calsync stop-watch
	run -0 calsync sync --queued
	run -0 calsync sync --dry-run
	assert_equal "$(fake_google_requests '[.[] | select(.path | contains("channels/stop"))] | length')" 1
	run --separate-stderr -0 calsync sync --all
	assert_equal "$stderr" ''
	assert_equal "$(google_channels | jq length)" 1
	fake_google_forget_log
	run --separate-stderr -0 calsync --json sync --all
	assert_json ".requests == $(fake_google_requests | jq length)"
	assert_equal "$(google_channels | jq length)" 0
	assert_equal "$(sqlite3 "$CALSYNC_STORE" 'SELECT count(*) FROM channel')" 0
	fake_google_forget_log
	run -0 calsync sync --all
	assert_equal "$(fake_google_requests '[.[] | select(.path | contains("channels"))] | length')" 0
}

@test "stop-watch: one that Google may have made all the same is left, not gone" {
	connect_account
	fake_google_fault '{"match": "events/watch", "action": "drop_after", "times": 0}'
	run calsync watch
	fake_google_no_faults
	run --separate-stderr -0 calsync --json stop-watch
	assert_json '.stopped == 0 and .left > 0'
}

@test "calendars: one that is selected again while it is watched is in the queue" {
	connect_account
	run -0 calsync watch
	run -0 calsync sync
	run -0 calsync sync --queued
	run -0 calsync calendars deselect primary
	fake_google_event Meanwhile >/dev/null
	run -0 calsync sync
	run -0 calsync calendars select primary
	run -0 calsync queue
	assert_matches "$output" 'selected for sync again'
	run -0 calsync sync --queued
	run -0 calsync event list
	assert_matches "$output" 'Meanwhile'
	run -0 calsync queue
	assert_matches "$output" 'nothing is queued'
}

@test "watch: two at a time make one channel" {
	connect_account
	local pids=()
	for _ in 1 2 3 4; do
		calsync -q watch 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	assert_equal "$(google_channels | jq length)" 1
	assert_equal "$(sqlite3 "$CALSYNC_STORE" 'SELECT count(*) FROM channel')" 1
}

@test "watch: a channel's token is seen by nobody but Google" {
	connect_account
	calsync -vvv watch >"$BATS_TEST_TMPDIR/out" 2>&1
	token=$(google_channels | jq -r .[0].token)
	assert_matches "$token" '^1\.[0-9a-f]{64}$'
	calsync -vvv --json watch >>"$BATS_TEST_TMPDIR/out" 2>&1
	fake_google_fault "{\"match\": \"events/watch\", \"action\": \"status\", \"status\": 400,
		\"reason\": \"invalid\", \"message\": \"bad token\"}"
	calsync -vvv renew-watches >>"$BATS_TEST_TMPDIR/out" 2>&1 || true
	calsync -vvv renew-watches >>"$BATS_TEST_TMPDIR/out" 2>&1
	next=$(google_channels | jq -r .[0].token)
	run ! grep -rF -e "${token#*.}" -e "${next#*.}" "$BATS_TEST_TMPDIR/out" "$HOME"
	# Its hash is what the receiver compares with.
	assert_equal "$(sqlite3 "$HOOK" 'SELECT lower(hex(token_hash)) FROM channel')" \
		"$(printf %s "$next" | sha256sum | cut -d' ' -f1)"
}

@test "disconnect: stops the channels first, and the webhook forgets them" {
	connect_account
	run -0 calsync watch
	fake_google_forget_log
	run --separate-stderr -0 calsync --json disconnect work
	assert_schema disconnect
	assert_json '.success and .channelsStopped == 1 and .revocation == "revoked"'
	assert_equal "$(fake_google_requests '[.[].path | sub(".*/"; "") | sub("\\?.*"; "")] | join(" ")')" \
		'"stop revoke"'
	assert_equal "$(sqlite3 "$HOOK" 'SELECT count(*) FROM channel')" 0
	# Connected again, and watched as before.
	connect_account
	run --separate-stderr -0 calsync --json renew-watches
	assert_json '.renewed == 1'
}

@test "disconnect: a channel that cannot be stopped is told, and forgotten with the login" {
	connect_account
	run -0 calsync watch
	fake_google_fault '{"match": "channels/stop", "action": "status", "status": 503, "times": 0}'
	run --separate-stderr -7 calsync --json disconnect work --purge
	assert_schema disconnect
	assert_json '(.success | not) and .revocation == "revoked" and .error.code == "network"'
	assert_matches "$stderr" 'end by themselves within a week'
	assert_equal "$(sqlite3 "$CALSYNC_STORE" 'SELECT count(*) FROM channel')" 0
	assert_equal "$(sqlite3 "$HOOK" 'SELECT count(*) FROM channel')" 0
}

@test "disconnect: a dead login has nothing to stop" {
	connect_account
	run -0 calsync watch
	fake_google_expire access_tokens refresh_tokens
	run --separate-stderr -0 calsync --json disconnect work
	assert_schema disconnect
	assert_json '.success and .channelsStopped == 0'
	assert_equal "$(sqlite3 "$HOOK" 'SELECT count(*) FROM channel')" 0
}

# watched_accounts N: that many accounts, a1 and so on, each with a push channel. NAMES is what jq calls them.
watched_accounts() {
	local n
	NAMES=
	for ((n = 1; n <= $1; n++)); do
		fake_google_account "many$n@example.com"
		connect_account "a$n" "many$n@example.com"
		calsync -q -a "a$n" watch
		NAMES+="${NAMES:+, }\"a$n\""
	done
}

@test "renew-watches: several accounts at a time, and what each did is in the answer" {
	watched_accounts 6
	for jobs in 1 3 64; do
		run --separate-stderr -0 calsync --json renew-watches --jobs "$jobs"
		assert_schema renew-watches
		assert_json ".success and .renewed == 6 and .stopped == 6 and .left == 0
			and [.accounts[].account] == [$NAMES] and [.channels[].account] == [$NAMES]
			and ([.accounts[] | select(.renewed == 1 and .stopped == 1 and .success)] | length) == 6
			and .requests == ([.accounts[].requests] | add)"
		assert_equal "$(google_channels | jq length)" 6
	done
	# One that fails does not stop the others.
	sqlite3 "$CALSYNC_STORE" "UPDATE account SET state = 'reauth_required' WHERE name = 'a3'"
	run --separate-stderr -3 calsync --json renew-watches
	assert_schema renew-watches
	assert_json '(.success | not) and .error.code == "token_expired" and .renewed == 5
		and [.accounts[] | select(.success | not).account] == ["a3"]'
	assert_matches "$stderr" 'a3: .*calsync connect'
	for bad in 0 65 x; do
		run --separate-stderr -2 calsync --json renew-watches -j "$bad"
		assert_failure_json usage
	done
	assert_no_violations
}

@test "renew-watches: without a network a few accounts try, and all are told of" {
	watched_accounts 12
	fake_google_stop
	run --separate-stderr -4 timeout 200 calsync --json renew-watches --jobs 2
	assert_schema renew-watches
	# Of two at a time the third failure may meet one that has begun.
	assert_json '(.success | not) and .error.code == "network" and .renewed == 0
		and (.accounts | length) == 12 and all(.accounts[]; .error.code == "network")
		and ([.accounts[] | select(.requests > 0)] | length | . == 3 or . == 4)
		and all(.accounts[]; (.requests > 0) != (.error.message | startswith("not tried")))'
	assert_matches "$stderr" 'did not answer for 3 accounts in a row: [89] more were not tried'
	# The others are told of in that one line.
	[ "$(wc -l <<<"$stderr")" -le 5 ]
}
