#!/usr/bin/env bats
# The scripts of `desktop` are for the shell in its session.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
# The key that seals the logins: a file, the desktop's keyring (a real gnome-keyring), a systemd
# credential; another key, another place.

load helpers
load schema

setup() {
	calsync_setup
	fake_google_start
}

teardown() {
	fake_google_stop
	calsync_teardown
}

key_file() {
	printf '%s/calsync/key' "$XDG_CONFIG_HOME"
}

# desktop SCRIPT: in a session with an unlocked keyring of its own; bats' descriptors stay outside. With
# KEYRING=locked it is locked again, KEYRING=none leaves nobody on the bus, KEYRING=hung stops it.
desktop() {
	local status=0
	mkdir -p "$HOME/run"
	chmod 700 "$HOME/run"
	timeout 60 dbus-run-session -- bash -c '
		# Until it has its name on the bus, who asks for that starts a second one.
		start() {
			eval "$(printf secret | gnome-keyring-daemon --unlock --components=secrets 2>/dev/null)"
			for _ in $(seq 200); do
				keyring=$(dbus-send --session --print-reply=literal --dest=org.freedesktop.DBus / \
					org.freedesktop.DBus.GetConnectionUnixProcessID \
					string:org.freedesktop.secrets 2>/dev/null | grep -o "[0-9]*$") && break
				sleep 0.05
			done
		}
		[ "${KEYRING:-open}" = none ] || start
		bats_require_minimum_version() { :; }
		source "$BATS_DIR/helpers.bash"
		eval "$1"
		status=$?
		[ -z "${keyring:-}" ] || kill -KILL "$keyring"
		exit $status' desktop "$1" 3>&- || status=$?
	end_keyrings
	return "$status"
}
export BATS_DIR

# One that the bus has started may wait for one that is stopped, and hold what `run` reads from.
end_keyrings() {
	local pid
	for pid in $(pgrep -u "$(id -u)" gnome-keyring-d); do
		tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | grep -qxF "HOME=$HOME" || continue
		kill -KILL "$pid" 2>/dev/null || true
	done
}

@test "key: a store without one says so" {
	run calsync key status
	[ "$status" -eq 0 ]
	[[ $output == *"no key yet"* ]]
	run calsync key rotate
	[ "$status" -eq 3 ]
}

@test "key: a new store keeps its key in a file where there is no keyring" {
	connect_account work
	run --separate-stderr calsync key status --json
	[ "$status" -eq 0 ]
	assert_schema key-status
	assert_json '.provider == "file" and .secrets > 0 and .damaged == [] and .error == null and .interrupted == false'
	assert_json ".location == \"$(key_file)\""
}

# own_key: the key file of the store's own, when the first rotation has made it
own_key() {
	printf '%s.%s' "$(key_file)" "$(sqlite3 "$CALSYNC_STORE" "SELECT value FROM meta WHERE key = 'key_id'")"
}

# key_files: all that lies there
key_files() {
	find "$XDG_CONFIG_HOME/calsync" -name 'key*' ! -name key.stores | sort | tr '\n' ' '
}

@test "key rotate: every login is sealed with another key, and works" {
	connect_account work
	before=$(cat "$(key_file)")
	run --separate-stderr calsync key rotate --json
	[ "$status" -eq 0 ]
	assert_schema key-change
	assert_json ".success and .secrets > 0 and .location == \"$(key_file)\" and .left == null"
	assert_equal "$(stat -c '%a %s' "$(key_file)")" '600 65'
	[ "$before" != "$(cat "$(key_file)")" ]
	assert_equal "$(key_files)" "$(key_file) "
	run calsync sync
	[ "$status" -eq 0 ]
	# the old one opens nothing
	printf '%s\n' "$before" >"$(key_file)"
	run --separate-stderr calsync sync --json
	[ "$status" -eq 1 ]
	assert_json '.error.code == "secret"'
	[[ $output == *"not the one that this store"* ]]
}

# shared_key: another store uses the key file, too
shared_key() {
	CONSENT_ACCOUNT=user1@example.com calsync --db "$HOME/other.db" --quiet connect work
}

@test "key rotate: where other stores use the key file, the store gets one of its own" {
	connect_account work
	before=$(cat "$(key_file)")
	shared_key
	run --separate-stderr calsync key rotate --json
	[ "$status" -eq 0 ]
	assert_schema key-change
	assert_json ".success and .secrets > 0 and .location == \"$(own_key)\" and .left == \"$(key_file)\""
	assert_equal "$(stat -c '%a %s' "$(own_key)")" '600 65'
	assert_equal "$(cat "$(key_file)")" "$before"
	[ "$(cat "$(own_key)")" != "$before" ]
	assert_equal "$(key_files)" "$(key_file) $(own_key) "
	run -0 calsync sync
	# From then on in its place, and nothing more is left.
	first=$(cat "$(own_key)")
	run --separate-stderr -0 calsync key rotate --json
	assert_schema key-change
	assert_json ".location == \"$(own_key)\" and .left == null"
	[ "$(cat "$(own_key)")" != "$first" ]
	assert_equal "$(key_files)" "$(key_file) $(own_key) "
	run -0 calsync key status
	assert_matches "$output" "location  $(own_key)"
}

@test "key rotate: other stores of the same key file go on with it" {
	connect_account work
	shared_key
	run -0 calsync key rotate
	assert_matches "$output" "the old key file is left, .*shred -u '$(key_file)'"
	for db in "$CALSYNC_STORE" "$HOME/other.db"; do
		run -0 calsync --db "$db" sync
		run -0 calsync --db "$db" key status
	done
	run -0 --separate-stderr calsync --db "$HOME/other.db" key rotate --json
	assert_json ".left == \"$(key_file)\""
	theirs=$(json .location)
	[ "$theirs" != "$(own_key)" ]
	rm "$(key_file)" # as it says
	# Each has a key file now, and further rotations, logins and moves touch no other one.
	for db in "$CALSYNC_STORE" "$HOME/other.db"; do
		run -0 calsync --db "$db" key rotate
		run -0 calsync --db "$db" sync
	done
	run -0 desktop "calsync key move secret-service && calsync sync && calsync --db $HOME/other.db sync"
	assert_equal "$(key_files)" "$theirs "
}

@test "key rotate: a store is known again by its path, and others are never overlooked" {
	# A login that failed, a store that was begun anew: it is the same one.
	connect_account work
	rm "$CALSYNC_STORE"
	connect_account work
	run -0 --separate-stderr calsync key rotate --json
	assert_json '.left == null'
	assert_equal "$(cat "$(key_file).stores")" "$CALSYNC_STORE"
	# No list, one that is not to be read, one that was moved: the key may be another one's, too.
	mv "$CALSYNC_STORE" "$HOME/moved.db"
	run -0 --separate-stderr calsync --db "$HOME/moved.db" key rotate --json
	assert_json ".left == \"$(key_file)\""
	rm -r "$HOME/moved.db"* "$(key_file)".*
	connect_account work
	rm "$(key_file).stores"
	run -0 --separate-stderr calsync key rotate --json
	assert_json ".left == \"$(key_file)\""
}

@test "key rotate: a renewal that is under way comes to its end first" {
	connect_account work
	hold_renewal 1
	run -0 calsync key rotate
	[ -e "$HOME/renewed" ]
	run -0 calsync sync
}

@test "key rotate: more accounts than a process has descriptors to begin with" {
	connect_account work
	columns=$(sqlite3 "$CALSYNC_STORE" "SELECT group_concat(name) FROM pragma_table_info('account')
		WHERE name NOT IN ('account_id', 'name')")
	sqlite3 "$CALSYNC_STORE" "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
		INSERT INTO account (name, $columns) SELECT 'a' || i, $columns FROM account, n"
	ulimit -S -n 64
	run -0 calsync key rotate
	run -0 calsync -a work sync
	ulimit -H -n 64
	run -1 calsync key rotate
	assert_matches "$output" '101 accounts are to be locked, but this process may have only 64 files open'
	run -0 calsync -a work sync
}

# check_interrupted KEY_FILE: before and after the commit of a rotation, the store opens, and the next one
# finishes it
check_interrupted() {
	local key=$1 old new left
	old=$(cat "$key")
	# before: the next key lies there, the store knows nothing of it; another one was being written
	for left in "$key.next" "$key.next.tmp" "$key.tmp"; do
		install -m 600 <(printf '%064d\n' 7) "$left"
	done
	run calsync sync
	[ "$status" -eq 0 ]
	run calsync key rotate
	[ "$status" -eq 0 ]
	assert_equal "$(key_files)" "$key "
	new=$(cat "$key")
	# after: the store is the next one's, the old one still in its place
	install -m 600 <(printf '%s\n' "$new") "$key.next"
	install -m 600 <(printf '%s\n' "$new") "$key.tmp"
	printf '%s\n' "$old" >"$key"
	run calsync sync
	[ "$status" -eq 0 ]
	[[ $output == *"calsync key rotate"* ]]
	run --separate-stderr calsync key status --json
	assert_json '.interrupted'
	run calsync key rotate
	[ "$status" -eq 0 ]
	[[ $output == *"finished"* ]]
	[ "$(cat "$key")" = "$new" ]
	assert_equal "$(key_files)" "$key "
	run calsync sync
	[ "$status" -eq 0 ]
}

@test "key rotate: interrupted before and after its commit, the store opens, and the next one finishes it" {
	connect_account work
	check_interrupted "$(key_file)"
	shared_key
	calsync --quiet key rotate
	rm "$(key_file)"
	check_interrupted "$(own_key)"
}

@test "key rotate: one that is finished when another store uses the file, too" {
	connect_account work
	cp "$(key_file)" "$HOME/old"
	calsync --quiet key rotate
	mv "$(key_file)" "$(key_file).next"
	cp -p "$HOME/old" "$(key_file)"
	shared_key
	run -0 calsync key rotate
	cmp "$HOME/old" "$(key_file)"
	assert_equal "$(key_files)" "$(key_file) $(own_key) "
	run -0 calsync sync
	run -0 calsync --db "$HOME/other.db" sync
}

@test "key rotate: the first one beside a shared file, interrupted before its commit, leaves nothing behind" {
	connect_account work
	shared_key
	sqlite3 "$CALSYNC_STORE" "INSERT INTO meta VALUES ('key_id', 'abc')"
	for left in .abc .abc.tmp; do
		install -m 600 <(printf '%064d\n' 7) "$(key_file)$left"
	done
	run -0 calsync sync
	run -0 calsync key status
	refute_matches "$output" interrupted
	run -0 calsync key rotate
	assert_equal "$(key_files)" "$(key_file) $(key_file).abc "
	[ "$(cat "$(key_file).abc")" != "$(printf %064d 7)" ]
	run -0 calsync sync
}

@test "key rotate: what is in its way is told, and nothing is left" {
	connect_account work
	key=$(key_file)
	before=$(cat "$key")
	mkdir "$key.next"
	run -1 calsync key rotate
	assert_matches "$output" "cannot replace '$key.next': Is a directory"
	assert_equal "$(key_files)" "$key $key.next "
	assert_equal "$(cat "$key")" "$before"
	rmdir "$key.next"
	# Links are replaced, not followed.
	ln -s "$HOME/elsewhere" "$key.next"
	ln -s "$HOME/elsewhere" "$key.next.tmp"
	run -0 calsync key rotate
	[ ! -e "$HOME/elsewhere" ]
	assert_equal "$(key_files)" "$key "
	[ ! -L "$key" ]
	run -0 calsync sync
}

@test "key rotate: a login that does not open stops it, and is kept" {
	connect_account work
	sqlite3 "$CALSYNC_STORE" "UPDATE secret SET sealed = zeroblob(60) WHERE field = 'access_token'"
	before=$(store_dump | grep -c .)
	key=$(cat "$(key_file)")
	run --separate-stderr calsync key rotate --json
	[ "$status" -eq 1 ]
	assert_json '.error.code == "secret"'
	[ "$key" = "$(cat "$(key_file)")" ]
	[ "$(store_dump | grep -c .)" = "$before" ]
	run --separate-stderr calsync key status --json
	[ "$status" -eq 1 ]
	assert_schema key-status
	assert_json '.damaged == [{"account": "work", "secret": "access_token"}]'
}

@test "key rotate: what the store holds under a name that nothing knows is sealed anew, or stops it" {
	connect_account work
	sqlite3 "$CALSYNC_STORE" "INSERT INTO secret SELECT account_id, 'of a later version', zeroblob(60) FROM account"
	run --separate-stderr calsync key status --json
	[ "$status" -eq 1 ]
	assert_json '.damaged == [{"account": "work", "secret": "of a later version"}]'
	key=$(cat "$(key_file)")
	run calsync key rotate
	[ "$status" -eq 1 ]
	[[ $output == *"of a later version"* ]]
	[ "$key" = "$(cat "$(key_file)")" ]
	assert_equal "$(key_files)" "$(key_file) "
}

@test "key: a value of another account does not open" {
	connect_account work
	fake_google_account user2@example.com
	connect_account home user2@example.com
	sqlite3 "$CALSYNC_STORE" "UPDATE secret SET sealed = (SELECT s.sealed FROM secret s JOIN account a USING (account_id)
		WHERE a.name = 'home' AND s.field = 'refresh_token')
		WHERE field = 'refresh_token' AND account_id = (SELECT account_id FROM account WHERE name = 'work')"
	run --separate-stderr calsync key status --json
	[ "$status" -eq 1 ]
	assert_json '.damaged == [{"account": "work", "secret": "refresh_token"}]'
}

lock_keyring='gdbus call --session -d org.freedesktop.secrets -o /org/freedesktop/secrets -m \
	org.freedesktop.Secret.Service.Lock "[\"/org/freedesktop/secrets/collection/login\"]" >/dev/null'

@test "keyring: the first connect keeps the key there, later runs find it" {
	run desktop 'connect_account work && calsync key status --json && calsync sync &&
		secret-tool search --all xdg:schema org.calsync.Key 2>/dev/null | grep -c "^label = calsync key"'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'"provider":"secret-service"'* ]]
	[ "${lines[-1]}" = 1 ]
	[ ! -e "$(key_file)" ]
}

# For `desktop`: asked COMMAND... says how often it asked the keyring; each question opens a session there.
asked='asked() {
	rm -f "$HOME/monitor" # the last one says that it is ready
	dbus-monitor --session "type=method_call,member=OpenSession" "type=method_call,member=Ping" \
		>"$HOME/monitor" 2>&1 3>&- &
	local monitor=$!
	until grep -qs NameLost "$HOME/monitor"; do sleep 0.05; done
	"$@" >"$HOME/said" 2>&1 || echo "status $?"
	gdbus call --session -d org.freedesktop.secrets -o / -m org.freedesktop.DBus.Peer.Ping >/dev/null
	until grep -q member=Ping "$HOME/monitor"; do sleep 0.05; done
	kill "$monitor"
	echo "$1 $2: $(grep -c "^method call.*member=OpenSession" "$HOME/monitor")"
}
'

@test "keyring: a command asks it once, and only when it needs the key; connect reads it back" {
	run --separate-stderr -0 desktop "$asked"'
		connect_account work
		asked calsync sync
		asked calsync status
		asked calsync doctor --offline
		asked calsync key status
		asked calsync event add Lunch --start 2026-03-02T12:00
		asked calsync accounts list
		asked connect_account work
		asked calsync disconnect work'
	assert_equal "$output" "calsync sync: 1
calsync status: 0
calsync doctor: 1
calsync key: 1
calsync event: 1
calsync accounts: 0
connect_account work: 2
calsync disconnect: 1"
}

@test "keyring: a first login that fails leaves no key in it" {
	fake_google_fault '{"match": "calendarList?", "times": 0, "action": "status", "status": 403}'
	run -4 desktop 'connect_account work; status=$?
		secret-tool search --all xdg:schema org.calsync.Key 2>/dev/null; exit $status'
	[[ $output == *"cannot list the calendars"* ]]
	[[ $output != *"calsync key"* ]]
}

@test "keyring: a store without a key is told at once, whatever the keyring does" {
	connect_account work
	sqlite3 "$CALSYNC_STORE" "DELETE FROM meta WHERE key LIKE 'key%'"
	run -0 desktop 'kill -STOP "$keyring"
		start=${EPOCHREALTIME/./}
		calsync sync
		echo "sync $?"
		calsync key rotate
		echo "rotate $?"
		calsync key move file
		echo "move $?, took $(((${EPOCHREALTIME/./} - start) / 1000000)) s"'
	assert_matches "$output" 'has no key yet.*sync 3.*has no key yet.*rotate 3.*has no key yet.*move 3, took [01] s'
}

@test "keyring: locked, without a terminal, is told and changes nothing" {
	run desktop "connect_account work && $lock_keyring; calsync sync --json </dev/null"
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *'"code":"secret"'* ]]
	[[ $output == *locked* ]]
}

@test "keyring: locked or stopped at the first login, another place is taken, and told" {
	export CONSENT_ACCOUNT=user1@example.com
	mend='to bring it there later: calsync key move secret-service'
	run -0 desktop "$lock_keyring; calsync connect work </dev/null"
	assert_matches "$output" "does not go into secret-service: .*keyring of the Secret Service is locked.*$mend"
	[ -s "$(key_file)" ]
	rm -r "$XDG_DATA_HOME/calsync" "$(key_file)"
	run -0 desktop 'kill -STOP "$keyring"; calsync connect work'
	assert_matches "$output" "does not go into secret-service: .*did not answer within 3 s.*$mend"
	rm -r "$XDG_DATA_HOME/calsync" "$(key_file)"
	# Where there is none nobody misses it: no keyring in it, no bus.
	rm -r "$XDG_DATA_HOME/keyrings"
	KEYRING=none run -0 desktop 'calsync connect work'
	refute_matches "$output" 'into secret-service'
	rm -r "$XDG_DATA_HOME/calsync" "$(key_file)"
	run -0 calsync connect work
	refute_matches "$output" 'into secret-service'
}

@test "keyring: gone, stopped, or emptied, the command says what is wrong within seconds" {
	run desktop 'connect_account work && kill -STOP "$keyring"
		start=$SECONDS; calsync sync; status=$?; echo "took $((SECONDS - start))"; (exit $status)'
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"did not answer within 3 s"* ]]
	[[ $output =~ took\ [0-5]$ ]]
	run calsync sync
	[ "$status" -eq 1 ]
	[[ $output == *"no session bus"* ]]
	KEYRING=none run desktop 'calsync sync'
	echo "$output"
	[ "$status" -eq 1 ]
	[[ ${output,,} == *secret?service* ]]
	rm -rf "$XDG_DATA_HOME/keyrings"
	run desktop 'calsync sync'
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"key"*"missing"* ]]
}

@test "keyring: doctor says how each trouble with it is mended" {
	mend='calsync --json doctor --offline </dev/null | jq -r ".findings[] | select(.check == \"key\") | .mend"'
	run -0 --separate-stderr desktop "connect_account work && $lock_keyring >/dev/null; $mend"
	assert_equal "$output" 'unlock the keyring: log in to the desktop, or, at a terminal: calsync key status'
	run -0 --separate-stderr desktop "kill -STOP \"\$keyring\"; $mend"
	assert_matches "$output" '^unlock the keyring, if it waits for a password; if it hangs, log out'
	# Started by the bus, it was never opened, and does not know what is in it.
	KEYRING=none run -0 --separate-stderr desktop "$mend"
	assert_matches "$output" '^unlock the keyring: log in'
	run -0 --separate-stderr bash -c "$mend"
	assert_equal "$output" 'run calsync in the session of the desktop whose keyring holds the key'
	rm -rf "$XDG_DATA_HOME/keyrings"
	run -0 --separate-stderr desktop "$mend"
	assert_matches "$output" '^put it back there; if it is lost: connect every account again'
}

@test "keyring: a wrong key in it is noticed, and kept as it is" {
	run desktop 'connect_account work && id=$(calsync key status --json | jq -r .location) &&
		printf %064d 7 | secret-tool store --label="calsync key" xdg:schema org.calsync.Key key-id "$id" &&
		calsync sync'
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"not the one"* ]]
	run desktop 'printf nonsense | secret-tool store --label="calsync key" xdg:schema org.calsync.Key key-id \
		"$(calsync key status --json 2>/dev/null | jq -r .location)" && calsync sync'
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"no key of 64 hex digits"* ]]
}

@test "keyring: a rotation that was interrupted there is finished by the next" {
	run -0 desktop 'connect_account work
		id=$(calsync key status --json | jq -r .location)
		put() { secret-tool store --label="calsync key" xdg:schema org.calsync.Key key-id "$1"; }
		look() { secret-tool lookup xdg:schema org.calsync.Key key-id "$1"; }
		key=$(look "$id")
		# before its commit
		printf %064d 7 | put "$id.next"
		calsync --quiet sync || exit 9
		calsync key rotate >/dev/null && [ "$(look "$id")" != "$key" ] && [ -z "$(look "$id.next")" ] || exit 8
		# after it
		key=$(look "$id")
		printf %s "$key" | put "$id.next"
		printf %064d 7 | put "$id"
		calsync sync || exit 7
		calsync key status
		calsync key rotate
		[ "$(look "$id")" = "$key" ] && [ -z "$(look "$id.next")" ] && calsync sync
		# and what is moved away leaves neither
		printf %064d 7 | put "$id.next"
		calsync --quiet key move file
		[ -z "$(look "$id")$(look "$id.next")" ] && calsync sync'
	assert_matches "$output" 'interrupted; to finish it: calsync key rotate'
	assert_matches "$output" 'change of the key that was interrupted is finished'
}

@test "key move: from the file into the keyring and back, and the logins work at each stop" {
	connect_account work
	run desktop 'calsync key move secret-service --json && calsync key status --json && calsync sync &&
		calsync key rotate && calsync sync && rm -f "$XDG_CONFIG_HOME/calsync/key" && calsync sync &&
		calsync key move file && calsync sync &&
		! secret-tool search --all xdg:schema org.calsync.Key 2>/dev/null | grep -q secret'
	echo "$output"
	[ "$status" -eq 0 ]
	run calsync key status
	[ "$status" -eq 0 ]
	[[ $output == *"provider  file"* ]]
	run calsync sync
	[ "$status" -eq 0 ]
}

@test "key move: what an interrupted one left is removed by the next" {
	connect_account work
	shared_key
	calsync --quiet key rotate
	rm "$(key_file)"*.stores "$(key_file)"
	key=$(own_key)
	for left in "$key.next" "$key.next.tmp" "$key.tmp"; do
		install -m 600 "$key" "$left"
	done
	export key
	run -0 desktop 'cp -p "$key" "$HOME/kept"
		calsync key move secret-service && [ -z "$(ls "$XDG_CONFIG_HOME/calsync")" ] || exit 9
		cp -p "$HOME/kept" "$key"; calsync key move secret-service; [ $? -eq 2 ] || exit 8
		[ -z "$(ls "$XDG_CONFIG_HOME/calsync")" ] && calsync sync && calsync key move file && calsync sync'
	assert_equal "$(key_files)" "$key "
}

@test "key move: a keyring that hangs is waited for once" {
	connect_account work
	run -0 desktop 'kill -STOP "$keyring"
		start=${EPOCHREALTIME/./}
		calsync key move secret-service
		echo "move $?, took $(((${EPOCHREALTIME/./} - start) / 1000)) ms"'
	assert_matches "$output" 'did not answer within 3 s.*move 1, took [34][0-9]{3} ms'
	run -0 calsync sync
}

@test "key: a systemd credential is read, never written" {
	mkdir "$BATS_TEST_TMPDIR/cred"
	printf '%064d\n' 5 >"$BATS_TEST_TMPDIR/cred/calsync-key"
	chmod 400 "$BATS_TEST_TMPDIR/cred/calsync-key"
	export CREDENTIALS_DIRECTORY=$BATS_TEST_TMPDIR/cred
	connect_account work
	run --separate-stderr calsync key status --json
	assert_json '.provider == "credential"'
	run calsync sync
	[ "$status" -eq 0 ]
	run calsync key rotate
	[ "$status" -eq 1 ]
	[[ $output == *"calsync key move file"* ]]
	run calsync key move file
	[ "$status" -eq 0 ]
	unset CREDENTIALS_DIRECTORY
	run calsync sync
	[ "$status" -eq 0 ]
	# and back: the key that lies there is used
	CREDENTIALS_DIRECTORY=$BATS_TEST_TMPDIR/cred run calsync key move credential
	[ "$status" -eq 0 ]
	[[ $output == *"shred -u"* ]]
	run calsync sync
	[ "$status" -eq 1 ]
	[[ $output == *CREDENTIALS_DIRECTORY* ]]
	chmod 444 "$BATS_TEST_TMPDIR/cred/calsync-key"
	CREDENTIALS_DIRECTORY=$BATS_TEST_TMPDIR/cred run calsync sync
	[ "$status" -eq 1 ]
	[[ $output == *"may be read"* ]]
}

@test "key: a credential that is there and wrong is not passed over for another place" {
	credential=$BATS_TEST_TMPDIR/cred/calsync-key
	export CREDENTIALS_DIRECTORY=${credential%/*}
	wrong() {
		run -1 connect_account work
		assert_matches "$output" "key.provider in the config names one: .*credential '$credential'$1.*LoadCredentialEncrypted="
		run -0 calsync --json accounts
		assert_equal "$output" '[]'
		[ ! -e "$(key_file)" ]
		rm -rf "$credential"
	}
	mkdir "$CREDENTIALS_DIRECTORY"
	install -m 444 <(printf '%064d\n' 5) "$credential"
	wrong ' may be read or written by others .mode 0444.'
	install -m 400 <(echo nonsense) "$credential"
	wrong ' does not hold one line of 64 hex digits'
	mkdir "$credential"
	wrong ' is not a regular file'
	ln -s /dev/null "$credential"
	wrong ': Too many levels of symbolic links'
	# None at all is none.
	connect_account work
	[ -s "$(key_file)" ]
}

@test "key: the configuration chooses, and does not change what was chosen" {
	mkdir -p "$XDG_CONFIG_HOME/calsync"
	printf '[key]\nprovider = file\n' >"$XDG_CONFIG_HOME/calsync/config"
	run desktop 'connect_account work && calsync key status --json'
	[[ $output == *'"provider":"file"'* ]]
	printf '[key]\nprovider = secret-service\n' >"$XDG_CONFIG_HOME/calsync/config"
	run calsync sync
	[ "$status" -eq 1 ]
	[[ $output == *"calsync key move secret-service"* ]]
	printf '[key]\nprovider = vault\n' >"$XDG_CONFIG_HOME/calsync/config"
	rm -f "$CALSYNC_STORE"*
	run connect_account work
	[ "$status" -eq 1 ]
	[[ $output == *"unknown key provider"* ]]
}

@test "key move: the mend for a changed key.provider works, and one against it is told" {
	mkdir -p "$BATS_TEST_TMPDIR/cred" "$XDG_CONFIG_HOME/calsync"
	connect_account work
	install -m 400 <(printf '%064d\n' 5) "$BATS_TEST_TMPDIR/cred/calsync-key"
	export CREDENTIALS_DIRECTORY=$BATS_TEST_TMPDIR/cred
	says() {
		printf '[key]\nprovider = %s\n' "$1" >"$XDG_CONFIG_HOME/calsync/config"
	}
	says credential
	run -1 calsync sync
	assert_matches "$output" "set key.provider = file, or bring the key there: calsync key move credential"
	run -0 --separate-stderr calsync --json key status
	assert_json '.provider == "file" and .error == null'
	assert_matches "$stderr" "which stops every other command; set key.provider = file there"
	run -0 --separate-stderr calsync key move credential
	assert_equal "$stderr" ''
	run -0 calsync sync
	says file
	run -1 calsync sync
	assert_matches "$output" 'calsync key move file'
	run -0 calsync key move file
	run -0 calsync sync
	# Against what the configuration says: done, and told.
	run -0 --separate-stderr calsync key move credential
	assert_matches "$stderr" "lives in 'credential', but key.provider in '.*/config' says 'file'.*; set key.provider = credential there"
	run -2 calsync key move credential
	assert_matches "$output" 'set key.provider = credential there'
	run -1 calsync sync
	says credential
	run -0 calsync sync
	says file
	run -0 calsync key move file
	run -0 --separate-stderr calsync key rotate
	assert_equal "$stderr" ''
	# What is no place is none to go to.
	says nonsense
	run -1 calsync sync
	assert_matches "$output" "unknown key provider 'nonsense' in the config: .*; set key.provider = file, or remove that line"
	run -0 --separate-stderr calsync key rotate
	assert_matches "$stderr" 'set key.provider = file there'
}

@test "key status: the account to connect again is named as a shell takes it" {
	connect_account 'my work'
	sqlite3 "$CALSYNC_STORE" "UPDATE secret SET sealed = zeroblob(60) WHERE field = 'refresh_token'"
	run -1 calsync key status
	assert_matches "$output" "refresh_token of account 'my work' does not open: calsync connect 'my work'"
}
