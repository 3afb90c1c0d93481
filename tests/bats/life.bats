# shellcheck disable=SC2154,SC2030,SC2031
# A login over its whole life: renewed by one of many processes, dead, and connected again.
load helpers

TEAM=team@group.calendar.google.com

setup() {
	calsync_setup
	fake_google_start
	fake_google_account boss@example.com
	fake_google POST /sandbox/calendars "{\"account\": \"user1@example.com\", \"id\": \"$TEAM\",
		\"summary\": \"Team\", \"accessRole\": \"owner\"}" >/dev/null
	connect_account
	calsync -q calendars select Team
	calsync -q sync
}

teardown() {
	calsync_teardown
}

renewals() {
	fake_google_requests '[.[] | select(.path == "/token")] | length'
}

# add TITLE: an event here and at Google; prints its id
add() {
	calsync --json event add "$1" --start 2026-03-10 --require-sync | jq -er .event.id
}

state() {
	calsync --json accounts | jq -r '.[0].state'
}

# expired_here: by our own clock, not only by Google's
expired_here() {
	sqlite3 "$CALSYNC_STORE" 'UPDATE account SET token_expires_ms = 1'
}

# eight_at_once: edits, syncs of different calendars and looks that write nothing
eight_at_once() {
	local i pids=() failed=0
	for i in 1 2 3; do
		calsync --json event add "At once $i" --start 2026-03-11 >"out.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in primary Team; do
		calsync sync --wait 60 --calendar "$i" >"out.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in 6 7; do
		calsync sync --dry-run --wait 60 >"out.$i" 2>&1 3>&- &
		pids+=($!)
	done
	calsync verify --wait 60 >out.8 2>&1 3>&- &
	pids+=($!)
	for i in "${!pids[@]}"; do
		wait "${pids[i]}" || failed=$?
		# verify: 1 says that the edits of the others are on one side only
		[ "$failed" -eq 0 ] || [ "$i" -eq 7 ] || { tail -n 3 out.* >&2; return 1; }
		failed=0
	done
}

@test "life: of eight processes at once one renews the token, and no rotated one is lost" {
	for how in expired_here 'fake_google_expire access_tokens'; do
		fake_google_config '{"rotate_refresh_tokens": true}'
		fake_google_fault '{"match": "/token", "action": "delay", "delay_ms": 700}'
		fake_google_forget_log
		$how
		eight_at_once
		assert_equal "$(renewals)" 1
		assert_equal "$(fake_google_requests '[.[] | select(.path == "/token" and .status != 200)] | length')" 0
		assert_equal "$(state)" connected
		run -0 calsync sync
		run -0 calsync status --check
		assert_equal "$(renewals)" 1
	done
	assert_equal "$(fake_google_events | jq '[.[] | select(.summary | startswith("At once"))] | length')" 6
}

@test "life: who is killed while it renews the token does not hold up the others" {
	expired_here
	fake_google_forget_log
	fake_google_fault '{"match": "/token", "action": "drop_before", "delay_ms": 600000}'
	fake_google_fault '{"match": "/token", "action": "delay", "delay_ms": 5000}'
	calsync sync 3>&- &
	holder=$!
	for _ in $(seq 100); do
		[ "$(renewals)" -eq 0 ] || break
		sleep 0.05
	done
	assert_equal "$(renewals)" 1
	kill -9 "$holder"
	wait "$holder" || true
	SECONDS=0
	run -0 calsync sync --wait 5
	run --separate-stderr -0 calsync --json event add Later --start 2026-03-11
	assert_json '.syncStatus.synced'
	[ "$SECONDS" -lt 20 ]
	assert_equal "$(state)" connected
}

@test "life: a token is renewed five minutes ahead of its end" {
	fake_google_forget_log
	sqlite3 "$CALSYNC_STORE" "UPDATE account SET token_expires_ms = (strftime('%s') + 320) * 1000"
	run -0 calsync sync
	assert_equal "$(renewals)" 0
	sqlite3 "$CALSYNC_STORE" "UPDATE account SET token_expires_ms = (strftime('%s') + 290) * 1000"
	run -0 calsync sync
	assert_equal "$(renewals)" 1
}

# --- a dead login ----------------------------------------------------------------------------

# stage: what the commands below act on; sets $EDIT, $RM, $MOVE, $OLD, $INVITED, $REFUSED, $NUMBER
stage() {
	EDIT=$(add Edit) RM=$(add Rm) MOVE=$(add Move) OLD=$(add Old) BOTH=$(add Both)
	INVITED=$(fake_google_event Plans '' '{"attendees": [{"email": "user1@example.com"}]}' \
		boss@example.com)
	calsync -q sync
	calsync -q event rm "$OLD"
	fake_google_fault '{"action": "drop_before", "times": 0}'
	calsync -q event edit "$BOTH" --title here
	fake_google_no_faults
	fake_google_patch "$BOTH" '{"summary": "there"}' >/dev/null
	calsync -q sync --conflict manual || [ $? -eq 6 ]
	NUMBER=$(calsync --json conflicts | jq -er '.[0].id')
	fake_google_fault '{"method": "POST", "match": "/events", "action": "status", "status": 400}'
	REFUSED=$(calsync --json event add Refused --start 2026-03-12 | jq -er .event.id)
}

# die: Google wants nothing more of the login; one sync has noticed.
die() {
	fake_google_expire refresh_tokens access_tokens
	run -3 calsync sync
	fake_google_forget_log
}

# silent_and_told STATUS COMMAND...: sends nothing, and names the repair.
silent_and_told() {
	local status=$1
	shift
	run --separate-stderr "-$status" "$@"
	assert_matches "$stderr" 'Calendar token expired\..*calsync connect work'
	assert_equal "$(fake_google_requests '[.[].path]')" '[]'
	run --separate-stderr -3 calsync --json status --check
	assert_json '[.problems[] | select(.kind == "reconnect")] | length == 1'
	assert_equal "$(state)" reauth_required
}

# told_beside COMMAND: it does what it does, and says on stderr, once and alone, how the login is mended.
told_beside() {
	local told="calsync: warning: account 'work' must be connected again: calsync connect work"
	# shellcheck disable=SC2086 # words are meant
	run --separate-stderr -0 calsync $1
	assert_equal "$stderr" "$told"
	refute_matches "$output" 'must be connected again'
	# shellcheck disable=SC2086
	run --separate-stderr -0 calsync --json $1
	assert_equal "$stderr" "$told"
	jq -e . <<<"$output" >/dev/null
	# shellcheck disable=SC2086
	run --separate-stderr -0 calsync --quiet $1
	assert_equal "$stderr" ''
}

@test "life: the first command that meets invalid_grant marks the account, whichever it is" {
	stage
	for command in "sync" "verify" "event add New --start 2026-03-12" "event edit $EDIT --title E2" \
		"event move $MOVE --to Team" "event respond $INVITED yes" "event restore $OLD" "event rm $RM" \
		"conflicts resolve $NUMBER --take local" "queue retry $REFUSED" undo; do
		fake_google_expire refresh_tokens access_tokens
		fake_google_forget_log
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr calsync $command
		assert_matches "$stderr" 'Calendar token expired\..*calsync connect work'
		assert_equal "$(renewals)" 1
		case $command in
		verify) ;; # writes nothing
		*) assert_equal "$(state)" reauth_required ;;
		esac
		connect_account
		assert_equal "$(state)" connected
	done
	assert_equal "$(sqlite3 "$CALSYNC_STORE" "SELECT count(*) FROM outbox")" 0
}

@test "life: a dead login sends nothing, keeps every edit, and sends them when connected again" {
	stage
	die
	silent_and_told 3 calsync sync
	silent_and_told 3 calsync sync --all
	silent_and_told 3 calsync sync --dry-run
	silent_and_told 3 calsync sync --full
	silent_and_told 3 calsync verify
	silent_and_told 0 calsync event add New --start 2026-03-12
	silent_and_told 3 calsync event add Must --start 2026-03-12 --require-sync
	silent_and_told 0 calsync event edit "$EDIT" --title Edited
	silent_and_told 0 calsync event rm "$RM"
	silent_and_told 0 calsync event move "$MOVE" --to Team
	silent_and_told 0 calsync event respond "$INVITED" yes
	silent_and_told 0 calsync event restore "$OLD"
	silent_and_told 0 calsync conflicts resolve "$NUMBER" --take local
	silent_and_told 0 calsync queue retry "$REFUSED"
	silent_and_told 0 calsync event add Undone --start 2026-03-12
	silent_and_told 0 calsync event edit "$EDIT" --location There
	silent_and_told 0 calsync undo
	# These look at the store alone.
	for command in "event explain $EDIT" queue changes status; do
		# shellcheck disable=SC2086 # words are meant
		run -0 calsync $command
	done
	for command in "calendars list" "calendars select Team" "calendars deselect $TEAM" \
		"calendars select $TEAM" agenda "event list" "event show $EDIT" "event log $EDIT" conflicts \
		"conflicts show $NUMBER" accounts renew-watches stop-watch; do
		told_beside "$command"
	done
	assert_equal "$(fake_google_requests '[.[].path]')" '[]'

	connect_account
	assert_equal "$(sqlite3 "$CALSYNC_STORE" 'SELECT count(*) FROM outbox')" 0
	assert_equal "$(fake_google_events | jq -c '[.[] | .summary] | sort')" \
		'["Edited","Must","New","Old","Plans","Refused","Undone","here"]'
	assert_equal "$(fake_google_events | jq -c '.[] | select(.summary == "Edited") | has("location")')" false
	assert_equal "$(fake_google_get "$INVITED" | jq -r '.attendees[0].responseStatus')" accepted
	assert_equal "$(fake_google_api GET "calendars/${TEAM/@/%40}/events" | jq -c '[.items[].summary]')" '["Move"]'
	run -0 calsync sync
	run -0 calsync status --check
	assert_no_violations
}

@test "life: a dead login is disconnected without a word to Google" {
	die
	run --separate-stderr -0 calsync --json disconnect work
	assert_json '.success and .revocation == "nothing" and .account.state == "disconnected"'
	assert_equal "$(fake_google_requests '[.[].path]')" '[]'
	assert_equal "$(sqlite3 "$CALSYNC_STORE" 'SELECT count(*) FROM secret')" 0
}

@test "life: the command that repairs a login can be typed as it stands" {
	CONSENT_ACCOUNT=boss@example.com calsync -q connect 'my work'
	fake_google POST /sandbox/expire '{"access_tokens": true, "refresh_tokens": true, "account": "boss@example.com"}'
	run --separate-stderr -3 calsync -a 'my work' sync
	command=$(sed -n "s/.*: \(calsync connect .*\)/\1/p" <<<"$stderr")
	assert_equal "$command" "calsync connect 'my work'"
	for words in "sync" "status --check" "event add X --start 2026-03-12 --require-sync"; do
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr -3 calsync -a 'my work' $words
		assert_matches "$output$stderr" "calsync connect 'my work'"
	done
	run --separate-stderr -0 calsync -a 'my work' agenda
	assert_matches "$stderr" ": calsync connect 'my work'\$"
	run --separate-stderr -0 calsync -a work agenda
	assert_equal "$stderr" ''
	run -0 calsync -a 'my work' queue
	assert_matches "$output" "calsync connect 'my work'"
	CONSENT_ACCOUNT=boss@example.com eval "$command"
	run -0 calsync -a 'my work' sync
}

# --- who else may look -----------------------------------------------------------------------

# may_look PID: another process of the same user can read from the memory of that one. Root is any user
# here: it goes without the rights to look at everybody's, like what it looks at, or the kernel refuses for
# that alone.
may_look() {
	"${AS[@]}" head -c 1 "/proc/$1/environ" >/dev/null 2>"$HOME/why"
}

@test "life: while a command holds its secrets no other process of the same user looks into it" {
	# With a sanitizer, which looks into the process itself, it stays open.
	[[ $BUILD_DIR != */san ]] || return 0
	AS=()
	[ "$(id -u)" -ne 0 ] || AS=(setpriv '--bounding-set=-sys_ptrace,-sys_admin,-perfmon,-dac_override,-dac_read_search')
	"${AS[@]}" sleep 60 3>&- &
	pid=$!
	for _ in $(seq 100); do
		[ "$(cat "/proc/$pid/comm")" != sleep ] || break
		sleep 0.05
	done
	may_look "$pid"
	kill "$pid"
	fake_google_fault '{"match": "/calendar/v3/", "action": "delay", "delay_ms": 5000}'
	fake_google_forget_log
	"${AS[@]}" calsync sync 3>&- &
	pid=$!
	for _ in $(seq 100); do
		[ "$(fake_google_requests length)" -eq 0 ] || break
		sleep 0.05
	done
	assert_equal "$(cat "/proc/$pid/comm")" calsync
	run ! may_look "$pid"
	assert_matches "$(cat "$HOME/why")" 'Permission denied'
	assert_matches "$(grep 'core file' "/proc/$pid/limits")" ' 0 +0 '
	kill "$pid"
}
