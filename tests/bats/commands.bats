# shellcheck disable=SC2154,SC2030,SC2031
# What the store keeps of each command that changes events.
load helpers

setup() {
	calsync_setup
	fake_google_start
	connect_account
}

teardown() {
	calsync_teardown
}

# commands: name and number of logged changes of each, oldest first.
commands() {
	sqlite3 "$CALSYNC_STORE" "SELECT name || ' ' || (SELECT count(*) FROM history h
		WHERE h.command_id = c.command_id) FROM command c ORDER BY command_id"
}

@test "commands: each is noted once, with all that it changed" {
	for title in A B C; do
		jq -nc --arg s "$title" '{summary: $s, start: {date: "2026-03-10"}, end: {date: "2026-03-11"}}'
	done >events
	run -0 calsync event add --from-json events
	mapfile -t ids < <(calsync --json event list | jq -r '.[].id')
	run -0 calsync event edit "${ids[0]}" --title A2 --location Here
	run -0 calsync event rm "${ids[1]}" "${ids[2]}"
	assert_equal "$(commands)" "$(printf 'event add 3\nevent edit 1\nevent rm 2')"
	run -0 calsync sync
	fake_google_patch "${ids[0]}" '{"summary": "A3"}' >/dev/null
	run -0 calsync sync
	assert_equal "$(commands)" "$(printf 'event add 3\nevent edit 1\nevent rm 2')"
}

@test "commands: one that changes nothing, or fails, leaves none" {
	id=$(calsync --json event add Same --start 2026-03-10 | jq -er .event.id)
	run -0 calsync event edit "$id" --title Same
	run -2 calsync event edit "$id" --end 2026-03-01
	run -2 calsync event add Bad --start 2026-03-10 --end 2026-03-01
	run -5 calsync event rm "$id" nosuchevent
	assert_equal "$(commands)" "event add 1"
}
