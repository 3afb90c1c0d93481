# shellcheck disable=SC2154,SC2030,SC2031,SC2016 # (names that a shell would read are meant so)
load helpers
load schema

setup() {
	calsync_setup
	fake_google_start
}

teardown() {
	calsync_teardown
}

@test "accounts: none yet is an empty list, and no file is made" {
	run --separate-stderr -0 calsync --json accounts
	assert_equal "$output" '[]'
	run --separate-stderr -0 calsync accounts
	assert_matches "$output" "run 'calsync connect'"
	[ ! -e "$CALSYNC_STORE" ]
}

@test "accounts: an empty file, as mktemp makes it, is a store to connect in" {
	: >empty.db
	run --separate-stderr -0 calsync --json --db empty.db accounts
	assert_equal "$output" '[]'
	run --separate-stderr -3 calsync --json --db empty.db event list
	assert_failure_json not_connected
	[ ! -s empty.db ]
	calsync --quiet --db empty.db connect work
	run --separate-stderr -0 calsync --json --db empty.db accounts
	assert_json '[.[].name] == ["work"]'
	run --separate-stderr -2 calsync --json --db '' accounts
	assert_failure_json usage
}

@test "accounts: name, address, state and last sync" {
	fake_google_account user2@example.com
	connect_account work
	connect_account home user2@example.com
	run -0 calsync -a home sync
	run --separate-stderr -0 calsync --json accounts
	assert_schema accounts
	assert_json '[.[].name] == ["home", "work"] and [.[].email] == ["user2@example.com", "user1@example.com"]'
	assert_json '(.[0].lastSync | type) == "string" and .[1].lastSync == null'
	run --separate-stderr -0 calsync accounts
	assert_matches "${lines[0]}" '^NAME +ADDRESS +STATE +LAST SYNC'
	assert_matches "${lines[2]}" '^work +user1@example.com +connected +never'
	fake_google POST /sandbox/expire '{"refresh_tokens": true, "access_tokens": true, "account": "user1@example.com"}'
	run -3 calsync -a work sync
	run -0 --separate-stderr calsync --json -a work accounts
	assert_json 'length == 1 and .[0].state == "reauth_required"'
}

@test "accounts: server text cannot steer a terminal" {
	connect_account $'Ünïcode name'
	run --separate-stderr -0 calsync accounts
	assert_matches "$output" 'Ünïcode name'
	LC_ALL=C run --separate-stderr -0 calsync accounts
	assert_matches "$output" 'Ünïcode name'
	LC_ALL=xx_YY.BROKEN run --separate-stderr -0 calsync accounts
	assert_matches "$output" 'Ünïcode name'
	# Colour only where it is asked for.
	refute_matches "$output" $'\e'
	run --separate-stderr -0 calsync accounts --color always
	assert_matches "$output" $'\e\\[[0-9;]*m'
}

@test "accounts: which one a command means" {
	fake_google_account user2@example.com
	run --separate-stderr -3 calsync --json sync
	assert_json '.error.code == "not_connected"'
	connect_account work
	run -0 calsync sync
	connect_account home user2@example.com
	run --separate-stderr -2 calsync --json sync
	assert_json '.error.code == "usage"'
	assert_matches "$stderr" 'home, work'
	run -0 calsync sync -a home
	CALSYNC_ACCOUNT=home run --separate-stderr -0 calsync --json sync
	assert_json '[.accounts[].account] == ["home"]'
	# The option beats the environment, the environment the configuration.
	printf '[account]\ndefault = work\n' >"$XDG_CONFIG_HOME/calsync/config"
	run --separate-stderr -0 calsync --json sync
	assert_json '[.accounts[].account] == ["work"]'
	CALSYNC_ACCOUNT=home run --separate-stderr -0 calsync --json sync --account work
	assert_json '[.accounts[].account] == ["work"]'
	rm "$XDG_CONFIG_HOME/calsync/config"
	run --separate-stderr -5 calsync --json sync -a nobody
	assert_json '.error.code == "not_found"'
	assert_matches "$stderr" "no account 'nobody'.*home, work"
	# A disconnected one is not in the way.
	run -0 calsync disconnect home
	run --separate-stderr -0 calsync --json sync
	assert_json '[.accounts[].account] == ["work"]'
}

@test "accounts: which is the default is marked and can be chosen; the rest of the file stays" {
	fake_google_account user2@example.com
	run --separate-stderr -0 calsync --json accounts default
	assert_schema accounts-default
	assert_json '.default == null'
	run --separate-stderr -5 calsync --json accounts default work
	assert_failure_json not_found
	connect_account work
	# One account needs no choice.
	run --separate-stderr -0 calsync --json accounts
	assert_json '.[0].default'
	run --separate-stderr -0 calsync --json accounts default
	assert_json '.default == "work" and .source == "only"'
	connect_account home user2@example.com
	run --separate-stderr -0 calsync --json accounts
	assert_json '[.[].default] == [false, false]'
	run --separate-stderr -2 calsync sync
	assert_matches "$stderr" 'calsync accounts default NAME.*home, work'
	printf '# mine\n[history]\ndays = 7 ; a week\n' >"$XDG_CONFIG_HOME/calsync/config"
	run --separate-stderr -0 calsync --json accounts default home
	assert_schema accounts-default
	assert_equal "$(cat "$XDG_CONFIG_HOME/calsync/config")" \
		$'# mine\n[history]\ndays = 7 ; a week\n\n[account]\ndefault = home'
	run --separate-stderr -0 calsync --json sync
	assert_json '[.accounts[].account] == ["home"]'
	# All are listed all the same.
	run --separate-stderr -0 calsync --json accounts
	assert_schema accounts
	assert_json '[.[] | [.name, .default]] == [["home", true], ["work", false]]'
	run --separate-stderr -0 calsync accounts
	assert_matches "${lines[1]}" '^home .* yes$'
	refute_matches "${lines[2]}" 'yes'
	run --separate-stderr -0 calsync accounts default
	assert_equal "$output" home
	CALSYNC_ACCOUNT=work run --separate-stderr -0 calsync --json accounts default
	assert_json '.default == "work" and .source == "environment"'
	CALSYNC_ACCOUNT=work run --separate-stderr -0 calsync accounts default home
	assert_matches "$stderr" "warning: CALSYNC_ACCOUNT says 'work', and goes before"
	run --separate-stderr -0 calsync accounts default --clear
	run --separate-stderr -0 calsync --json accounts
	assert_json '[.[].default] == [false, false]'
	cp "$XDG_CONFIG_HOME/calsync/config" before
	run --separate-stderr -5 calsync --json accounts default nobody
	assert_failure_json not_found
	run --separate-stderr -2 calsync --json accounts default --clear work
	assert_failure_json usage
	diff before "$XDG_CONFIG_HOME/calsync/config"
}

@test "accounts: rename keeps events, login and what waits" {
	connect_account
	calsync -q event add Here --start "2026-03-10 10:00"
	fake_google_fault '{"method": "POST", "match": "/events", "action": "status", "status": 503}'
	calsync -q event add Waits --start "2026-03-11 10:00"
	fake_google_no_faults
	run --separate-stderr -0 calsync --json accounts rename work home
	assert_schema accounts-rename
	assert_json '.account.name == "home" and .renamedFrom == "work"'
	assert_equal "$stderr" ''
	run -0 calsync sync -a home
	assert_equal "$(fake_google_events | jq -c '[.[].summary] | sort')" '["Here","Waits"]'
	run --separate-stderr -5 calsync --json sync -a work
	assert_failure_json not_found
	run -0 calsync --json event list
	assert_json 'all(.[]; .account == "home")'
	fake_google_expire access_tokens
	run -0 calsync sync
	# Its old name is free again.
	fake_google_account user2@example.com
	connect_account work user2@example.com
	run --separate-stderr -0 calsync accounts rename work "Ünïcode name"
	assert_equal "$output" 'work is called Ünïcode name now'
}

@test "accounts: rename tells who else knows the old name" {
	connect_account
	calsync -q accounts default work
	CALSYNC_ACCOUNT=work run --separate-stderr -0 calsync accounts rename work home
	assert_matches "$stderr" "default account in '.*' is still called 'work'; run: calsync accounts default 'home'"
	assert_matches "$stderr" "CALSYNC_ACCOUNT still says 'work'"
	run --separate-stderr -0 calsync --json accounts default
	assert_matches "$stderr" "no account is called 'work'"
	run -0 calsync accounts default home
	run --separate-stderr -0 calsync accounts default
	assert_equal "$output$stderr" home
}

@test "accounts: a name that cannot be is refused, and nothing changes" {
	fake_google_account user2@example.com
	connect_account work
	connect_account home user2@example.com
	store_dump >before
	for name in '' ' a' 'a ' "it's" 'a"b' 'a$(id)' 'a`id`' 'a\b' $'bell\a' $'bad\xff' "$(printf 'x%.0s' {1..201})"; do
		run --separate-stderr -2 calsync --json accounts rename work "$name"
		assert_schema failure
		assert_one_line_error
	done
	run --separate-stderr -2 calsync accounts rename work -- -x
	assert_one_line_error
	for name in home work; do
		run --separate-stderr -2 calsync --json accounts rename work $name
		assert_failure_json usage
		assert_matches "$stderr" "named '$name' is there already; choose another name"
	done
	run --separate-stderr -5 calsync --json accounts rename nobody somebody
	assert_failure_json not_found
	for args in "rename" "rename work" "rename a b c" "frob"; do
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr -2 calsync --json accounts $args
		assert_failure_json usage
	done
	diff before <(store_dump)
}

@test "accounts: rename waits for a sync, which would write the old name back" {
	connect_account
	fake_google_fault '{"match": "calendarList", "times": 1, "action": "delay", "delay_ms": 1500}'
	calsync -q sync 3>&- &
	pid=$!
	for _ in $(seq 100); do
		[ "$(fake_google_requests length)" -lt 6 ] || break
		fake_google GET /sandbox/faults >/dev/null 2>&1 || true
		flock -n "$CALSYNC_STORE-lock" true || break
		sleep 0.02
	done
	sleep 0.3
	run -0 calsync -q accounts rename work home
	wait "$pid"
	run -0 calsync --json accounts
	assert_json '[.[].name] == ["home"]'
}

@test "accounts: rename leaves alone what another process writes meanwhile" {
	connect_account
	sqlite3 "$CALSYNC_STORE" >out <<-'END' 3>&- &
		BEGIN IMMEDIATE;
		UPDATE account SET state = 'reauth_required';
		.system touch "$HOME/writing"; sleep 1
		COMMIT;
	END
	pid=$!
	for _ in $(seq 100); do
		[ ! -e "$HOME/writing" ] || break
		sleep 0.05
	done
	run -0 calsync -q accounts rename work home
	wait "$pid"
	run -0 --separate-stderr calsync --json accounts
	assert_json '[.[] | [.name, .state]] == [["home", "reauth_required"]]'
}

@test "accounts: tokens go to the host that they came from, whatever the base URL says" {
	connect_account
	first=$CALSYNC_GOOGLE_BASE_URL
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 calsync-sandbox --listen 127.0.0.1:0 \
		--port-file "$BATS_TEST_TMPDIR/port2" >/dev/null 2>&1 3>&- &
	pid=$!
	for _ in $(seq 100); do
		[ -s "$BATS_TEST_TMPDIR/port2" ] && break
		sleep 0.05
	done
	other=http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port2")
	fake_google_expire access_tokens
	CALSYNC_GOOGLE_BASE_URL=$other run -0 calsync event add Here --start "2026-03-10 10:00"
	CALSYNC_GOOGLE_BASE_URL=$other run -0 calsync sync
	CALSYNC_GOOGLE_BASE_URL=$other run --separate-stderr -2 calsync -q connect work
	assert_matches "$stderr" "was connected with $first"
	CALSYNC_GOOGLE_BASE_URL=$other run -0 calsync disconnect work
	assert_equal "$(curl -sS "$other/sandbox/requests" | jq length)" 0
	assert_equal "$(fake_google_requests '[.[] | select(.path == "/revoke")] | length')" 1
	kill "$pid"
	wait "$pid" || true
}

@test "disconnect: revokes at Google, forgets the secrets, keeps the events" {
	connect_account
	run -0 calsync event add Stays --start "2026-03-10 10:00"
	run --separate-stderr -0 calsync --json disconnect work
	assert_schema disconnect
	assert_json '.success and .revocation == "revoked" and .account.state == "disconnected"'
	assert_equal "$(fake_google_requests '[.[] | select(.path == "/revoke") | .status]')" '[200]'
	assert_equal "$(sqlite3 "$CALSYNC_STORE" 'SELECT count(*) FROM secret')" 0
	run -0 calsync --json event list
	assert_json '[.[].summary] == ["Stays"]'
	run --separate-stderr -3 calsync --json sync -a work
	assert_json '.error.code == "not_connected"'
	# Once more: nothing is left to revoke.
	run --separate-stderr -0 calsync --json disconnect work
	assert_json '.revocation == "nothing"'
	# And back.
	connect_account
	run -0 calsync sync
}

@test "disconnect: --purge removes events and account" {
	connect_account
	run -0 calsync event add Goes --start "2026-03-10 10:00"
	run --separate-stderr -0 calsync --json disconnect work --purge
	assert_schema disconnect
	assert_equal "$(calsync --json accounts)" '[]'
	assert_equal "$(sqlite3 "$CALSYNC_STORE" 'SELECT count(*) FROM event')" 0
	# At Google it stays.
	assert_equal "$(fake_google_events | jq length)" 1
}

@test "disconnect: a renewal under way comes to its end before" {
	connect_account
	hold_renewal 1
	run -0 calsync disconnect work
	[ -e "$HOME/renewed" ]
}

@test "disconnect: another account of the same user goes on; the last one is revoked" {
	connect_account work
	run --separate-stderr -0 calsync --json connect home
	assert_schema connect
	assert_json '.sameUser == ["work"]'
	assert_matches "$stderr" "account 'work' is connected as user1@example.com, too"
	run --separate-stderr -0 calsync --json disconnect work
	assert_schema disconnect
	assert_json '.success and .revocation == "shared" and .sharedWith == ["home"]'
	assert_matches "$stderr" "login of 'work' is not revoked at Google.*\\('home'\\):"
	assert_equal "$(sqlite3 "$CALSYNC_STORE" 'SELECT DISTINCT account_id FROM secret')" 2
	run -0 calsync sync
	run --separate-stderr -0 calsync --json disconnect home
	assert_json '.revocation == "revoked" and (has("sharedWith") | not)'
	assert_equal "$(fake_google_requests '[.[] | select(.path == "/revoke")] | length')" 1
}

@test "disconnect: when Google cannot be told the secrets are forgotten all the same" {
	connect_account
	fake_google_fault '{"match": "/revoke", "times": 0, "action": "status", "status": 503}'
	run --separate-stderr -7 calsync --json disconnect work
	assert_schema disconnect
	assert_json '(.success | not) and .revocation == "failed" and .error.code == "network"'
	assert_matches "$stderr" 'forgotten here.*myaccount.google.com'
	assert_equal "$(sqlite3 "$CALSYNC_STORE" 'SELECT count(*) FROM secret')" 0
	run -0 calsync --json accounts
	assert_json '.[0].state == "disconnected"'
}

@test "disconnect: a login that cannot be read is kept, and revoked once it can be; or forgotten by force" {
	connect_account
	key=$XDG_CONFIG_HOME/calsync/key
	chmod 644 "$key"
	store_dump >before
	for option in '' --purge; do
		run --separate-stderr -1 calsync --json disconnect work ${option:+"$option"}
		assert_schema failure
		assert_json '.error.code == "secret"'
		assert_matches "$stderr" "account 'work' stays as it is.*--force.*chmod 600"
	done
	diff before <(store_dump)
	chmod 600 "$key"
	run --separate-stderr -0 calsync --json disconnect work
	assert_json '.revocation == "revoked"'
	connect_account
	# So is one that is damaged, and one whose key is gone.
	sqlite3 "$CALSYNC_STORE" "UPDATE secret SET sealed = zeroblob(60) WHERE field = 'refresh_token'"
	run --separate-stderr -1 calsync --json disconnect work
	assert_json '.error.code == "secret"'
	rm "$key"
	run --separate-stderr -1 calsync --json disconnect work
	assert_equal "$(sqlite3 "$CALSYNC_STORE" 'SELECT count(*) FROM secret')" 3
	run --separate-stderr -7 calsync --json disconnect --force work
	assert_schema disconnect
	assert_json '.revocation == "failed" and .account.state == "disconnected"'
	assert_matches "$stderr" 'revoke it at https://myaccount.google.com/connections'
	assert_equal "$(sqlite3 "$CALSYNC_STORE" 'SELECT count(*) FROM secret')" 0
}

@test "disconnect: what is done at Google and not here is told" {
	connect_account
	calsync -q event add Stays --start "2026-03-10 10:00"
	sqlite3 "$CALSYNC_STORE" "CREATE TRIGGER full BEFORE DELETE ON secret BEGIN SELECT RAISE(ABORT, 'full'); END"
	run --separate-stderr -1 calsync --json disconnect work
	assert_failure_json store
	assert_matches "$stderr" 'revoked at Google, but not forgotten here'
	assert_equal "$(fake_google_requests '[.[] | select(.path == "/revoke") | .status]')" '[200]'
	sqlite3 "$CALSYNC_STORE" 'DROP TRIGGER full'
	run --separate-stderr -0 calsync --json disconnect work
	assert_json '.success and .account.state == "disconnected"'
}

@test "disconnect: a login that Google revoked already is no failure" {
	connect_account
	fake_google_expire refresh_tokens access_tokens
	run --separate-stderr -0 calsync --json disconnect work
	assert_json '.success'
}

@test "accounts: a name is no account's, with and without a store" {
	unknown() {
		for words in 'disconnect nobody' 'accounts rename nobody home' 'accounts default nobody'; do
			# shellcheck disable=SC2086 # words are meant
			run --separate-stderr -5 calsync --json $words
			assert_failure_json not_found
			assert_matches "$stderr" "no account 'nobody': none is connected yet; run: calsync connect nobody"
		done
	}
	unknown
	run --separate-stderr -5 calsync -vv disconnect nobody
	assert_matches "$stderr" 'calsync: disconnect: no account'
	[ ! -e "$CALSYNC_STORE" ]
	mkdir -p "${CALSYNC_STORE%/*}"
	: >"$CALSYNC_STORE"
	unknown
	connect_account
	calsync -q disconnect --purge work
	unknown
}

@test "disconnect: bad command lines change nothing" {
	connect_account
	store_dump >before
	run --separate-stderr -2 calsync disconnect
	assert_one_line_error
	run --separate-stderr -5 calsync --json disconnect nobody
	assert_schema failure
	run --separate-stderr -2 calsync disconnect work home
	assert_one_line_error
	diff before <(store_dump)
}
