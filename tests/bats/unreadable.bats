# shellcheck disable=SC2154
# One event that Google sends so that nobody can read it.
load helpers
load schema

setup() {
	calsync_setup
	fake_google_start
	connect_account
	for i in 1 2 3; do fake_google_event "Event $i" >/dev/null; done
}

teardown() {
	calsync_teardown
}

damage() {
	fake_google_fault '{"method": "GET", "match": "/events", "action": "damage", "n": 2}'
}

@test "sync: one unreadable event is set aside, the others come" {
	damage
	run --separate-stderr -0 calsync --json sync
	assert_schema sync
	assert_json '.success and .accounts[0].unreadable == 1 and .stats.created == 2'
	assert_matches "$stderr" '1 event\(s\) from Google cannot be read'
	run --separate-stderr -0 calsync --json event list --sync-status error
	assert_schema event-list
	assert_json 'length == 1 and .[0].pendingOp == null
		and (.[0].lastSyncError | contains("'\''start'\'' is no time"))'
	id=$(json '.[0].id')
	run -0 calsync event list
	assert_matches "$output" 'unreadable'
	assert_equal "$(calsync --json event list --sync-status synced | jq length)" 2
	# Nothing of it waits, and nothing is asked again.
	assert_equal "$(calsync --json queue)" '[]'
	run --separate-stderr -0 calsync --json sync
	assert_json '.requests == 2 and .accounts[0].unreadable == 0'
	run --separate-stderr -1 calsync --json status --check
	assert_schema status
	assert_json '[.problems[].kind] == ["unreadable"]'
	run --separate-stderr -2 calsync --json event edit "$id" --title Mine
	assert_failure_json invalid
	assert_matches "$stderr" 'can be deleted, but not changed'
}

@test "sync: an unreadable event becomes a normal one with the next version" {
	damage
	calsync --quiet sync 2>/dev/null
	run --separate-stderr -0 calsync --json sync --full
	assert_json '.stats.updated == 1 and .accounts[0].unreadable == 0'
	assert_equal "$(calsync --json event list --sync-status synced | jq length)" 3
	run -0 calsync status --check
}

@test "sync: an unreadable event can be deleted" {
	damage
	calsync --quiet sync 2>/dev/null
	id=$(calsync --json event list --sync-status error | jq -r '.[0].id')
	run -0 calsync event rm "$id"
	assert_equal "$(fake_google_events | jq length)" 2
	assert_equal "$(calsync --json event list | jq length)" 2
	run -0 calsync status --check
}
