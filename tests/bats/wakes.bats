# shellcheck disable=SC2154,SC2030,SC2031
# What Google announced, from the webhook's database into the queue and through a sync. The receiver
# itself is webhookd.bats'.
load helpers
load schema

setup() {
	calsync_setup
	fake_google_start
	fake_google_config '{"allow_http_webhook": true}'
	export BACKEND_URL=http://127.0.0.1:9
	HOOK=$CALSYNC_STORE-webhook
	fake_google_account user2@example.com
	connect_account home user2@example.com
	connect_account work
	calsync -q -a work watch
	calsync -q -a home watch
	calsync -q sync --queued
}

teardown() {
	calsync_teardown
}

# announce NAME...: as the receiver would
announce() {
	local name
	for name; do
		sqlite3 "$HOOK" "INSERT INTO wake SELECT $(sqlite3 "$CALSYNC_STORE" "SELECT calendar_id FROM calendar
			JOIN account USING (account_id) WHERE name = '$name' AND is_primary"), 1000, $(date +%s)000
			WHERE true ON CONFLICT DO UPDATE SET ticket = ticket + 1"
	done
	: >"$HOOK-wake"
}

wakes() {
	sqlite3 "$HOOK" 'SELECT count(*) FROM wake'
}

@test "wakes: the first watch asks for a sync: changes before it told nobody" {
	rm "$HOOK"
	run -0 calsync -a work watch
	assert_equal "$(wakes)" 1
	[ -e "$HOOK-wake" ]
	run --separate-stderr -0 calsync --json sync --queued
	assert_json '[.accounts[].account] == ["work"]'
	assert_equal "$(wakes)" 0
	[ ! -e "$HOOK-wake" ]
}

@test "wakes: queue and status show them, sync --queued serves them" {
	announce work home
	run --separate-stderr -0 calsync --json queue
	assert_schema queue
	assert_json '[.[] | {account, op, state, reason}] == [
		{account: "home", op: "sync", state: "queued", reason: "Google announced a change"},
		{account: "work", op: "sync", state: "queued", reason: "Google announced a change"}]'
	run --separate-stderr -0 calsync --json queue -a work
	assert_json 'length == 1'
	run --separate-stderr -0 calsync --json status
	assert_schema status
	assert_json '[.notifications[].account] == ["home", "work"]'
	# To look changes nothing.
	assert_equal "$(wakes)" 2
	run --separate-stderr -0 calsync --json sync --queued -a work
	assert_json '[.accounts[].account] == ["work"] and (.accounts[0].calendars | length) == 1'
	assert_equal "$(wakes)" 1
	[ -e "$HOOK-wake" ]
	run --separate-stderr -0 calsync --json sync --queued
	assert_json '[.accounts[].account] == ["home"]'
	assert_equal "$(wakes)" 0
	run --separate-stderr -0 calsync --json status
	assert_json '.notifications == []'
}

@test "wakes: every sync serves those of its calendars, and none else" {
	announce work home
	run -0 calsync sync -a work --dry-run
	run -0 calsync sync -a work --start 2026-03-01 --end 2026-03-31
	assert_equal "$(wakes)" 2
	run -0 calsync sync -a work
	assert_equal "$(wakes)" 1
	run -0 calsync sync --all
	assert_equal "$(wakes)" 0
	run --separate-stderr -0 calsync --json queue
	assert_json '. == []'
}

@test "wakes: queue retry and drop know them" {
	announce work home
	run --separate-stderr -0 calsync --json queue drop -a work user1@example.com
	assert_schema queue-drop
	run --separate-stderr -0 calsync --json queue
	assert_json '[.[].account] == ["home"]'
	run -0 calsync queue retry --all
	run --separate-stderr -0 calsync --json sync --queued
	assert_json '[.accounts[].account] == ["home"]'
}

@test "wakes: a webhook's database that cannot be read does not keep a sync away" {
	printf 'not a database, and longer than sixteen bytes' >"$HOOK"
	run --separate-stderr -0 calsync --json sync --all
	assert_schema sync
	assert_matches "$stderr" 'notifications wait for the next sync.*not a webhook database'
	run --separate-stderr -0 calsync --json queue
	assert_schema queue
	run --separate-stderr -0 calsync --json status
	assert_schema status
}

@test "wakes: without a webhook nothing is made" {
	rm -f "$HOOK"*
	run -0 calsync sync --all
	run -0 calsync queue
	run -0 calsync status
	[ ! -e "$HOOK" ]
	[ ! -e "$HOOK-wake" ]
}
