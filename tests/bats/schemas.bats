# shellcheck disable=SC2154,SC2030,SC2031
# Every command's JSON answer, in good and in bad times, against the schemas that are shipped.
load helpers
load schema

setup() {
	calsync_setup
}

teardown() {
	calsync_teardown
}

@test "schemas: they are schemas, and none is a schema of everything" {
	for file in "$SCHEMA_DIR"/*.json; do
		/usr/bin/python3 - "$file" <<-'PYTHON'
			import json, sys
			from jsonschema import Draft202012Validator as V
			schema = json.load(open(sys.argv[1]))
			V.check_schema(schema)
			assert schema["title"] and schema["description"], "no title"
		PYTHON
		name=$(basename "$file" .json)
		for text in '{}' '[{}]' '7' 'null' '{"unknown": true}'; do
			run assert_schema "$name" "$text"
			[ "$status" -ne 0 ] || { echo "$name takes $text" >&2; return 1; }
		done
	done
}

@test "schemas: version, and what is there before any account" {
	run -0 --separate-stderr calsync --json version
	assert_schema version
	run -0 --separate-stderr calsync --json accounts
	assert_schema accounts
	run -2 --separate-stderr calsync --json nosuchcommand
	assert_failure_json usage
	run -3 --separate-stderr calsync --json event list
	assert_failure_json not_connected
}

@test "schemas: connect, accounts, calendars, sync, status, disconnect" {
	fake_google_start
	run -0 --separate-stderr env CONSENT_ACCOUNT=user1@example.com calsync --quiet --json connect work
	assert_schema connect
	fake_google POST /sandbox/calendars '{"account": "user1@example.com", "id": "team@group.calendar.google.com",
		"summary": "Team", "accessRole": "owner"}' >/dev/null
	fake_google_event One >/dev/null
	run -0 --separate-stderr calsync --json sync
	assert_schema sync
	assert_json '.stats.created == 1'
	run -0 --separate-stderr calsync --json sync --dry-run
	assert_schema sync
	run -0 --separate-stderr calsync --json accounts
	assert_schema accounts
	assert_json 'length == 1'
	run -0 --separate-stderr calsync --json calendars
	assert_schema calendars
	assert_json 'length == 2'
	run -0 --separate-stderr calsync --json calendars deselect Team
	assert_schema calendars-select
	run -0 --separate-stderr calsync --json calendars select Team
	assert_schema calendars-select
	run -0 --separate-stderr calsync --json event log "$(calsync --json event list | jq -er '.[0].id')"
	assert_schema event-log
	assert_json 'length == 1'
	run -0 --separate-stderr calsync --json event explain "$(jq -er '.[0].id' <<<"$output")"
	assert_schema event-explain
	run -0 --separate-stderr calsync --json changes
	assert_schema changes
	run -0 --separate-stderr calsync --json changes --last
	assert_schema changes-last
	run -0 --separate-stderr calsync --json verify
	assert_schema verify
	run -0 --separate-stderr calsync --json event add Brief --start 2026-03-10
	assert_schema event-change
	run -0 --separate-stderr calsync --json undo --dry-run
	assert_schema undo
	run -0 --separate-stderr calsync --json undo
	assert_schema undo
	assert_json '.events | length == 1'
	run -0 --separate-stderr calsync --json event restore "$(jq -er '.events[0].event.id' <<<"$output")"
	assert_schema event-change
	run -0 --separate-stderr calsync --json status
	assert_schema status
	assert_json '.runs | length > 0'
	run -0 --separate-stderr calsync --json doctor
	assert_schema doctor
	assert_json '.success'
	run -0 --separate-stderr calsync --json disconnect work
	assert_schema disconnect
	run -0 --separate-stderr calsync --json accounts
	assert_schema accounts
	assert_json '.[0].state == "disconnected"'
}

@test "schemas: sync and status when something is wrong" {
	fake_google_start
	connect_account
	fake_google_fault '{"action": "status", "status": 503, "times": 0, "match": "/events"}'
	run -0 --separate-stderr calsync --json event add Waits --start 2026-03-10
	assert_schema event-change
	run -0 --separate-stderr calsync --json status
	assert_schema status
	assert_json '.queue | length == 1'
	fake_google_expire access_tokens refresh_tokens
	run -3 --separate-stderr calsync --json sync
	assert_schema sync
	assert_json '.success == false and .error.code == "token_expired"'
	run -3 --separate-stderr calsync --json status --check
	assert_schema status
	assert_json '.healthy == false'
}
