#!/usr/bin/env bats
load helpers

setup() {
	calsync_setup
	fake_google_start
}

teardown() {
	calsync_teardown
}

@test "connect: the browser's consent ends in a proven login" {
	run --separate-stderr -0 calsync --json connect work
	assert_json '.success and .account.name == "work" and .account.email == "user1@example.com"
		and .account.state == "connected" and (.account.readOnly | not)
		and (.calendars | length) == 1 and .calendars[0].primary and .calendars[0].selected'
	# Traded, refreshed once, then listed.
	assert_equal "$(fake_google_requests '[.[] | select(.path == "/token")] | length')" 2
	assert_json '.account.lastSync == null'
	assert_no_violations
}
