# shellcheck disable=SC2154
# Killed at any moment: what was acknowledged is there, nothing is there twice, and the next sync goes
# on. The moments are chosen by a seeded generator; CRASH_KILLS=60 CRASH_SEED=3 tries others.
load helpers

setup() {
	calsync_setup
}

teardown() {
	calsync_teardown
}

# killed_after MS COMMAND...: its exit status when it was faster; 137 when it was killed.
killed_after() {
	local ms=$1 pid status=0
	shift
	"$@" >"$BATS_TEST_TMPDIR/killed.out" 2>&1 3>&- &
	pid=$!
	sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
	kill -KILL "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || status=$?
	return "$status"
}

# now_ms: a clock to measure with.
now_ms() {
	echo $(($(date +%s%N) / 1000000))
}

# moment: a random moment of a run as long as the first one was, a little past its end included.
moment() {
	echo $((RANDOM % (WHOLE_MS + 20)))
}

# at_most_one TITLE: there is no second such event at Google.
at_most_one() {
	local n
	n=$(jq --arg t "$1" '[.[] | select(.summary == $t)] | length' <<<"$THERE")
	[ "$n" -le 1 ] || { echo "'$1' is there $n times" >&2; return 1; }
}

# whole_store: SQLite finds nothing wrong with the file.
whole_store() {
	assert_equal "$(sqlite3 "$CALSYNC_STORE" 'PRAGMA integrity_check; PRAGMA foreign_key_check')" ok
}

@test "crash: kill -9 at any moment loses nothing and doubles nothing" {
	local i id status before kills=${CRASH_KILLS:-15} done_titles=()
	fake_google_start --latency 5
	connect_account
	RANDOM=${CRASH_SEED:-7}
	before=$(now_ms)
	id=$(calsync --json event add "edited" --start "2026-03-01 10:00" --require-sync | jq -er .event.id)
	WHOLE_MS=$(($(now_ms) - before))
	for i in $(seq "$kills"); do
		fake_google_event "there $i" >/dev/null
		case $((i % 5)) in
		0) killed_after "$(moment)" calsync event edit "$id" --title "edited $i" || true ;;
		1) killed_after "$(moment)" calsync sync || true ;;
		2) # an edit that waits, its answer lost; then a sync that compares everything
			fake_google_fault '{"method": "POST", "match": "/events", "action": "drop_after"}'
			calsync --quiet event add "waits $i" --start "2026-03-02 10:00" 2>/dev/null
			done_titles+=("waits $i")
			killed_after "$(moment)" calsync sync --full || true
			;;
		*)
			status=0
			killed_after "$(moment)" calsync event add "here $i" --start "2026-03-03 10:00" || status=$?
			[ "$status" -ne 0 ] || done_titles+=("here $i")
			;;
		esac
		whole_store
	done
	run -0 calsync sync
	run -0 calsync sync
	THERE=$(fake_google_events)
	for i in $(seq "$kills"); do
		at_most_one "here $i"
		at_most_one "there $i"
		jq -e --arg t "there $i" 'any(.[]; .summary == $t)' <<<"$THERE" >/dev/null
	done
	for i in "${done_titles[@]}"; do
		at_most_one "$i"
		jq -e --arg t "$i" 'any(.[]; .summary == $t)' <<<"$THERE" >/dev/null
	done
	bash "$BATS_DIR/../both-sides.sh" user1@example.com
	fake_google_forget_log
	run -0 calsync sync
	assert_equal "$(fake_google_count POST PUT PATCH DELETE)" 0
	assert_no_violations
}

@test "crash: a sync that is asked to end ends at once, and the next one goes on" {
	local signal pid status
	fake_google_start
	connect_account
	fake_google_event "there" >/dev/null
	calsync --quiet event add "here" --start "2026-03-02 10:00" >/dev/null
	for signal in INT TERM; do
		fake_google_fault '{"match": "/events", "times": 0, "action": "delay", "delay_ms": 5000}'
		# A background job of a script ignores SIGINT; env puts it back.
		env --default-signal=INT calsync sync >/dev/null 2>&1 3>&- &
		pid=$!
		sleep 0.7
		SECONDS=0
		kill -s "$signal" "$pid"
		status=0
		wait "$pid" || status=$?
		assert_equal "$status" $((128 + $(kill -l "$signal")))
		[ "$SECONDS" -le 1 ]
		fake_google_no_faults
		whole_store
	done
	run -0 calsync sync
	bash "$BATS_DIR/../both-sides.sh" user1@example.com
}
