# shellcheck disable=SC2154,SC2030,SC2031
# Somebody has taken the receiver over, and makes of the webhook's database what he likes: that may
# cost notifications and syncs, but neither memory, nor time without end, nor another file. What can
# be made of it at all is tests/unit/test_store_hook_hostile.c's.
load helpers

setup() {
	calsync_setup
	fake_google_start
	fake_google_config '{"allow_http_webhook": true}'
	export BACKEND_URL=http://127.0.0.1:9
	HOOK=$CALSYNC_STORE-webhook
	connect_account work
	calsync -q watch
	calsync -q sync --queued
}

teardown() {
	calsync_teardown
}

# bounded STATUS ARG...: with little memory, and an end.
bounded() {
	local status=$1 memory_kib=1000000
	shift
	case $BUILD_DIR in */san) memory_kib=unlimited ;; esac # its shadow is terabytes
	# shellcheck disable=SC2016
	run --separate-stderr "-$status" timeout 20 bash -c 'ulimit -v "$1"; shift; "$@"' - "$memory_kib" calsync "$@"
}

# all_say REGEX: who reads the database fails, and tells what the mend is.
all_say() {
	local args
	for args in watch renew-watches 'sync --queued'; do
		# shellcheck disable=SC2086 # words
		bounded 1 $args
		assert_matches "$stderr" "$1.*remove it with its -wal, -shm and -journal, then run 'calsync renew-watches' and 'calsync sync'"
	done
	bounded 0 status
	assert_matches "$output$stderr" "$1"
}

# mended: by what the message says.
mended() {
	rm -f "$HOOK" "$HOOK"-{wal,shm,journal}
	run -0 calsync renew-watches
	run -0 calsync sync
	assert_equal "$(sqlite3 "$HOOK" 'SELECT count(*) FROM channel')" 1
	run -0 calsync status
	! grep -E "does not know|webhook database" <<<"$output" || return 1
}

@test "hostile webhook database: views without an end take neither memory nor time" {
	sqlite3 "$HOOK" "DROP TABLE channel; CREATE VIEW channel AS
		WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
		SELECT CAST(n AS TEXT) AS channel_id, n AS calendar_id, zeroblob(32) AS token_hash, NULL AS resource_id,
			1 AS created_ms, 1 AS verified_ms, 1 AS last_message_ms, 1 AS last_number, 1 AS messages FROM c;
		DROP TABLE wake; CREATE VIEW wake AS
		WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
		SELECT n AS calendar_id, n AS ticket, n AS at_ms, 0 AS is_seen FROM c"
	all_say "is not a webhook database of calsync as it should be \(its tables are not ours\)"
	mended
}

@test "hostile webhook database: a channel without an id ends no command" {
	sqlite3 "$HOOK" "DROP TABLE channel; CREATE TABLE channel (channel_id, calendar_id, token_hash, resource_id,
			created_ms, verified_ms, last_message_ms, last_number, messages);
		INSERT INTO channel VALUES (NULL, 1, zeroblob(32), NULL, 1, 1, 1, 1, 1)"
	all_say "its tables are not ours"
	mended
}

@test "hostile webhook database: no symlink in its place is followed" {
	rm -f "$HOOK"*
	: >victim
	chmod 600 victim
	ln -s "$PWD/victim" "$HOOK"
	run --separate-stderr -1 calsync watch
	assert_matches "$stderr" "'$HOOK': it is a symlink"
	run --separate-stderr -1 calsync sync --queued
	assert_equal "$(stat -c '%a %s' victim)" '600 0'
	ln -sf "$CALSYNC_STORE" "$HOOK"
	run --separate-stderr -1 calsync watch
	mended
}

@test "hostile webhook database: a journal beside it does not remove the store" {
	# As SQLite leaves it of a transaction of several files; it would remove the one that is named.
	sqlite3 "$HOOK" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
	python3 - "$HOOK-journal" "$CALSYNC_STORE" <<-'END'
		import struct, sys
		magic, name = bytes.fromhex("d9d505f920a163d7"), sys.argv[2].encode()
		head = magic + struct.pack(">5I", 0, 0, 5, 512, 4096)
		tail = struct.pack(">I", 0x40000000 // 4096 + 1) + name + struct.pack(">2I", len(name), sum(name)) + magic
		open(sys.argv[1], "wb").write(head.ljust(512, b"\0") + tail)
	END
	run --separate-stderr -1 calsync sync --queued
	[ -s "$CALSYNC_STORE" ]
	run -0 calsync status
	mended
}
