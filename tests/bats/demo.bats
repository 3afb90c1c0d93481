#!/usr/bin/env bats
# make demo: it tells the truth, and cleans up behind itself.
load helpers

setup() {
	calsync_setup
	export CALSYNC_BUILD=$BUILD_DIR TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir -p "$TMPDIR"
	TOP=$BATS_DIR/../..
}

teardown() {
	calsync_teardown
}

# Nothing in the temporary folder, in the home, and no sandbox that was started there.
assert_nothing_left() {
	assert_equal "$(find "$TMPDIR" "$HOME" -mindepth 1 ! -path "$XDG_RUNTIME_DIR")" ''
	local file
	for file in /proc/[0-9]*/cmdline; do
		if tr '\0' ' ' <"$file" 2>/dev/null | grep -qF -- "--port-file $TMPDIR/"; then
			echo "still running: $file" >&2
			return 1
		fi
	done
}

@test "demo: shows each command before its output, ends with equal sides, leaves nothing" {
	run -0 --separate-stderr bash "$TOP/contrib/demo.sh"
	local command
	for command in 'connect work' sync 'event list' 'event add' 'event edit' 'event rm' status; do
		assert_matches "$output" $'\n'"\\$ calsync $command"
	done
	assert_matches "$output" 'the same here and at Google, field by field'
	assert_nothing_left
}

@test "demo: takes Google event JSON in place of the built-in calendar" {
	jq -c '.items[0]' "$TOP/tests/data/demo/calendar.json" >"$BATS_TEST_TMPDIR/one.json"
	run -0 --separate-stderr bash "$TOP/contrib/demo.sh" "$BATS_TEST_TMPDIR/one.json"
	assert_matches "$output" '1 created here'
	assert_nothing_left
}

@test "demo: a file that is no calendar data fails, and leaves nothing" {
	echo '{"kind": "calendar#events", "items": [' >"$BATS_TEST_TMPDIR/broken.json"
	run --separate-stderr bash "$TOP/contrib/demo.sh" "$BATS_TEST_TMPDIR/broken.json"
	[ "$status" -ne 0 ]
	# shellcheck disable=SC2154 # stderr is set by run
	assert_matches "$stderr" 'demo: FAILED'
	assert_nothing_left
}

@test "demo: ended in the middle, it leaves nothing" {
	bash "$TOP/contrib/demo.sh" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	local demo=$!
	for _ in $(seq 200); do
		! grep -q '^listening on' "$BATS_TEST_TMPDIR/out" || break
		sleep 0.05
	done
	kill -TERM "$demo"
	local status=0
	wait "$demo" || status=$?
	[ "$status" -ne 0 ]
	grep -q 'demo: FAILED' "$BATS_TEST_TMPDIR/out"
	assert_nothing_left
}

@test "both-sides: equal after a sync; notices a field, an event too few, and an edit that waits" {
	local compare=$TOP/tests/both-sides.sh
	fake_google_start --load "$TOP/tests/data/demo/calendar.json"
	connect_account
	calsync --quiet sync
	run -0 bash "$compare" --count user1@example.com
	assert_equal "$output" 16
	sqlite3 "$CALSYNC_STORE" "UPDATE event SET resource = json_set(resource, '\$.colorId', '3')
		WHERE summary = 'Dentist'"
	run -1 bash "$compare" user1@example.com
	sqlite3 "$CALSYNC_STORE" "UPDATE event SET resource = json_remove(resource, '\$.colorId')
		WHERE summary = 'Dentist'"
	run -0 bash "$compare" user1@example.com
	sqlite3 "$CALSYNC_STORE" "DELETE FROM event WHERE cancelled = 1"
	run -1 bash "$compare" user1@example.com
	calsync --quiet sync --full
	run -0 bash "$compare" user1@example.com
	fake_google_fault '{"match": "/events", "action": "status", "status": 503, "times": 0}'
	calsync --quiet event add 'Waits' --start 2027-05-01
	fake_google_no_faults
	run -1 bash "$compare" user1@example.com
}

@test "both-sides: an event without a time must be set aside, and no other event" {
	local compare=$TOP/tests/both-sides.sh
	jq -c '.items[0] | [., (.id = "timeless1" | .start = {date: "2027-01-05T10:00:00Z"})]' \
		"$TOP/tests/data/demo/calendar.json" >"$BATS_TEST_TMPDIR/two.json"
	fake_google_start --load "$BATS_TEST_TMPDIR/two.json"
	connect_account
	calsync --quiet sync
	run -0 bash "$compare" --count user1@example.com
	assert_equal "$output" 2
	run -0 calsync event list --json --no-expand --sync-status error
	assert_json 'map(.id) == ["timeless1"] and .[0].start == null'
	sqlite3 "$CALSYNC_STORE" "UPDATE event SET sync_status = 'synced', last_error = NULL"
	run -1 bash "$compare" user1@example.com
	sqlite3 "$CALSYNC_STORE" "UPDATE event SET sync_status = 'error', last_error = 'cannot be read'"
	run -1 bash "$compare" user1@example.com
}
