# shellcheck disable=SC2154,SC2030,SC2031
load helpers
load schema

setup() {
	calsync_setup
	fake_google_start
}

teardown() {
	calsync_teardown
}

@test "status: nothing is connected" {
	run --separate-stderr -3 calsync --json status
	assert_schema failure
	assert_json '.error.code == "not_connected"'
}

@test "status: a healthy account" {
	connect_account
	run -0 calsync event add One --start "2026-03-10 10:00"
	run -0 calsync sync
	run --separate-stderr -0 calsync --json status --check
	assert_schema status
	assert_json '.healthy and .problems == [] and .queue == []'
	assert_json '.accounts[0] | .name == "work" and .state == "connected" and .ageSeconds < 60
		and .events == {local_only: 0, synced: 1, error: 0}
		and (.calendars | length) == 1 and .calendars[0].ageSeconds < 60 and (.calendars[0].late | not)'
	assert_json '.runs[0] | .account == "work" and .kind == "sync" and .success'
	run --separate-stderr -0 calsync status
	assert_matches "$output" 'work \(user1@example.com\): connected, last sync just now'
	assert_matches "$output" 'events: 1 synced, 0 only here, 0 refused'
	run --separate-stderr -0 calsync status --quiet
	assert_equal "$output" ""
}

@test "status: what waits is listed, with its tries and the reason" {
	connect_account
	fake_google_stop
	run -0 calsync event add Waiting --start "2026-03-10 10:00"
	run -0 calsync event add Held --start "2026-03-11 10:00" --no-sync
	run --separate-stderr -0 calsync --json status
	assert_schema status
	assert_json '.queue | length == 1 or length == 2'
	assert_json '.queue[] | select(.summary == "Waiting") | .op == "create" and .state == "queued"
		and .attempts >= 1 and (.lastError | type) == "string" and .account == "work"'
	assert_json '.accounts[0].events.local_only == 2'
	run --separate-stderr -0 calsync status
	assert_matches "$output" 'Waiting +create +queued +[1-9]'
}

@test "status: --check is 1 when a calendar is late" {
	connect_account
	run -0 calsync sync
	run -0 calsync status --check
	printf '[status]\nlate_after = 1s\n' >"$XDG_CONFIG_HOME/calsync/config"
	sleep 2.1
	run --separate-stderr -1 calsync --json status --check
	assert_schema status
	assert_json '(.healthy | not) and .problems[0].kind == "late" and .accounts[0].calendars[0].late'
	# Without --check it only tells.
	run --separate-stderr -0 calsync status
	assert_matches "$output" "calendar 'user1@example.com' was last synced"
	# One that nobody wants synced is not late.
	run -0 calsync calendars deselect primary
	run -0 calsync status --check
	printf '[status]\nlate_after = soon\n' >"$XDG_CONFIG_HOME/calsync/config"
	run --separate-stderr -2 calsync status
	assert_matches "$stderr" 'status.late_after'
}

@test "status: --check is 3 when an account must be connected again" {
	connect_account
	fake_google_expire access_tokens refresh_tokens
	run -3 calsync sync
	run --separate-stderr -3 calsync --json status --check
	assert_schema status
	assert_json '.problems[0] | .kind == "reconnect" and (.message | contains("calsync connect work"))'
	connect_account
	run -0 calsync sync
	run -0 calsync status --check
}

@test "status: --check is 1 after a failed sync and for refused events" {
	connect_account
	fake_google_fault '{"method": "GET", "match": "/events", "times": 0, "action": "status", "status": 403,
		"domain": "global", "reason": "forbidden", "message": "Forbidden"}'
	run -1 calsync sync
	run --separate-stderr -1 calsync --json status --check
	assert_schema status
	assert_json 'any(.problems[]; .kind == "calendar") and (.runs[0].success | not)'
	fake_google_no_faults
	run -0 calsync sync
	run -0 calsync status --check
	fake_google_fault '{"method": "POST", "match": "/events", "action": "status", "status": 400,
		"domain": "global", "reason": "invalid", "message": "Invalid Value"}'
	run calsync event add Refused --start "2026-03-10 10:00"
	run --separate-stderr -1 calsync --json status --check
	assert_json 'any(.problems[]; .kind == "refused") and .accounts[0].events.error == 1'
}

@test "status: --format prometheus" {
	connect_account
	run -0 calsync sync
	# A name of the time when connect still took such ones.
	sqlite3 "$CALSYNC_STORE" "UPDATE account SET name = 'a \"quoted\" \\name'"
	run --separate-stderr -0 calsync status --format prometheus
	assert_matches "$output" 'calsync_account_state\{account="a \\"quoted\\" \\\\name",state="connected"\} 1'
	assert_matches "$output" 'calsync_problems 0'
	# Every sample belongs to a metric that was announced, and is a number.
	awk '/^# TYPE /{known[$3]=1; next} /^#/{next}
		{name=$0; sub(/[{ ].*/, "", name); if (!known[name] || $NF !~ /^[0-9]+$/) {print "bad: " $0; bad=1}}
		END{exit bad || length(known) < 6}' <<<"$output"
	run --separate-stderr -0 calsync status --format json
	assert_schema status
}

@test "status: of several accounts, and of one" {
	fake_google_account user2@example.com
	connect_account work
	connect_account home user2@example.com
	run -0 calsync sync --all
	run --separate-stderr -0 calsync --json status
	assert_json '[.accounts[].name] == ["home", "work"] and ([.runs[].account] | unique) == ["home", "work"]'
	run --separate-stderr -0 calsync --json status -a home
	assert_json '[.accounts[].name] == ["home"] and ([.runs[].account] | unique) == ["home"]'
}

@test "status: a store of a newer calsync is refused and left as it is" {
	connect_account
	sqlite3 "$CALSYNC_STORE" 'PRAGMA user_version = 999; PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
	sum=$(sha256sum <"$CALSYNC_STORE")
	for command in status accounts sync "event list" "connect work" "disconnect work"; do
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr -1 calsync --json $command
		assert_failure_json store
		assert_matches "$stderr" 'newer'
	done
	assert_equal "$(sha256sum <"$CALSYNC_STORE")" "$sum"
}

@test "status: a key that is gone is told and not replaced" {
	connect_account
	mv "$XDG_CONFIG_HOME/calsync/key" "$HOME/kept"
	run --separate-stderr -1 calsync --json sync
	assert_json '.error.code == "secret"'
	run --separate-stderr -1 calsync --json status --check
	assert_json '.healthy == false and (.problems | length) == 1 and (.runs[0].error | contains("key"))'
	run --separate-stderr -1 calsync --json connect work
	assert_failure_json secret
	[ ! -e "$XDG_CONFIG_HOME/calsync/key" ]
	mv "$HOME/kept" "$XDG_CONFIG_HOME/calsync/key"
	run -0 calsync sync
	# A key that will not come back.
	rm "$XDG_CONFIG_HOME/calsync/key"
	run -0 calsync connect work --force
	run -0 calsync sync
}

@test "status: push channels: expiry, first message, last change, and what is trouble" {
	connect_account
	fake_google_config '{"allow_http_webhook": true}'
	run -0 calsync sync
	run --separate-stderr -0 calsync --json status
	assert_json '.channels == [] and .notifications == []'
	BACKEND_URL=http://127.0.0.1:9 calsync -q watch
	hook=$CALSYNC_STORE-webhook
	run -0 calsync sync
	# Just made: nobody can know.
	run --separate-stderr -0 calsync --json status --check
	assert_schema status
	assert_json '.channels | length == 1 and (.[0] | .state == "active" and .account == "work"
		and .calendar == "user1@example.com" and .verified == null and .lastMessage == null)'
	sqlite3 "$CALSYNC_STORE" 'UPDATE channel SET created_ms = created_ms - 11 * 60000'
	run --separate-stderr -1 calsync --json status --check
	assert_schema status
	assert_json '[.problems[].kind] == ["channel"] and (.problems[0].message | contains("webhookd"))
		and .channels[0].silenceSeconds > 600'
	run --separate-stderr -0 calsync status
	assert_matches "$output" 'push channels:'
	assert_matches "$output" 'user1@example.com +work +active +20[0-9-]+ [0-9:]+ +never +never'
	# The first message; then it is quiet, which is no trouble.
	sqlite3 "$hook" "UPDATE channel SET verified_ms = $(date +%s)000 - 86400000"
	run --separate-stderr -0 calsync --json status --check
	assert_json '.channels[0].silenceSeconds > 86000'
	run --separate-stderr -0 calsync status --format prometheus
	assert_matches "$output" 'calsync_channel_expiration_timestamp_seconds\{account="work",calendar="user1@example.com"\} [1-9]'
	assert_matches "$output" 'calsync_channel_last_message_timestamp_seconds\{[^}]*\} 0'
	assert_matches "$output" 'calsync_notifications_waiting 0'
	# Ended.
	sqlite3 "$CALSYNC_STORE" 'UPDATE channel SET expiration_ms = 1000'
	run --separate-stderr -1 calsync --json status --check
	assert_json '.problems[0] | .kind == "channel" and (.message | contains("calsync renew-watches"))'
	run --separate-stderr -0 calsync status
	assert_matches "$output" 'ended'
	# Stopped on purpose, or not synced any more, it is no trouble that there is none.
	run -0 calsync stop-watch
	run --separate-stderr -0 calsync --json status --check
	assert_json '.channels == []'
}

@test "status: push channels: one that the webhook does not know" {
	connect_account
	fake_google_config '{"allow_http_webhook": true}'
	run -0 calsync sync
	BACKEND_URL=http://127.0.0.1:9 calsync -q watch
	rm "$CALSYNC_STORE-webhook"*
	run --separate-stderr -1 calsync --json status --check
	assert_json '.problems[0] | .kind == "channel" and (.message | contains("calsync renew-watches"))'
	BACKEND_URL=http://127.0.0.1:9 run -0 calsync renew-watches
	run -0 calsync sync
	run -0 calsync status --check
}

@test "status: a webhook database that cannot be read is trouble for who relies on it" {
	connect_account
	fake_google_config '{"allow_http_webhook": true}'
	run -0 calsync sync
	hook=$CALSYNC_STORE-webhook
	# Nobody relies on it yet.
	printf 'not a database, and longer than sixteen bytes' >"$hook"
	run --separate-stderr -0 calsync --json status --check
	assert_matches "$stderr" 'not a webhook database'
	rm "$hook"
	BACKEND_URL=http://127.0.0.1:9 calsync -q watch
	run -0 calsync sync
	run -0 calsync status --check
	# Foreign, and damaged behind its header: the pages of its tables.
	sqlite3 "$hook" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
	for damage in foreign pages; do
		cp "$hook" whole
		if [ "$damage" = foreign ]; then
			printf 'not a database, and longer than sixteen bytes' >"$hook"
		else
			dd if=/dev/urandom of="$hook" bs=4096 seek=1 count=4 conv=notrunc status=none
		fi
		run --separate-stderr -1 calsync --json status --check
		assert_schema status
		assert_json '.healthy == false and [.problems[].kind] == ["webhook"] and .problems[0].account == null'
		assert_json ".problems[0].message | contains(\"$hook\") and contains(\"calsync doctor\")"
		run --separate-stderr -0 calsync status
		assert_matches "$output" "what Google announced waits, and is not synced: .*$hook"
		run --separate-stderr -0 calsync status --format prometheus
		refute_matches "$output" 'notifications_waiting|channel_verified'
		assert_matches "$output" 'calsync_problems 1'
		cp whole "$hook"
	done
	run -0 calsync status --check
}
