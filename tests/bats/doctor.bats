#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154
# One thing is wrong at a time: what doctor says of it, how to mend it, and the exit status.
load helpers
load schema

setup() {
	calsync_setup
	mkdir -p "$HOME/bin"
	export PATH=$HOME/bin:$PATH
	systemd_says enabled
	CONFIG=$XDG_CONFIG_HOME/calsync/config
	KEY=$XDG_CONFIG_HOME/calsync/key
}

teardown() {
	calsync_teardown
}

# systemd_says WORD [WORD-OF-THE-SYSTEM]: what systemctl is-enabled prints.
systemd_says() {
	cat >"$HOME/bin/systemctl" <<-SCRIPT
		#!/bin/sh
		echo "\$*" >>"$BATS_TEST_TMPDIR/systemctl.log"
		case \$1 in
		--user) echo '$1' ;;
		*) echo '${2:-$1}' ;;
		esac
	SCRIPT
	chmod +x "$HOME/bin/systemctl"
}

connected() {
	fake_google_start
	connect_account
	calsync --quiet sync
}

config() {
	mkdir -p "${CONFIG%/*}"
	printf '%s\n' "$@" >"$CONFIG"
	chmod 600 "$CONFIG"
}

# Every file with its mode, time and content; an index of a WAL holds the locks of its readers.
snapshot() {
	find "$HOME" -printf '%P %M %s %T@\n' | grep -v -e '-shm ' | sort
	find "$HOME" -type f ! -name '*-shm' -exec sha256sum {} + | sort
}

# doctor STATUS [OPTION...]: JSON in $output; nothing was changed, no token went out.
doctor() {
	local before
	before=$(snapshot)
	run "-$1" --separate-stderr calsync --json doctor "${@:2}"
	assert_schema doctor
	diff <(echo "$before") <(snapshot)
	assert_json '.success == (.findings | all(.status != "error"))'
	if [ -n "${FAKE_GOOGLE_PID:-}" ]; then
		assert_equal "$(fake_google_requests '[.[] | select(.path == "/") | select(.body != "" and .body != null
			or .headers.authorization)] | length')" 0
	fi
}

# as_anyone COMMAND...: calsync with the rights that any user has, also when this is root.
as_anyone() {
	[ "$(id -u)" -eq 0 ] || { "$@"; return; }
	# shellcheck disable=SC2317 # the arguments call it
	calsync() {
		setpriv --bounding-set=-dac_override,-dac_read_search calsync "$@"
	}
	"$@"
	unset -f calsync
}

# finding CHECK STATUS MESSAGE [MEND]: there is one, as regular expressions.
finding() {
	jq -e --arg c "$1" --arg s "$2" --arg m "$3" --arg d "${4:-}" '.findings | any(.check == $c and
		.status == $s and (.message | test($m)) and ((.mend // "") | test($d)))' <<<"$output" >/dev/null ||
		{ printf 'no finding: %s %s /%s/ /%s/\n%s\n' "$1" "$2" "$3" "${4:-}" "$(jq . <<<"$output")" >&2; false; }
}

# good CHECK...: nothing but ok.
good() {
	local check
	for check in "$@"; do
		assert_json ".findings | map(select(.check == \"$check\")) | length > 0 and all(.status == \"ok\")"
	done
}

# --- nothing is there, everything is well -----------------------------------------------------

@test "doctor: no configuration, no store, no network: no account is no error" {
	doctor 0 --offline
	finding config ok "there is no '.*/config', which is fine"
	finding database skipped 'there is no .*calsync.db'
	finding key skipped 'no account is connected'
	finding accounts skipped 'no account is connected' '^calsync connect$'
	finding network skipped '^--offline$'
	finding clock skipped '^--offline$'
	[ ! -e "$CALSYNC_STORE" ]
}

@test "doctor: an account that is in step: all is well" {
	connected
	doctor 0
	good config database key accounts network clock channel webhook timers
	finding accounts ok "'work' \(user1@example.com\) is connected and in step"
	finding database ok 'is whole \(full check, schema [0-9]+\)'
	finding key ok 'opens all [23] secrets'
	finding libraries ok 'SQLite [0-9.]+, libcurl [0-9.]+, libcrypto [0-9.]+, json-c [0-9.]+, libsmartcols [0-9.]+, libical [0-9.]+, libmicrohttpd [0-9.]+$'
	assert_no_violations
}

@test "doctor: for people: a line a finding, the mend below it" {
	connected
	fake_google_expire access_tokens refresh_tokens
	run -3 calsync sync
	run -3 --separate-stderr calsync doctor
	assert_equal "$stderr" ""
	assert_matches "$output" $'\n''ok       database   '
	assert_matches "$output" $'\n''error    accounts   Google takes the login .*'$'\n'' +-> calsync connect work'$'\n'
	assert_matches "${lines[-1]}" '^1 error, [0-9] warnings?$'
	refute_matches "$output" $'\e'
	run -3 calsync --color=always doctor
	assert_matches "$output" $'\e\\[.*error'
	run -3 --separate-stderr calsync --quiet doctor
	assert_equal "$output$stderr" ""
}

# --- the configuration ------------------------------------------------------------------------

@test "doctor: config: settings that nothing reads are named, with the one that is near" {
	config '[sync]' 'conflct = merge' '[google]' 'client_idd = x' '[days]' 'history = 3' '[histroy]' 'days = 3'
	doctor 0 --offline
	finding config warning 'nothing reads the setting sync.conflct' 'is sync.conflict meant'
	finding config warning 'nothing reads the setting google.client_idd' 'is google.client_id meant'
	finding config warning 'nothing reads the setting days.history' 'remove it'
	finding config warning 'nothing reads the setting histroy.days' 'is history.days meant'
}

@test "doctor: config: every setting that the program reads is known, and described" {
	local key
	while read -r key; do
		config "[${key%%.*}]" "${key#*.} = x"
		run calsync --json doctor --offline
		refute_matches "$output" 'nothing reads'
		grep -q "Cm $key\>" "$BATS_DIR/../../man/calsync.conf.5"
	done < <(grep -rhoE 'config_get\([^,]*, *"[a-z_]+\.[a-z_]+"' "$BATS_DIR/../../src" |
		sed 's/.*"\(.*\)"/\1/' | sort -u)
}

@test "doctor: config: values that mean nothing" {
	config '[sync]' 'conflict = mine' '[history]' 'days = -1' '[google]' 'project_units_per_minute = many' \
		'base_url = http://user:pw@example.org/x' '[key]' 'provider = paper' '[status]' 'late_after = soon' \
		'[connect]' 'timeout = never' '[store]' 'path = here.db'
	doctor 1 --offline
	finding config error "sync.conflict is 'mine': it is merge, newest" 'set it right'
	finding config error "history.days is '-1'"
	finding config error "google.project_units_per_minute is 'many'"
	finding config error 'google.base_url: it is https'
	finding config error "key.provider is 'paper'"
	finding config error "status.late_after is 'soon'"
	finding config warning "connect.timeout is 'never'"
	finding config warning "store.path is 'here.db'"
	refute_matches "$output" 'pw@'
}

@test "doctor: config: who else can read a secret, or change the file" {
	config '[google]' 'client_id = x' 'client_secret = very-secret'
	doctor 0 --offline
	good config
	chmod 644 "$CONFIG"
	doctor 0 --offline
	finding config warning 'holds a client secret and can be read by others \(mode 0644\)' "^chmod 600 '"
	refute_matches "$output" very-secret
	chmod 666 "$CONFIG"
	doctor 0 --offline
	finding config warning 'can be changed by others' "^chmod 600 '"
	config '[google]' 'client_id = x'
	chmod 644 "$CONFIG"
	doctor 0 --offline
	good config
}

@test "doctor: config: a file that is none, that is not there, that is a folder; checks go on" {
	connected
	config 'no ini at all'
	doctor 1
	finding config error 'config:1: neither' 'mend '
	good database key accounts network clock
	doctor 1 --offline --config missing.ini
	finding config error 'missing.ini' '--config'
	mkdir "$HOME/folder.ini"
	CALSYNC_CONFIG=$HOME/folder.ini doctor 1 --offline
	finding config error 'folder.ini'
	good database
}

@test "doctor: config: the environment" {
	CALSYNC_GOOGLE_BASE_URL=http://example.org doctor 1 --offline
	finding config error 'CALSYNC_GOOGLE_BASE_URL' 'unset CALSYNC_GOOGLE_BASE_URL'
	GOOGLE_CLIENT_SECRET=x doctor 0 --offline
	finding config warning 'GOOGLE_CLIENT_SECRET is set' 'GOOGLE_CLIENT_ID'
}

@test "doctor: config: no home at all" {
	run -1 --separate-stderr env -u HOME -u XDG_CONFIG_HOME -u XDG_DATA_HOME "$(command -v calsync)" --json doctor --offline
	assert_schema doctor
	finding config error 'HOME is not set' 'export HOME'
	finding database skipped 'nothing says where'
}

# --- the key ----------------------------------------------------------------------------------

# broken_key MESSAGE MEND: the one finding of the key is this error, and the mend all of that (regular
# expressions).
broken_key() {
	doctor 1 --offline
	finding key error "$1" "^($2)\$"
	assert_json '[.findings[] | select(.check == "key")] | length == 1'
}

lost='connect every account again \(calsync connect NAME\), the first with --force'

@test "doctor: key: each trouble of the file has a mend of its own" {
	connected
	mv "$KEY" kept
	put() { rm -rf "$KEY"; install -m 600 kept "$KEY"; }
	broken_key 'is missing' "put it back there; if it is lost: $lost"
	[ ! -e "$KEY" ]
	install -m 600 <(tr 0-9a-f 1-9a-f0 <kept) "$KEY"
	broken_key 'is not the one' "put the right one back there; if it is lost: $lost"
	echo nonsense >"$KEY"
	broken_key 'does not hold one line' "put the right one back there; if it is lost, remove this one and then $lost"
	ln -sf "$PWD/kept" "$KEY"
	broken_key 'is a symbolic link' 'put the file itself there, or name its real place as key.file in the config'
	rm "$KEY"
	mkfifo -m 600 "$KEY"
	broken_key 'not a regular file' "move it away, and put the key file there; if that is lost: $lost"
	rm "$KEY"
	mkdir -m 700 "$KEY"
	broken_key 'not a regular file' "move it away, and put the key file there; if that is lost: $lost"
	put
	chmod 644 "$KEY"
	broken_key 'may be read by others' "chmod 600 '$KEY'"
	# What is named does mend it.
	eval "$(json '.findings[] | select(.check == "key") | .mend')"
	doctor 0 --offline
	chmod 000 "$KEY"
	as_anyone broken_key 'cannot open' "chmod 600 '$KEY'"
	chmod 600 "$KEY"
	chmod 000 "${KEY%/*}"
	as_anyone broken_key 'cannot open' "chmod 700 '${KEY%/*}'"
	chmod 700 "${KEY%/*}"
	good database accounts
	[ "$(id -u)" -eq 0 ] || return 0
	chown 12345 "$KEY"
	broken_key 'belongs to another user' "run calsync as that user, or, as root: chown 0 '$KEY'"
}

@test "doctor: key: a place that the settings do not allow, a keyring or a credential that is not there" {
	connected
	config '[key]' 'provider = credential'
	broken_key "lives in 'file', but key.provider says 'credential'" \
		"set key.provider = file in '$CONFIG', or bring the key there: calsync key move credential"
	rm "$CONFIG"
	sqlite3 "$CALSYNC_STORE" "UPDATE meta SET value = 'credential' WHERE key = 'key_provider'"
	broken_key 'CREDENTIALS_DIRECTORY is not set' \
		'run calsync by its service, for which systemd places the key \(LoadCredentialEncrypted=, see calsync-key\(1\)\)'
	sqlite3 "$CALSYNC_STORE" "UPDATE meta SET value = 'secret-service' WHERE key = 'key_provider'"
	unset DBUS_SESSION_BUS_ADDRESS
	broken_key 'no session bus' 'run calsync in the session of the desktop whose keyring holds the key'
}

@test "doctor: key: a change that was interrupted" {
	connected
	run -0 calsync key rotate
	mv "$KEY" "$KEY.next"
	install -m 600 <(printf '%064d\n' 7) "$KEY"
	doctor 0 --offline
	assert_equal "$stderr" ''
	finding key warning '^a change of the key was interrupted$' '^calsync key rotate$'
	assert_json '[.findings[] | select(.check == "key")] | length == 1'
	run -0 calsync key rotate
	doctor 0 --offline
	good key
}

@test "doctor: the commands that it names can be typed as they stand" {
	connected
	calsync -q accounts rename work 'my work; touch x'
	word="'my work; touch x'"
	fake_google_fault '{"method": "POST", "match": "/events", "action": "status", "status": 400, "reason": "invalid"}'
	run calsync event add Refused --start 2026-03-10
	fake_google_expire access_tokens refresh_tokens
	run -3 calsync sync
	doctor 3 --offline
	finding accounts error 'takes the login' "^calsync connect $word\$"
	sqlite3 "$CALSYNC_STORE" "UPDATE account SET state = 'connected', last_error = 'x', last_sync_ms = 1"
	doctor 0 --offline
	finding accounts warning 'last sync of .* failed' "^calsync -a $word sync\$"
	finding accounts warning 'last good sync' "^calsync -a $word sync\$"
	finding accounts warning 'refused 1 change' "^calsync -a $word queue\$"
	sqlite3 "$CALSYNC_STORE" "UPDATE secret SET sealed = zeroblob(60) WHERE field = 'refresh_token'"
	doctor 1 --offline
	finding key error 'does not open what account' "^put .*: calsync connect $word\$"
	sqlite3 "$CALSYNC_STORE" "UPDATE account SET state = 'disconnected'"
	doctor 1 --offline
	finding accounts warning 'secrets of a login are still here' "^calsync disconnect $word\$"
	run -5 --separate-stderr calsync --db none.db -a 'my work; touch x' doctor
	assert_matches "$stderr" "run: calsync connect $word\$"
	run -5 --separate-stderr calsync --db none.db -a "a'; touch x" doctor
	assert_matches "$stderr" "run: calsync connect\$"
}

@test "doctor: key: a secret that was changed in the store" {
	connected
	sqlite3 "$CALSYNC_STORE" "UPDATE secret SET sealed = zeroblob(60) WHERE field = 'refresh_token'"
	doctor 1
	finding key error "does not open what account 'work' has sealed \(refresh_token\)" 'calsync connect work'
}

# --- the database -----------------------------------------------------------------------------

@test "doctor: database: modes of the file and its folder" {
	connected
	chmod 644 "$CALSYNC_STORE"
	doctor 0
	finding database warning "others may open '.*calsync.db' \(mode 0644\)" "^chmod 600 '.*calsync.db'$"
	chmod 600 "$CALSYNC_STORE"
	chmod 755 "${CALSYNC_STORE%/*}"
	doctor 0
	finding database warning "others can look into the folder" "^chmod 700 '.*/calsync'$"
	chmod 777 "${CALSYNC_STORE%/*}"
	doctor 0
	finding database warning "others can change the folder" "^chmod 700 "
}

@test "doctor: database: of another user" {
	[ "$(id -u)" -eq 0 ] || skip 'needs root'
	connected
	chown 12345 "$CALSYNC_STORE"
	doctor 0
	finding database warning 'belongs to another user \(id 12345' 'run calsync as that user'
}

@test "doctor: database: damaged pages are told, and the other checks go on" {
	connected
	local i
	for i in $(seq 40); do
		fake_google_event "Event $i" >/dev/null
	done
	calsync --quiet sync
	sqlite3 "$CALSYNC_STORE" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
	python3 - "$CALSYNC_STORE" <<-'PYTHON'
		import os, sys
		size = os.path.getsize(sys.argv[1])
		with open(sys.argv[1], "r+b") as f:
		    f.seek(size // 8192 * 4096)
		    f.write(b"\xa5" * 16384)
	PYTHON
	doctor 1
	finding database error 'is damaged: ' 'recover'
	good config network clock timers
	doctor 1 --quick
	finding database error 'is damaged: '
}

@test "doctor: database: an index that does not fit is found by the full check alone" {
	connected
	fake_google_event One >/dev/null
	calsync --quiet sync
	sqlite3 "$CALSYNC_STORE" >/dev/null <<-'SQL'
		PRAGMA writable_schema = ON;
		CREATE TABLE spoil(x);
		CREATE INDEX spoil_x ON spoil(x);
		INSERT INTO spoil VALUES (1), (2);
		UPDATE sqlite_schema SET sql = 'CREATE INDEX spoil_x ON spoil(x) WHERE x > 1' WHERE name = 'spoil_x';
		PRAGMA wal_checkpoint(TRUNCATE);
	SQL
	doctor 1
	finding database error 'is damaged: '
	doctor 0 --quick
	finding database ok 'quick check'
}

@test "doctor: database: rows that refer to nothing" {
	connected
	sqlite3 "$CALSYNC_STORE" "PRAGMA foreign_keys = OFF; INSERT INTO secret VALUES (999, 'refresh_token', x'00')"
	doctor 1
	finding database error '1 row of .* refers to what is not there \(the first in table secret\)'
}

@test "doctor: database: no database, another program's, a newer one, an empty one, a folder" {
	echo 'this is no database, but it is long enough to be looked at as one' >bad.db
	sqlite3 foreign.db 'CREATE TABLE t(x); INSERT INTO t VALUES (1)'
	chmod 600 bad.db foreign.db
	doctor 1 --offline --db bad.db
	finding database error "'bad.db' is not a calsync database" '--db'
	finding accounts skipped 'cannot be read'
	doctor 1 --offline --db foreign.db
	finding database error "'foreign.db' is not a calsync database"
	: >empty.db
	doctor 0 --offline --db empty.db
	finding database skipped "'empty.db' is empty"
	mkdir folder.db
	doctor 1 --offline --db folder.db
	finding database error 'not a regular file'
	connected
	sqlite3 "$CALSYNC_STORE" 'PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
	doctor 1 --offline
	finding database error 'newer calsync \(schema 99' '^upgrade calsync$'
}

# without_room COMMAND...: no file grows beyond some KiB.
without_room() {
	(
		trap '' XFSZ
		ulimit -f 8
		"$@"
	)
}

@test "doctor: database: the messages of those that cannot write it say what to do, or name doctor" {
	connected
	chmod 500 "${CALSYNC_STORE%/*}"
	as_anyone run -1 --separate-stderr calsync event add Party --start 2026-03-10
	assert_matches "$stderr" "readonly database; this user must be able to write .*; 'calsync doctor' says more\$"
	chmod 700 "${CALSYNC_STORE%/*}"
	CONSENT_ACCOUNT=user1@example.com run -1 --separate-stderr without_room calsync -q --db new.db connect
	assert_matches "$stderr" "cannot upgrade the schema .*disk I/O error; its disk may be full .*; 'calsync doctor' says more\$"
}

@test "doctor: database: an older schema is no trouble, and stays" {
	sqlite3 old.db <"$BATS_DIR/../data/store/schema-1.sql" >/dev/null
	chmod 600 old.db
	doctor 0 --offline --db old.db
	finding database ok 'has schema 1; the next command'
	finding accounts skipped 'older schema'
	assert_equal "$(sqlite3 old.db 'PRAGMA user_version')" 1
}

@test "doctor: database: not in WAL mode; left by a death; a WAL whose index is gone" {
	connected
	sqlite3 "$CALSYNC_STORE" 'PRAGMA journal_mode = DELETE' >/dev/null
	doctor 0
	finding database warning 'not in WAL mode' 'calsync status'
	calsync --quiet status
	sqlite3 "$CALSYNC_STORE" "PRAGMA journal_mode" | grep -qx wal
	# The WAL of a process that died: its frames count, and stay where they are.
	sqlite3 "$CALSYNC_STORE" >/dev/null <<-SQL
		PRAGMA wal_autocheckpoint = 0;
		.dbconfig no_ckpt_on_close on
		UPDATE account SET name = 'renamed';
	SQL
	[ -s "$CALSYNC_STORE-wal" ]
	chmod 600 "$CALSYNC_STORE"*
	doctor 0
	good database key
	finding accounts ok "'renamed'"
	[ -s "$CALSYNC_STORE-wal" ]
	rm "$CALSYNC_STORE-shm"
	doctor 0
	finding database warning 'copied without all of its files' 'calsync status'
	finding accounts skipped 'cannot be read'
}

@test "doctor: database: another process writes meanwhile" {
	connected
	local i
	(for i in $(seq 30); do
		calsync --quiet event add "Busy $i" --start 2026-03-10 --no-sync
	done) 3>&- &
	pid=$!
	for i in $(seq 10); do
		run -0 --separate-stderr calsync --json doctor --offline
		good database key accounts
	done
	wait "$pid"
}

# --- accounts ---------------------------------------------------------------------------------

@test "doctor: accounts: a dead login is 3, and 1 when something else is wrong, too" {
	connected
	fake_google_expire access_tokens refresh_tokens
	run -3 calsync sync
	doctor 3
	finding accounts error "Google takes the login of 'work' no more" '^calsync connect work$'
	config '[sync]' 'conflict = mine'
	doctor 1
}

@test "doctor: accounts: a permission that was not granted" {
	connected
	sqlite3 "$CALSYNC_STORE" "UPDATE account SET scopes = 'https://www.googleapis.com/auth/calendar.events'"
	doctor 3
	finding accounts error "lacks the permission calendar.calendarlist.readonly" '^calsync connect work$'
	sqlite3 "$CALSYNC_STORE" "UPDATE account SET scopes = 'https://www.googleapis.com/auth/calendar'"
	doctor 0
	good accounts
}

@test "doctor: accounts: a sync that is old, that never was, that failed" {
	connected
	sqlite3 "$CALSYNC_STORE" "UPDATE account SET last_sync_ms = last_sync_ms - 3 * 86400000"
	doctor 0
	finding accounts warning "last good sync of 'work' was 3 d ago" '^calsync -a work sync$'
	sqlite3 "$CALSYNC_STORE" "UPDATE account SET last_sync_ms = 0, connected_ms = connected_ms - 2 * 86400000"
	doctor 0
	finding accounts warning "'work' was connected 2 d ago and has never been synced"
	calsync --quiet sync
	fake_google_fault '{"action": "status", "status": 403, "reason": "forbidden", "times": 0, "match": "/events"}'
	run calsync sync
	fake_google_no_faults
	doctor 0
	finding accounts warning "the last sync of 'work' failed: " '^calsync -a work sync$'
}

@test "doctor: accounts: what Google refused, and what waits for a decision" {
	connected
	fake_google_fault '{"method": "POST", "match": "/events", "action": "status", "status": 400, "reason": "invalid", "times": 0}'
	run calsync event add Refused --start 2026-03-10
	fake_google_no_faults
	doctor 0
	finding accounts warning "Google refused 1 change of 'work'" '^calsync -a work queue$'
	run -0 calsync -a work queue
	id=$(fake_google_event Both)
	run calsync --quiet sync
	fake_google_fault '{"action": "drop_before", "times": 0}'
	calsync --quiet event edit "$id" --title Mine
	fake_google_no_faults
	fake_google_patch "$id" '{"summary": "Theirs"}' >/dev/null
	run -6 calsync sync --conflict manual
	doctor 0
	finding accounts warning "1 conflict of 'work' waits for a decision" '^calsync -a work conflicts$'
	run -0 calsync -a work conflicts
}

@test "doctor: accounts: -a takes one; one that is not there; the one of the settings" {
	connected
	fake_google_account user2@example.com
	connect_account home user2@example.com
	sqlite3 "$CALSYNC_STORE" "UPDATE account SET state = 'reauth_required' WHERE name = 'home'"
	doctor 3
	doctor 0 -a work
	assert_json '[.findings[] | select(.check == "accounts")] | length == 1'
	doctor 3 -a home
	run -5 --separate-stderr calsync --json -a nobody doctor
	assert_failure_json not_found
	config '[account]' 'default = nobody'
	doctor 1 -a ''  || true
	config '[account]' 'default = nobody'
	run -1 --separate-stderr calsync --json doctor
	finding accounts error "no account 'nobody', which account.default names" 'calsync accounts'
	CALSYNC_ACCOUNT=gone run -1 --separate-stderr calsync --json doctor
	finding accounts error "no account 'gone', which CALSYNC_ACCOUNT names"
}

@test "doctor: accounts: a disconnected one is left alone" {
	connected
	sqlite3 "$CALSYNC_STORE" '.dump --data-only secret' >kept
	calsync --quiet disconnect work
	doctor 0
	finding accounts skipped "'work' is disconnected"
	sqlite3 "$CALSYNC_STORE" <kept
	doctor 0
	finding accounts warning "'work' is disconnected, but the secrets of a login are still here" \
		'^calsync disconnect work$'
	run -0 calsync --quiet disconnect work
	doctor 0
	run -5 --separate-stderr calsync --json --db none.db -a work doctor
	assert_failure_json not_found
}

# --- network and clock ------------------------------------------------------------------------

@test "doctor: network: name, connection, TLS, time and HTTP are told apart" {
	CALSYNC_GOOGLE_BASE_URL=https://no-such-host.invalid doctor 1
	finding network error "^dns: no answer from 'no-such-host.invalid'" 'resolv.conf'
	finding clock skipped 'no answer'
	CALSYNC_GOOGLE_BASE_URL=http://127.0.0.1:1 doctor 1
	finding network error "^connect: .*127.0.0.1" 'firewall'
	openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 2 -subj /CN=localhost 2>/dev/null
	openssl s_server -accept 127.0.0.1:0 -key k.pem -cert c.pem -www >tls.log 2>&1 3>&- &
	pid=$!
	for _ in $(seq 100); do grep -q '^ACCEPT' tls.log && break; sleep 0.05; done
	port=$(sed -n 's/^ACCEPT.*:\([0-9]*\).*/\1/p' tls.log)
	CALSYNC_GOOGLE_BASE_URL=https://127.0.0.1:$port run -1 --separate-stderr calsync --json doctor
	kill "$pid"
	finding network error "^tls: .*certificate" 'ca-certificates'
	HTTPS_PROXY=http://127.0.0.1:1 CALSYNC_GOOGLE_BASE_URL=https://calendar.example.org doctor 1
	finding network error "^connect: " 'https_proxy'
}

@test "doctor: network: an answer that does not come, that is cut off, that is trouble" {
	connected
	fake_google_fault '{"action": "delay", "delay_ms": 20000, "match": "/", "times": 1}'
	SECONDS=0
	doctor 1
	[ "$SECONDS" -le 8 ]
	finding network error "^timeout: no answer from '127.0.0.1'" 'later'
	fake_google_no_faults
	fake_google_fault '{"action": "drop_before", "match": "/", "times": 0}'
	doctor 1
	finding network error "^http: no answer from '127.0.0.1'"
	fake_google_no_faults
	fake_google_fault '{"action": "status", "status": 503, "match": "/", "times": 0}'
	doctor 0
	finding network warning "in trouble \(HTTP 503\)" '^wait'
}

@test "doctor: network: at most eight hosts are asked, and the rest is told" {
	connected
	sqlite3 "$CALSYNC_STORE" "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9)
		INSERT INTO account (name, email, state, base_url, auth, scopes, read_only, connected_ms,
			token_expires_ms, last_sync_ms, not_before_ms)
		SELECT 'more' || i, '', 'reauth_required', 'http://127.0.0.1:' || i, 'installed', '', 0, 0, 0, 0, 0 FROM n"
	doctor 1
	finding network skipped '^the hosts of 2 more accounts were not asked$' 'calsync -a NAME doctor$'
	assert_json '[.findings[] | select(.check == "network")] | length == 9'
}

@test "doctor: network: without libcurl the rest is looked at all the same" {
	mkdir lib
	echo 'no library' >lib/libcurl.so.4
	run -1 --separate-stderr env LD_LIBRARY_PATH="$PWD/lib" calsync --json doctor
	assert_schema doctor
	finding network error 'cannot load libcurl' 'apt install libcurl4'
	finding clock skipped 'no network library'
}

@test "doctor: libraries: libmicrohttpd is missed by those who have a notification address" {
	mkdir lib
	echo 'no library' >lib/libmicrohttpd.so.12
	export LD_LIBRARY_PATH="$PWD/lib"
	run --separate-stderr calsync --json doctor
	finding libraries ok 'libical [0-9.]+$'
	run ! finding libraries warning webhookd
	BACKEND_URL=https://calendar.example.org run --separate-stderr calsync --json doctor
	assert_schema doctor
	finding libraries warning 'webhookd cannot run: cannot load libmicrohttpd.so.12' 'apt install libmicrohttpd12'
}

@test "doctor: clock: right, a little off, wrong, either way" {
	connected
	fake_google POST /sandbox/clock '{"advance_ms": 30000}' >/dev/null
	doctor 0
	good clock
	fake_google POST /sandbox/clock '{"advance_ms": 120000}' >/dev/null
	doctor 0
	finding clock warning "is 2 minutes behind Google's" 'set-ntp'
	fake_google POST /sandbox/clock '{"advance_ms": 864000000}' >/dev/null
	doctor 1
	finding clock error "is 10 days behind Google's" 'set-ntp'
	fake_google_stop
	fake_google_start --now 2020-01-01T00:00:00Z
	doctor 1 --db none.db
	finding clock error "days ahead of Google's"
}

# --- what surrounds it ------------------------------------------------------------------------

@test "doctor: channel: none, one that Google can reach, ones that it cannot" {
	doctor 0 --offline
	finding channel ok 'not set: changes at Google are seen when a sync asks'
	BACKEND_URL=https://calendar.example.org/base doctor 0 --offline
	finding channel ok 'https://calendar.example.org/base'
	BACKEND_URL=http://calendar.example.org doctor 1 --offline
	finding channel error 'is not https' 'BACKEND_URL'
	BACKEND_URL=http://127.0.0.1:8080 doctor 1 --offline
	finding channel error 'Google cannot reach it'
	for url in https://127.0.0.1 https://localhost 'https://[::1]/'; do
		BACKEND_URL=$url doctor 1 --offline
		finding channel error 'of this machine: Google cannot reach it' 'BACKEND_URL'
	done
	for url in https://10.0.0.1 https://192.168.1.5; do
		BACKEND_URL=$url doctor 0 --offline
		finding channel warning 'of a private network: Google cannot reach it' 'BACKEND_URL'
	done
	BACKEND_URL=https://host doctor 0 --offline
	finding channel warning 'Google cannot find it' 'BACKEND_URL'
	BACKEND_URL=calendar.example.org doctor 1 --offline
	finding channel error 'is no https address'
	BACKEND_URL='https://calendar.example.org/?x=1' doctor 1 --offline
	finding channel error 'query'
	BACKEND_URL=http://127.0.0.1:8080 CALSYNC_GOOGLE_BASE_URL=http://127.0.0.1:9 doctor 0 --offline
	good channel
	# The configuration says it as well; the environment goes before it.
	config '[webhook]' 'backend_url = http://calendar.example.org'
	doctor 1 --offline
	finding channel error 'is not https'
	BACKEND_URL=https://calendar.example.org doctor 0 --offline
	good channel
}

@test "doctor: webhook: its database: none, missing, whole, foreign, newer, damaged, another user's" {
	local hook=$CALSYNC_STORE-webhook
	doctor 0 --offline
	finding webhook ok "there is no '$hook', and no calendar needs it"
	connected
	fake_google_config '{"allow_http_webhook": true}'
	export BACKEND_URL=http://127.0.0.1:9
	calsync -q watch
	calsync -q sync
	doctor 0
	finding webhook ok "'$hook' is whole"
	cp "$hook" whole
	rm "$hook"*
	doctor 1
	finding webhook error "'$hook' is not there: nobody hears" '^calsync renew-watches$'
	printf 'not a database, and longer than sixteen bytes' >"$hook"
	doctor 1
	finding webhook error "'$hook' is not a webhook database" 'move .* away, .* calsync renew-watches && calsync sync --all$'
	cp whole "$hook"
	sqlite3 "$hook" 'PRAGMA user_version = 99'
	rm -f "$hook"-*
	doctor 1
	finding webhook error 'newer calsync \(schema 99\)' 'upgrade'
	cp whole "$hook"
	dd if=/dev/urandom of="$hook" bs=4096 seek=1 count=4 conv=notrunc status=none
	doctor 1
	finding webhook error "'$hook' is damaged: " 'calsync renew-watches && calsync sync --all$'
	cp whole "$hook"
	mkdir "$hook-wake"
	doctor 1
	finding webhook error "'$hook-wake' is a folder" "rm -r '$hook-wake'"
	rmdir "$hook-wake"
	chmod 000 "$hook"
	as_anyone doctor 1
	barrier="cannot be taken over: '$hook' is of user .* \(mode 0000\), and this is user '$(id -un)'"
	finding webhook error "$barrier" "^chmod u\\+rw '$hook'\$"
	if [ "$(id -u)" -eq 0 ]; then
		chown 65534 "$hook"
		as_anyone doctor 1
		finding webhook error "$barrier" 'usermod -aG'
		chown 0 "$hook"
	fi
	chmod 600 "$hook"
	chmod 500 "${hook%/*}"
	as_anyone doctor 1
	finding webhook error 'cannot be taken over' "^chmod u\\+rwx '${hook%/*}'\$"
	# What is named does mend it.
	eval "$(json '.findings[] | select(.check == "webhook") | .mend')"
	doctor 0
	good webhook
	# The mend that is named for one that is lost.
	rm -f "$hook"
	calsync -q renew-watches
	calsync -q sync
	doctor 0
	good webhook
}

@test "doctor: timers: enabled for the user, for the system, not enabled, not there, masked" {
	doctor 0 --offline
	finding timers ok 'calsync-sync.timer is enabled$'
	assert_equal "$(cat "$BATS_TEST_TMPDIR/systemctl.log")" '--user is-enabled calsync-sync.timer'
	systemd_says not-found enabled
	doctor 0 --offline
	finding timers ok 'enabled for the system'
	systemd_says disabled
	doctor 0 --offline
	finding timers warning 'not enabled' '^systemctl --user enable --now calsync-sync.timer$'
	systemd_says not-found
	doctor 0 --offline
	finding timers warning 'not installed' 'make install'
	systemd_says masked
	doctor 0 --offline
	finding timers warning 'masked' 'unmask'
	systemd_says 'Failed to connect to bus'
	doctor 0 --offline
	finding timers warning 'no user manager' 'enable-linger'
}

@test "doctor: timers: a service of the system asks for the system's alone" {
	export STATE_DIRECTORY=$HOME/state
	systemd_says enabled disabled
	doctor 0 --offline
	finding timers warning 'not enabled' '^systemctl enable --now calsync-sync.timer$'
	assert_equal "$(cat "$BATS_TEST_TMPDIR/systemctl.log")" 'is-enabled calsync-sync.timer'
	systemd_says disabled enabled
	doctor 0 --offline
	finding timers ok 'enabled for the system'
	systemd_says enabled masked
	doctor 0 --offline
	finding timers warning 'masked' '^systemctl unmask calsync-sync.timer, then systemctl enable --now'
	systemd_says enabled 'Failed to connect to bus'
	doctor 0 --offline
	finding timers warning 'no system manager' '^systemctl enable --now calsync-sync.timer$'
}

@test "doctor: timers: with push, the one that renews the channels, too" {
	BACKEND_URL=https://calendar.example.org doctor 0 --offline
	finding timers ok 'calsync-sync.timer is enabled'
	finding timers ok 'calsync-renew-watches.timer is enabled'
	systemd_says disabled
	BACKEND_URL=https://calendar.example.org doctor 0 --offline
	finding timers warning 'calsync-renew-watches.timer.*channels end' \
		'^systemctl --user enable --now calsync-renew-watches.timer$'
	doctor 0 --offline
	assert_json '.findings | all(.message | test("renew-watches") | not)'
	config '[webhook]' 'backend_url = https://calendar.example.org'
	doctor 0 --offline
	finding timers warning 'calsync-renew-watches.timer'
}

@test "doctor: timers: a systemctl that hangs is not waited for; none at all" {
	printf '#!/bin/sh\nexec sleep 60\n' >"$HOME/bin/systemctl"
	SECONDS=0
	doctor 0 --offline
	[ "$SECONDS" -le 9 ]
	finding timers warning 'or it hangs'
	ln -s "$BUILD_DIR/calsync" "$HOME/bin/calsync"
	rm "$HOME/bin/systemctl"
	calsync=$(command -v calsync)
	run -0 --separate-stderr env PATH="$HOME/bin" "$calsync" --json doctor --offline
	finding timers skipped 'no systemd' 'cron'
}

@test "doctor: the child sees no client secret, and nothing of ours is in the answer" {
	connected
	printf '#!/bin/sh\nenv >%s\necho enabled\n' "$BATS_TEST_TMPDIR/env" >"$HOME/bin/systemctl"
	doctor 0 -vv
	refute_matches "$(cat "$BATS_TEST_TMPDIR/env")" 'sandbox-secret'
	refute_matches "$output$stderr" "sandbox-secret|$(cat "$KEY")"
}
