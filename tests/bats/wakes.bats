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
			JOIN account USING (account_id) WHERE name = '$name' AND is_primary"), 1000, $(date +%s)000, 0
			WHERE true ON CONFLICT DO UPDATE SET ticket = ticket + 1, is_seen = 0"
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

# A file of another user's that nobody else may open. As root: with the rights that any user has.
# Sets AS: the command to put before calsync.
take_away() {
	AS=()
	if [ "$(id -u)" -eq 0 ]; then
		chown 65534 "$HOOK"
		chmod 600 "$HOOK"
		AS=(setpriv "--bounding-set=-dac_override,-dac_read_search")
	else
		chmod 000 "$HOOK"
	fi
}

@test "wakes: a sync that cannot read what Google announced does the rest, and says so" {
	local args
	fake_google_event 'Seen by asking' >/dev/null
	printf 'not a database, and longer than sixteen bytes' >"$HOOK"
	run --separate-stderr -7 calsync --json -q sync --all
	assert_schema sync
	assert_matches "$stderr" "^calsync: what Google announced waits, and is not synced: '$HOOK' is not a webhook database of calsync.*; 'calsync doctor' says more$"
	assert_json '.success == false and .error.code == "store"'
	assert_json "(.error.message | contains(\"'$HOOK' is not a webhook database\")) and .message == .error.message"
	assert_json '[.accounts[] | {account, success}] == [{account: "home", success: true}, {account: "work", success: true}]'
	assert_json '.stats.created == 1'
	for args in '-a work' '-a work --calendar primary'; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr -7 calsync --json sync $args
		assert_json '.error.code == "store" and [.accounts[].success] == [true]'
	done
	# What takes no notifications does not miss them.
	run -0 calsync sync --all --dry-run
	run -0 calsync sync -a work --start 2026-03-01 --end 2026-03-31
	run --separate-stderr -0 calsync --json queue
	assert_schema queue
	# Mended.
	rm "$HOOK"*
	run -0 calsync sync --all
}

@test "wakes: sync --queued fails while it cannot read what Google announced, and sends what waits" {
	rm "$HOOK"*
	mkdir "$HOOK"
	run --separate-stderr -1 calsync --json -q sync --queued
	assert_schema sync
	assert_json '.success == false and .error.code == "store" and .accounts == []'
	assert_matches "$stderr" "database '$HOOK': not a regular file"
	run --separate-stderr -1 calsync sync --queued
	assert_equal "$output" ''
	fake_google POST /sandbox/faults '{"action": "status", "status": 503, "times": 0}' >/dev/null
	run -0 calsync -q -a work event add 'On its way' --start 2026-03-10T10:00:00Z
	fake_google DELETE /sandbox/faults >/dev/null
	sqlite3 "$CALSYNC_STORE" 'UPDATE outbox SET not_before_ms = 0'
	run --separate-stderr -1 calsync --json -q sync --queued --all
	assert_schema sync
	assert_json '.success == false and .error.code == "store" and .pushed.created == 1'
	assert_json '[.accounts[] | {account, success}] == [{account: "work", success: true}]'
}

@test "wakes: a bell that cannot be silenced is a failure of sync --queued" {
	announce work
	rm "$HOOK-wake"
	mkdir "$HOOK-wake"
	run --separate-stderr -1 calsync -q sync --queued
	assert_matches "$stderr" "what Google announced waits.*cannot remove '$HOOK-wake'"
	rmdir "$HOOK-wake"
	run -0 calsync -q sync --queued
	assert_equal "$(wakes)" 0
}

@test "wakes: who may not open the webhook's database is told whose it is" {
	announce work
	take_away
	run --separate-stderr -1 "${AS[@]}" calsync --json -q sync --queued
	assert_matches "$stderr" "what Google announced waits.*'$HOOK' is of user '[^']+' and group '[^']+' \\(mode 0[06]00\\), and this is user '$(id -un)'; 'calsync doctor'"
	assert_json '.error.code == "store"'
	assert_equal "$(AS=(); [ "$(id -u)" -eq 0 ] || chmod 600 "$HOOK"; wakes)" 1
}

@test "wakes: a store that is begun anew has what lies beside it" {
	announce work
	rm "$CALSYNC_STORE"
	connect_account work
	[ -e "$HOOK" ]
	run -0 --separate-stderr calsync sync
	assert_equal "$stderr" ""
	run -0 calsync watch
	announce work
	run -0 --separate-stderr calsync --json sync --queued
	assert_json '[.accounts[].account] == ["work"]'
	run -0 --separate-stderr calsync --json doctor --offline
	assert_json '[.findings[] | select(.check == "webhook") | .status] == ["ok"]'
}

# The other store's calendars have the same numbers as this one's.
@test "wakes: another store's database is left alone: its wakes, its channels, its next try" {
	local channels other="'$HOOK' is another store's; name another file for this one \\(webhook.database, CALSYNC_WEBHOOK_DB\\); or, .*then run 'calsync renew-watches'"
	fake_google_account user3@example.com
	CONSENT_ACCOUNT=user3@example.com calsync --quiet --db "$HOME/second.db" connect second
	second() {
		CALSYNC_WEBHOOK_DB=$HOOK calsync --db "$HOME/second.db" "$@"
	}
	announce work home
	sqlite3 "$HOOK" 'UPDATE next_try SET at_ms = 5'
	channels=$(sqlite3 "$HOOK" 'SELECT channel_id FROM channel ORDER BY 1')
	assert_equal "$(wc -l <<<"$channels")" 2
	run --separate-stderr -2 second --json sync --queued
	assert_schema sync
	assert_matches "$stderr" "^calsync: webhook database $other"
	run --separate-stderr -7 second sync
	assert_matches "$stderr" "$other"
	run --separate-stderr -2 second watch
	assert_matches "$stderr" "$other"
	run --separate-stderr -0 second --json queue
	assert_json '. == []'
	assert_matches "$stderr" "what Google announced is not shown: webhook database $other"
	run --separate-stderr -0 second --json status
	assert_json '.notifications == []'
	assert_matches "$stderr" "what the webhook knows is not shown: webhook database $other"
	# What has no channels needs none to go.
	run -0 second renew-watches
	run -0 second stop-watch
	run --separate-stderr second --json doctor
	assert_json '[.findings[] | select(.check == "webhook") | {status, message}] == [{status: "warning",
		message: "'"'$HOOK'"' is another store'"'"'s: this one hears nothing through it"}]'
	assert_equal "$(wakes)" 2
	assert_equal "$(sqlite3 "$HOOK" 'SELECT at_ms FROM next_try')" 5
	assert_equal "$(sqlite3 "$HOOK" 'SELECT channel_id FROM channel ORDER BY 1')" "$channels"
	# A backup of the first one is the first one.
	sqlite3 "$CALSYNC_STORE" "VACUUM INTO '$HOME/backup.db'"
	mv "$HOME/backup.db" "$CALSYNC_STORE"
	rm -f "$CALSYNC_STORE"-wal "$CALSYNC_STORE"-shm
	run --separate-stderr -0 calsync --json sync --queued
	assert_json '[.accounts[].account] == ["home", "work"]'
	# Its owner is gone for good.
	rm -f "$HOOK" "$HOOK"-*
	run -0 second watch
	assert_equal "$(sqlite3 "$HOOK" 'SELECT count(*) FROM channel')" 1
}

@test "wakes: without a webhook nothing is made" {
	rm -f "$HOOK"*
	run -0 calsync sync --all
	run -0 calsync queue
	run -0 calsync status
	[ ! -e "$HOOK" ]
	[ ! -e "$HOOK-wake" ]
}
