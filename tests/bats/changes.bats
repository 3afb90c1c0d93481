# shellcheck disable=SC2154,SC2030,SC2031
load helpers
load schema

setup() {
	calsync_setup
	fake_google_start
	connect_account
}

teardown() {
	calsync_teardown
}

# add TITLE: prints the id.
add() {
	calsync --json event add "$1" --start 2026-03-10 | jq -er .event.id
}

changes() {
	run -0 --separate-stderr calsync --json changes "$@"
	assert_schema changes
}

last() {
	calsync changes --last
}

@test "changes: what happened, in order, with the event as it is now" {
	a=$(add A)
	run -0 calsync event edit "$a" --title A2
	b=$(fake_google_event B)
	run -0 calsync sync
	run -0 calsync event rm "$a"
	changes
	assert_json "[.[] | [.id, .op, .origin]] == [[\"$a\", \"create\", \"local\"], [\"$a\", \"update\", \"local\"],
		[\"$b\", \"create\", \"google\"], [\"$a\", \"delete\", \"local\"]]"
	assert_json '[.[].event.summary] == [null, null, "B", null]'
	assert_json '[.[].seq] | . == sort and (unique | length == 4)'
	assert_json 'all(.[]; .account == "work" and .calendar == "user1@example.com")'
	run -0 --separate-stderr calsync changes
	assert_matches "${lines[0]}" 'SEQ +WHEN +WHAT +ORIGIN +CALENDAR +ID +START +TITLE'
	assert_equal "${#lines[@]}" 5
}

@test "changes: --since, --limit, --last, ndjson" {
	assert_equal "$(last)" 0
	for title in A B C; do add "$title" >/dev/null; done
	run -0 --separate-stderr calsync --json changes --last
	assert_schema changes-last
	assert_json '.seq == 3'
	changes --since 1
	assert_json '[.[].event.summary] == ["B", "C"]'
	changes --since 1 --limit 1
	assert_json '[.[].event.summary] == ["B"]'
	changes --since "$(last)"
	assert_json '. == []'
	changes --since 1000
	assert_json '. == []'
	run -0 --separate-stderr calsync changes --since 2 --format ndjson
	assert_equal "$(jq -r .event.summary <<<"$output")" C
	run -2 --separate-stderr calsync --json changes --since -1
	assert_failure_json usage
	run -2 --separate-stderr calsync --json changes --last --since 1
	assert_failure_json usage
}

@test "changes: a reader whose entries are forgotten has to begin anew" {
	for title in A B C; do add "$title" >/dev/null; done
	sqlite3 "$CALSYNC_STORE" "DELETE FROM history WHERE history_id < 3; INSERT INTO meta VALUES ('history_floor', '2')"
	run -1 --separate-stderr calsync --json changes --since 1
	assert_failure_json failed
	assert_matches "$stderr" "event list --no-expand.*--since 3"
	changes --since 2
	assert_json 'length == 1'
	changes
	assert_json 'length == 1'
}

@test "changes: an account that is removed with its events is a reason to begin anew" {
	add A >/dev/null
	seen=$(last)
	run -0 calsync disconnect work --purge
	connect_account home
	run -1 --separate-stderr calsync --json changes --since 0
	assert_failure_json failed
	changes --since "$seen"
	fake_google_account user2@example.com
	connect_account other user2@example.com
	calsync -a other event add Theirs --start 2026-03-10
	changes -a other
	assert_json '[.[].event.summary] == ["Theirs"]'
}

@test "changes: a sync forgets versions that are older than history.days, and a reader is told" {
	id=$(add A)
	add B >/dev/null
	sqlite3 "$CALSYNC_STORE" "UPDATE history SET at_ms = at_ms - 100 * 86400000 WHERE history_id = 1"
	mkdir -p "$XDG_CONFIG_HOME/calsync"
	printf '[history]\ndays = 0\n' >>"$XDG_CONFIG_HOME/calsync/config"
	run -0 calsync sync
	changes --since 0
	assert_json 'length == 2'
	sed -i 's/^days = 0/days = 99/' "$XDG_CONFIG_HOME/calsync/config"
	run -0 calsync sync --dry-run
	changes --since 0
	run -0 calsync sync
	run -1 --separate-stderr calsync --json changes --since 0
	assert_failure_json failed
	changes --since 1
	assert_json 'length == 1'
	run -0 calsync --json event log "$id"
	assert_json '. == []'
	sed -i 's/^days = 99/days = often/' "$XDG_CONFIG_HOME/calsync/config"
	run --separate-stderr calsync sync
	assert_matches "$stderr" "history.days.*'often'"
}
