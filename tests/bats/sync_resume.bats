# shellcheck disable=SC2154
# A first sync that is killed between two pages.
load helpers

setup() {
	calsync_setup
	fake_google_start
	fake_google_config '{"max_page": 4}'
	for i in $(seq 20); do fake_google_event "Event $i" >/dev/null; done
	connect_account
}

teardown() {
	calsync_teardown
}

# lists: how many pages of events were asked for.
lists() {
	fake_google_requests '[.[] | select(.method == "GET" and (.path | endswith("/events")))] | length'
}

# killed_at_page N: a sync that is killed while it waits for page N.
killed_at_page() {
	local pid seen
	fake_google_forget_log
	fake_google_fault "{\"match\": \"pageToken\", \"after\": $(($1 - 2)), \"times\": 0,
		\"action\": \"delay\", \"delay_ms\": 20000}"
	calsync sync >/dev/null 2>&1 3>&- &
	pid=$!
	for _ in $(seq 100); do
		seen=$(lists)
		[ "$seen" -lt "$1" ] || break
		sleep 0.1
	done
	kill -KILL "$pid"
	wait "$pid" || true
	fake_google_no_faults
	fake_google_forget_log
}

@test "sync: a first sync that is killed goes on behind its last page" {
	killed_at_page 4
	assert_equal "$(calsync --json event list | jq length)" 12
	run --separate-stderr -0 calsync --json sync
	assert_json '.accounts[0].calendars[0].full'
	assert_equal "$(lists)" 2
	assert_equal "$(calsync --json event list | jq length)" 20
	run --separate-stderr -0 calsync --json sync
	assert_json '.requests == 2 and .stats == {created: 0, updated: 0, deleted: 0}'
	assert_no_violations
}

@test "sync: --full does not go on, it begins anew" {
	killed_at_page 4
	run -0 calsync sync --full
	assert_equal "$(lists)" 5
	assert_equal "$(calsync --json event list | jq length)" 20
}
