# shellcheck disable=SC2154,SC2030,SC2031
# What the options of `sync` mean, and what its answer and exit status say.
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

second_account() {
	fake_google_account user2@example.com
	connect_account home user2@example.com
}

forbid_events() {
	fake_google_fault "$(jq -nc --arg m "$1" '{method: "GET", match: $m, times: 0, action: "status",
		status: 403, domain: "global", reason: "forbidden", message: "Forbidden"}')"
}

@test "sync options: people get a line for what changed and a summary" {
	fake_google_event One >/dev/null
	fake_google_event Two >/dev/null
	run -0 calsync event add Three --start "2026-03-10 10:00" --no-sync
	run --separate-stderr -0 calsync sync
	assert_equal "$stderr" ""
	assert_equal "${#lines[@]}" 2
	assert_equal "${lines[0]}" 'user1@example.com: 2 created here'
	assert_matches "${lines[1]}" '^1 account, 1 calendar: 2 changes here, 0 at Google, [0-9]+ requests$'
	run --separate-stderr -0 calsync sync
	assert_equal "${#lines[@]}" 1
	run --separate-stderr -0 calsync sync --quiet
	assert_equal "$output$stderr" ""
}

@test "sync options: several accounts at a time, each in its own process" {
	second_account
	fake_google_event One >/dev/null
	fake_google_event Two 2026-03-10T12:00:00Z '{}' user2@example.com >/dev/null
	for jobs in 1 4; do
		run --separate-stderr -0 calsync --json sync --all --jobs $jobs
		assert_schema sync
		assert_json '[.accounts[].account] == ["home", "work"] and all(.accounts[]; .success)'
	done
	run -0 calsync --json event list
	assert_json '[.[].summary] | sort == ["One", "Two"]'
	# Jobs run side by side: two of them wait for a slow Google no longer than one.
	fake_google_fault '{"match": "/events", "times": 0, "action": "delay", "delay_ms": 1500}'
	start=$(date +%s%N)
	run --separate-stderr -0 calsync --json sync --all --jobs 2
	ms=$((($(date +%s%N) - start) / 1000000))
	[ "$ms" -lt 2900 ] || { echo "took $ms ms" >&2; false; }
}

@test "sync options: requests are the sum of what was sent" {
	second_account
	fake_google_forget_log
	run --separate-stderr -0 calsync --json sync --all
	assert_json '.requests == ([.accounts[].requests] | add)'
	assert_equal "$(jq .requests <<<"$output")" "$(fake_google_requests length)"
}

@test "sync options: --all leaves disconnected accounts alone" {
	second_account
	run -0 calsync disconnect home
	run --separate-stderr -0 calsync --json sync --all
	assert_json '[.accounts[].account] == ["work"]'
	run -0 calsync disconnect work
	run --separate-stderr -3 calsync --json sync --all
	assert_json '.error.code == "not_connected"'
}

@test "sync options: exit status 7, and which account failed" {
	second_account
	fake_google POST /sandbox/expire '{"refresh_tokens": true, "access_tokens": true, "account": "user2@example.com"}'
	for jobs in 1 4; do
		run --separate-stderr -7 calsync --json sync --all --jobs $jobs
		assert_schema sync
		assert_json '(.success | not) and .error.code == "token_expired"
			and (.message | startswith("Calendar token expired."))'
		assert_json '[.accounts[] | [.account, .success, .error.code]] == [["home", false, "token_expired"], ["work", true, null]]'
		assert_matches "$stderr" '^calsync: home: Calendar token expired\..*calsync connect home'
		assert_one_line_error
	done
	run --separate-stderr -3 calsync --json sync -a home
	assert_matches "$stderr" '^calsync: Calendar token expired\.'
}

@test "sync options: one forbidden calendar of two is 7, the only one is 1" {
	fake_google POST /sandbox/calendars '{"account": "user1@example.com", "id": "team@group.calendar.google.com",
		"summary": "Team", "accessRole": "writer"}'
	run -0 calsync sync
	run -0 calsync calendars select Team
	forbid_events 'team%40group'
	run --separate-stderr -7 calsync --json sync
	assert_schema sync
	assert_json '[.accounts[0].calendars[] | [.calendar, .success]] | sort
		== [["team@group.calendar.google.com", false], ["user1@example.com", true]]'
	assert_matches "$stderr" 'Team'
	run --separate-stderr -1 calsync --json sync --calendar Team
	assert_schema sync
	assert_json '.error.code == "google" and .accounts[0].calendars[0].success == false'
}

@test "sync options: --calendar by title, id and 'primary', selected or not" {
	fake_google POST /sandbox/calendars '{"account": "user1@example.com", "id": "team@group.calendar.google.com",
		"summary": "Team", "accessRole": "writer"}'
	run -0 calsync sync
	for name in Team team@group.calendar.google.com; do
		run --separate-stderr -0 calsync --json sync --calendar $name
		assert_json '[.accounts[0].calendars[].calendar] == ["team@group.calendar.google.com"]'
	done
	run --separate-stderr -0 calsync --json sync --calendar=primary
	assert_json '[.accounts[0].calendars[].calendar] == ["user1@example.com"]'
	run --separate-stderr -5 calsync --json sync --calendar Nowhere
	assert_schema failure
	# With --all, those who have none are left out.
	second_account
	run --separate-stderr -0 calsync --json sync --all --calendar Team
	assert_json '[.accounts[].account] == ["work"]'
	run --separate-stderr -0 calsync --json sync --all --calendar primary
	assert_json '[.accounts[] | .calendars[].calendar] == ["user2@example.com", "user1@example.com"]'
	run --separate-stderr -5 calsync --json sync --all --calendar Nowhere
}

@test "sync options: --start and --end take the phrases of people" {
	fake_google_event In 2026-03-10T10:00:00+01:00 >/dev/null
	fake_google_event Out 2026-03-12T10:00:00+01:00 >/dev/null
	# A day that is the end takes part.
	run --separate-stderr -0 calsync --json sync --start 2026-03-09 --end 2026-03-10
	assert_json '.stats.created == 1'
	run -0 calsync --json event list
	assert_json '[.[].summary] == ["In"]'
	run -0 calsync sync --start today --end +3d
	store_dump >before
	for bad in "--start 2026-03-09" "--end tomorrow" "--start tomorrow --end today" \
		"--start 31.12.2026 --end tomorrow" "--start today --end +3d --full"; do
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr -2 calsync --json sync $bad
		assert_schema failure
		assert_one_line_error
	done
	diff before <(store_dump)
}

@test "sync options: --full forgets sync tokens" {
	run -0 calsync sync
	fake_google_forget_log
	run -0 calsync sync
	assert_equal "$(fake_google_requests '[.[] | select(.path | endswith("/events")) | .query | contains("syncToken")]')" '[true]'
	fake_google_forget_log
	run --separate-stderr -0 calsync --json sync --full
	assert_json '.accounts[0].calendars[0].full'
	assert_equal "$(fake_google_requests '[.[] | select(.path | endswith("/events")) | .query | contains("syncToken")]')" '[false]'
}

@test "sync options: --allow-deletes lets a sweep of that size pass" {
	for i in $(seq 12); do
		fake_google_event "Event $i" >/dev/null
	done
	run -0 calsync sync
	for id in $(fake_google_events | jq -r '.[].id'); do
		fake_google_delete "$id"
	done
	# A tombstone says that an event was deleted; a full listing only does not show it.
	run --separate-stderr -1 calsync --json sync --full
	assert_schema sync
	assert_json '.error.code == "mass_delete"'
	assert_matches "$stderr" '12'
	run --separate-stderr -1 calsync sync --full --allow-deletes 11
	assert_equal "$(calsync --json event list | jq length)" 12
	run --separate-stderr -0 calsync --json sync --full --allow-deletes 12
	assert_json '.stats.deleted == 12'
	assert_equal "$(calsync --json event list | jq length)" 0
}

@test "sync options: --wait waits for another sync, without it the holder is named" {
	fake_google_fault '{"match": "/events", "times": 1, "action": "delay", "delay_ms": 1500}'
	calsync sync >"$BATS_TEST_TMPDIR/first" 2>&1 3>&- &
	pid=$!
	sleep 0.5
	run --separate-stderr -1 calsync --json sync
	assert_schema sync
	assert_json '.error.code == "locked"'
	assert_matches "$stderr" "$pid"
	run --separate-stderr -0 calsync --json sync --wait 10
	wait "$pid"
}

@test "sync options: --exit-code is 8 when anything changed, 0 when nothing did" {
	fake_google_event One >/dev/null
	run --separate-stderr -8 calsync --json sync --exit-code
	assert_schema sync
	assert_json '.success'
	run -0 calsync sync --exit-code
}

# jobs_of PID: its child processes, oldest first, once there are two.
jobs_of() {
	local pids
	for _ in $(seq 100); do
		pids=$(cat "/proc/$1/task/$1/children" 2>/dev/null || pgrep -P "$1" || true)
		[ "$(wc -w <<<"$pids")" -lt 2 ] || break
		sleep 0.05
	done
	echo "$pids"
}

@test "sync options: a job that is killed fails its account alone" {
	second_account
	fake_google_fault '{"match": "/events", "times": 0, "action": "delay", "delay_ms": 1500}'
	calsync --json sync --all --jobs 2 >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	pid=$!
	first=$(jobs_of "$pid" | tr ' ' '\n' | head -1)
	kill -KILL "$first"
	status=0
	wait "$pid" || status=$?
	assert_equal "$status" 7
	output=$(cat "$BATS_TEST_TMPDIR/out")
	assert_schema sync
	assert_json '[.accounts[] | .success] == [false, true]
		and (.accounts[0].error.message | contains("without an answer"))'
	fake_google_no_faults
	run -0 calsync sync --all
}

@test "sync options: jobs end with the process that started them" {
	second_account
	fake_google_fault '{"match": "/events", "times": 0, "action": "delay", "delay_ms": 8000}'
	calsync sync --all --jobs 2 >/dev/null 2>&1 3>&- &
	pid=$!
	jobs=$(jobs_of "$pid" | tr ' ' '\n')
	first=$(sed -n 1p <<<"$jobs") second=$(sed -n 2p <<<"$jobs")
	[ -n "$second" ]
	kill -KILL "$pid"
	wait "$pid" || true
	for _ in $(seq 40); do
		kill -0 "$first" 2>/dev/null || kill -0 "$second" 2>/dev/null || break
		sleep 0.05
	done
	run ! kill -0 "$first"
	run ! kill -0 "$second"
	fake_google_no_faults
	run -0 calsync sync --all
}

@test "sync options: bad values" {
	store_dump >before
	for bad in "--jobs 0" "--jobs 65" "--jobs many" "--wait -1" "--wait 1x" "--allow-deletes" \
		"--allow-deletes=1e3" "--conflict oldest" "--all -a work" "--frob" "--dry" "extra" \
		"--all=yes" "--jobs 99999999999999999999"; do
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr -2 calsync --json sync $bad
		assert_schema failure
		assert_json '.error.code == "usage"'
		assert_one_line_error
	done
	diff before <(store_dump)
	run -0 calsync sync --conflict merge
}

@test "sync --all: more accounts than files that may be open" {
	# They fail at once, as nobody has logged in again: what counts is that all are answered for.
	sqlite3 "$CALSYNC_STORE" "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
		INSERT INTO account (name, email, state, base_url, auth, scopes, read_only, connected_ms,
			token_expires_ms, last_sync_ms, not_before_ms)
		SELECT 'dead' || i, '', 'reauth_required', '', 'installed', '', 0, 0, 0, 0, 0 FROM n"
	few() {
		ulimit -n 48
		timeout 30 calsync --json sync --all "$@" 2>/dev/null
	}
	for jobs in 4 64; do
		run -7 --separate-stderr few --jobs "$jobs"
		assert_json '.accounts | length == 61 and (map(select(.success)) | length == 1)'
		assert_json 'all(.accounts[] | select(.success | not); .error.code == "token_expired")'
	done
}
