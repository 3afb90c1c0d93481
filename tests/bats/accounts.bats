# shellcheck disable=SC2154,SC2030,SC2031
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
	run -0 calsync --json -a work accounts
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

@test "disconnect: a login that Google revoked already is no failure" {
	connect_account
	fake_google_expire refresh_tokens access_tokens
	run --separate-stderr -0 calsync --json disconnect work
	assert_json '.success'
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
