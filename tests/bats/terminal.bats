# shellcheck disable=SC2154
# Nothing that a terminal obeys comes out of what Google says, whichever command prints it.
load helpers

EVIL=$'red\e[31m\u202ettfel\u0085\x07'

setup() {
	calsync_setup
	fake_google_start
	connect_account
}

teardown() {
	calsync_teardown
}

# harmless COMMAND...: what it prints steers no terminal, and it does print something.
harmless() {
	run calsync "$@"
	[ -n "$output" ]
	refute_matches "$output" $'\e|\a|\u202e|\u0085'
}

@test "terminal: fields of an event, their names included" {
	id=$(fake_google_event "$EVIL" 2026-03-10T10:00:00Z "$(jq -nc --arg e "$EVIL" \
		'{location: $e, description: ($e + "\n" + $e), attendees: [{email: "a@example.com", displayName: $e, comment: $e}]}')")
	calsync --quiet sync
	sqlite3 "$CALSYNC_STORE" "UPDATE event SET resource = json_set(resource, '$.\"' || char(27) || '[2Jname\"', 'value',
		'$.status', char(27) || '[2J', '$.recurrence', json_array(char(27) || 'c'))"
	harmless event show "$id"
	assert_matches "$output" 'name'
	harmless event list
	harmless event list --format tsv
	fake_google_patch "$id" "$(jq -nc --arg e "$EVIL" '{summary: ("new" + $e), colorId: "3"}')" >/dev/null
	calsync --quiet sync --full
	harmless event explain "$id"
	harmless event log "$id"
	assert_matches "$output" 'title'
	harmless __complete event show ''
}

@test "terminal: messages of Google's, in errors, in the log and in status" {
	fake_google_fault "$(jq -nc --arg e "$EVIL" '{match: "/events", times: 0, action: "status",
		status: 403, reason: "forbidden", message: ($e + "\nsecond line")}')"
	harmless sync
	[ "$status" -ne 0 ]
	harmless -vvv sync
	harmless status
	fake_google_no_faults
	fake_google_fault "$(jq -nc --arg e "$EVIL" '{method: "POST", match: "/events", times: 0, action: "status",
		status: 400, reason: "invalid", message: ($e + "\nsecond line")}')"
	harmless event add "$EVIL" --start "2026-03-10 10:00"
	harmless sync
	harmless status
	harmless event list --sync-status error
	harmless event show "$(calsync --json event list | jq -er '.[0].id')"
}

@test "terminal: words of the command line, in what is said about them" {
	harmless sync "--$EVIL"
	harmless event "$EVIL"
	harmless -a "$EVIL" sync
	harmless sync --calendar "$EVIL"
	harmless event show "$EVIL"
	harmless event add x --start "$EVIL"
	harmless --db "$HOME/$EVIL" status
	harmless --config "$HOME/$EVIL" status
	harmless connect "$EVIL"
}
