# shellcheck disable=SC2154,SC2030,SC2031
load helpers
load schema

setup() {
	calsync_setup
	fake_google_start
	connect_account
}

teardown() {
	assert_no_violations
	calsync_teardown
}

# both_edit: an event whose title was changed on both sides, there last; $id.
both_edit() {
	id=$(fake_google_event base)
	calsync --quiet sync
	fake_google_fault '{"action": "drop_before", "times": 0}'
	calsync --quiet event edit "$id" --title here --location here
	fake_google_no_faults
	sleep 1.1
	fake_google_patch "$id" '{"summary": "there"}' >/dev/null
}

at_google() {
	fake_google_get "$id" | jq -r "$1"
}

@test "conflicts: what the policy decided is listed and shown" {
	run -0 --separate-stderr calsync conflicts
	assert_equal "$output" 'no conflict'
	both_edit
	run -0 --separate-stderr calsync --json sync
	assert_schema sync
	assert_json '.conflicts == 1 and .conflictsWaiting == 0'
	run -0 --separate-stderr calsync --json conflicts
	assert_schema conflicts
	assert_json "length == 1 and (.[0] | .event == \"$id\" and .state == \"decided\"
		and .taken == \"remote\" and .policy == \"merge\" and .fields == [\"summary\"]
		and .base.summary == \"base\" and .local.summary == \"here\"
		and .remote.summary == \"there\" and .resolvedAt == null)"
	number=$(json '.[0].id')
	for name in "$number" "$id" "${id:0:8}"; do
		run -0 --separate-stderr calsync --json conflicts show "$name"
		assert_schema conflict
		assert_json ".id == $number"
	done
	run -0 --separate-stderr calsync conflicts show "$number"
	assert_matches "$output" 'local +here'
	assert_matches "$output" 'remote +there'
	assert_matches "$output" 'decided by merge: remote'
	run -0 --separate-stderr calsync conflicts
	assert_matches "$output" "decided +remote .*$id +summary"
	run -0 --separate-stderr calsync --json conflicts --state waiting
	assert_equal "$output" '[]'
	run -0 --separate-stderr calsync --json conflicts --state decided --calendar primary
	assert_json 'length == 1'
}

@test "conflicts: manual waits for a person, exit status 6, and the rest goes on" {
	both_edit
	fake_google_event other >/dev/null
	run -6 --separate-stderr calsync --json sync --conflict manual
	assert_schema sync
	assert_json '.success == false and .error.code == "conflict" and .stats.created == 1
		and .conflicts == 1 and .conflictsWaiting == 1'
	assert_matches "$stderr" 'calsync conflicts'
	assert_equal "$(at_google .summary)" there
	run -0 --separate-stderr calsync --json event show "$id"
	assert_json '.summary == "here" and .syncStatus == "local_only" and .pendingOp == "update"
		and (.lastSyncError | contains("calsync conflicts show"))'
	# No timer decides it.
	run -0 --separate-stderr calsync --json queue
	assert_json '.[0].state == "conflict" and .[0].notBefore == null'
	run -6 --separate-stderr calsync --json sync
	assert_json '.conflicts == 0 and .conflictsWaiting == 1 and .requests == 2'
	run -0 --separate-stderr calsync --json conflicts --state waiting
	assert_json 'length == 1 and .[0].taken == null'
	run -0 --separate-stderr calsync --json conflicts resolve "$id" --take local
	assert_schema event-change
	assert_json '.syncStatus.synced and .event.summary == "here"'
	assert_equal "$(at_google .summary)" here
	run -0 --separate-stderr calsync --json sync
	assert_json '.requests == 2 and .pushed.updated == 0'
	run -0 --separate-stderr calsync --json conflicts show "$id"
	assert_json '.state == "resolved" and .taken == "local" and .resolvedAt != null'
}

@test "conflicts resolve: remote, and both" {
	both_edit
	run -6 calsync sync --conflict manual
	run -0 --separate-stderr calsync --json conflicts resolve "$id" --take remote
	assert_json '.event.summary == "there" and .event.location == "here" and .syncStatus.synced'
	assert_equal "$(at_google '.summary + .location')" therehere
	both_edit
	run -6 calsync sync --conflict manual
	run -0 --separate-stderr calsync --json conflicts resolve "$id" --take both
	assert_schema event-changes
	assert_json '(.events | map(.event.summary) == ["there", "here"])
		and (.events | all(.syncStatus.synced))'
	assert_equal "$(at_google .summary)" there
	assert_same_both_sides
}

@test "conflicts resolve: the other side after all, and the loser as an event" {
	both_edit
	calsync --quiet sync
	assert_equal "$(at_google .summary)" there
	calsync --quiet conflicts resolve "$id" --take local
	assert_equal "$(at_google .summary)" here
	calsync --quiet conflicts resolve "$id" --take both
	assert_equal "$(fake_google_events | jq -rc 'map(.summary) | sort')" '["here","there"]'
	assert_same_both_sides
}

@test "conflicts resolve: an edit that met a delete" {
	id=$(fake_google_event base)
	calsync --quiet sync
	fake_google_fault '{"action": "drop_before", "times": 0}'
	calsync --quiet event edit "$id" --title here
	fake_google_no_faults
	fake_google_delete "$id"
	calsync --quiet sync
	assert_equal "$(at_google .summary)" here
	run -0 --separate-stderr calsync conflicts
	assert_matches "$output" 'edited here, deleted at Google'
	run -2 --separate-stderr calsync --json conflicts resolve "$id" --take both
	assert_failure_json invalid
	run -0 --separate-stderr calsync --json conflicts resolve "$id" --take remote
	assert_json '.event.status == "cancelled"'
	assert_equal "$(fake_google_events)" '[]'
	run -0 --separate-stderr calsync --json event list
	assert_equal "$output" '[]'
}

@test "conflicts: local and remote win by name; the configuration names the policy" {
	both_edit
	calsync --quiet sync --conflict local
	assert_equal "$(at_google .summary)" here
	both_edit
	mkdir -p "$XDG_CONFIG_HOME/calsync"
	printf '[sync]\nconflict = remote\n' >"$XDG_CONFIG_HOME/calsync/config"
	calsync --quiet sync
	assert_equal "$(at_google .summary)" there
	printf '[sync]\nconflict = whim\n' >"$XDG_CONFIG_HOME/calsync/config"
	run -2 --separate-stderr calsync --json sync
	assert_failure_json invalid
	assert_matches "$stderr" 'merge, newest, local, remote or manual'
}

@test "conflicts: an edit by hand meets the configured policy, too" {
	mkdir -p "$XDG_CONFIG_HOME/calsync"
	printf '[sync]\nconflict = manual\n' >"$XDG_CONFIG_HOME/calsync/config"
	id=$(fake_google_event base)
	calsync --quiet sync
	fake_google_patch "$id" '{"summary": "there"}' >/dev/null
	run -0 --separate-stderr calsync --json event edit "$id" --title here
	assert_json '.syncStatus.synced == false and (.syncStatus.error | contains("conflicts show"))'
	assert_matches "$stderr" 'until you decide'
	run -6 --separate-stderr calsync --json event edit "$id" --location x --require-sync
	assert_equal "$(at_google .summary)" there
}

@test "conflicts: hostile text does not reach the terminal" {
	id=$(fake_google_event base)
	calsync --quiet sync
	fake_google_fault '{"action": "drop_before", "times": 0}'
	calsync --quiet event edit "$id" --title here
	fake_google_no_faults
	sleep 1.1
	fake_google_patch "$id" '{"summary": "\u001b[31mred\u202e"}' >/dev/null
	calsync --quiet sync
	run -0 --separate-stderr calsync conflicts show "$id"
	refute_matches "$output" $'\e'
	refute_matches "$output" $'\u202e'
}

@test "conflicts: bad input" {
	run -5 --separate-stderr calsync --json conflicts show 99
	assert_failure_json not_found
	run -5 --separate-stderr calsync --json conflicts resolve abcdef --take local
	assert_failure_json not_found
	run -2 --separate-stderr calsync --json conflicts resolve 1
	assert_failure_json usage
	run -2 --separate-stderr calsync --json conflicts resolve 1 --take mine
	assert_failure_json usage
	run -2 --separate-stderr calsync --json conflicts show
	assert_failure_json usage
	run -2 --separate-stderr calsync --json sync --conflict whim
	assert_failure_json usage
	run -5 --separate-stderr calsync --json conflicts show ''
	assert_failure_json not_found
	for id in aaaaa1 aaaaa2; do
		fake_google_event base '' "{\"id\": \"$id\"}" >/dev/null
	done
	calsync --quiet sync
	for id in aaaaa1 aaaaa2; do
		calsync --quiet event rm --no-sync "$id"
		fake_google_patch "$id" '{"summary": "there"}' >/dev/null
	done
	calsync --quiet sync
	run -2 --separate-stderr calsync --json conflicts show aaaaa
	assert_failure_json ambiguous
	run -0 --separate-stderr calsync --json conflicts show aaaaa2
	assert_json '.event == "aaaaa2" and .local == null and .fields == []'
}

@test "conflicts: an event that two accounts hold is told apart" {
	local name id=shared42
	fake_google_event base '' "{\"id\": \"$id\"}" >/dev/null
	fake_google_account user2@example.com
	connect_account home user2@example.com
	fake_google_event base '' "{\"id\": \"$id\"}" user2@example.com >/dev/null
	for name in work home; do
		calsync --quiet -a "$name" sync
		calsync --quiet -a "$name" event rm --no-sync "$id"
	done
	sleep 1.1
	fake_google_patch "$id" '{"summary": "at work"}' >/dev/null
	fake_google_patch "$id" '{"summary": "at home"}' user2@example.com >/dev/null
	for name in work home; do
		calsync --quiet -a "$name" sync
	done
	run -2 --separate-stderr calsync --json conflicts show "$id"
	assert_failure_json ambiguous
	assert_matches "$stderr" 'by its number'
	for name in work home; do
		run -0 --separate-stderr calsync --json -a "$name" conflicts show "$id"
		assert_json ".account == \"$name\" and .remote.summary == \"at $name\""
	done
	run -0 --separate-stderr calsync --json conflicts show "$(json .id)"
	assert_json '.account == "home"'
	run -5 --separate-stderr calsync --json -a work conflicts show "$(json .id)"
	assert_failure_json not_found
	run -2 --separate-stderr calsync --json conflicts resolve "$id" --take local
	assert_failure_json ambiguous
	run -0 --separate-stderr calsync --json -a work conflicts resolve "$id" --take local
	run -0 --separate-stderr calsync --json -a home conflicts show "$id"
	assert_json '.state == "decided"'
}
