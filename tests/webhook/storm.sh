#!/usr/bin/env bash
# Notifications by the hundred thousand, with repeats, gaps, replays, wrong tokens and unknown
# channels, while the receiver and the syncer that it starts are killed again and again:
#
#   MESSAGES=100000 KILLS=100 SEED=1 bash tests/webhook/storm.sh
#
# In each round an event is made at "Google" in every calendar, its notifications are posted, and
# somebody is killed (-9) at a random moment. Then, with no further notification and no timer:
#
#   lost     the store has each calendar's new event
#   doubled  the receiver counted each message once; every event is there once
#   one row  no calendar ever has more than one row in the queue
#
# Google itself is silent (every push of the sandbox is dropped): what wakes is what is posted here.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${CALSYNC_BUILD:-$top/build}
messages=${MESSAGES:-100000}
kills=${KILLS:-100}
calendars=8
each=$(((messages + kills * calendars - 1) / (kills * calendars)))
for var in $(compgen -e); do
	case $var in
	GOOGLE_* | CALSYNC_* | BACKEND_URL | XDG_* | *_DIRECTORY | *_proxy | NOTIFY_SOCKET | LISTEN_*)
		unset "$var" ;;
	esac
done
work=$(mktemp -d "${TMPDIR:-/tmp}/calsync-storm.XXXXXX")
export PATH=$build:$build/webhook:$PATH TZ=Europe/Berlin LANG=C.UTF-8 HOME=$work/home
export CALSYNC_DB=$work/home/calsync.db CALSYNC_WEBHOOK_DB=$work/home/webhook.db
mkdir -p "$HOME"
sandbox='' receiver=''
finish() {
	[ -z "$receiver" ] || kill -9 "$receiver" 2>/dev/null || true
	[ -z "$sandbox" ] || kill "$sandbox" 2>/dev/null || true
	wait 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

fail() {
	echo "storm: $*" >&2
	[ ! -s "$work/receiver.log" ] || tail -20 "$work/receiver.log" >&2
	echo "not ok 1 - storm"
	echo 1..1
	exit 1
}

google() { # METHOD PATH JSON
	curl -sS --fail-with-body --max-time 20 -X "$1" -H 'Content-Type: application/json' \
		-d "$3" "$CALSYNC_GOOGLE_BASE_URL$2" >"$work/answer" || fail "$2: $(cat "$work/answer")"
}

hook() {
	sqlite3 -cmd '.timeout 5000' "$CALSYNC_WEBHOOK_DB" "$1"
}

store() {
	sqlite3 -cmd '.timeout 5000' "$CALSYNC_DB" "$1"
}

start_receiver() {
	calsync webhookd --listen "127.0.0.1:$port" >>"$work/receiver.log" 2>&1 </dev/null &
	receiver=$!
}

# --- Google, an account, its calendars, a channel on each ---------------------------------------

calsync-sandbox --listen 127.0.0.1:0 --port-file "$work/port" >"$work/sandbox.log" 2>&1 </dev/null &
sandbox=$!
for _ in $(seq 100); do
	[ ! -s "$work/port" ] || break
	sleep 0.05
done
CALSYNC_GOOGLE_BASE_URL=http://127.0.0.1:$(cat "$work/port")
export CALSYNC_GOOGLE_BASE_URL BROWSER=$top/tests/bats/consent
export GOOGLE_CLIENT_ID=calsync-sandbox.apps.googleusercontent.com GOOGLE_CLIENT_SECRET=sandbox-secret
google POST /sandbox/config '{"allow_http_webhook": true, "push_drop_every": 1, "log_requests": false}'
for n in $(seq 2 "$calendars"); do
	google POST /sandbox/calendars "{\"id\": \"c$n@group.calendar.google.com\", \"summary\": \"Calendar $n\"}"
done
google POST /sandbox/token '{}'
token=$(jq -er .access_token "$work/answer")
calsync --quiet connect storm --calendars all
calsync --quiet sync
# A port that stays the same through all restarts.
port=$((20000 + $$ % 10000))
export BACKEND_URL=http://127.0.0.1:$port
calsync --quiet watch >/dev/null
# Only a hash of each token is kept: here the tokens are known.
secret=$(printf '%064d' 7)
for id in $(hook 'SELECT channel_id FROM channel'); do
	hash=$(printf '1.%s' "$secret" | sha256sum | cut -d' ' -f1)
	hook "UPDATE channel SET token_hash = x'$hash' WHERE channel_id = '$id'"
done
hook "SELECT channel_id || ' ' || resource_id || ' 1.$secret' FROM channel" >"$work/channels"
[ "$(wc -l <"$work/channels")" -eq "$calendars" ] || fail "not every calendar has a channel"

# --- rounds -------------------------------------------------------------------------------------

make_events() { # TITLE
	local id
	for id in $(store 'SELECT google_id FROM calendar'); do
		curl -sS --fail-with-body --max-time 20 -o "$work/answer" -A 'curl (gzip)' \
			-H "Authorization: Bearer $token" -H 'Content-Type: application/json' -X POST \
			-d "{\"summary\": \"$1\", \"start\": {\"date\": \"2026-05-01\"}, \"end\": {\"date\": \"2026-05-02\"}}" \
			"$CALSYNC_GOOGLE_BASE_URL/calendar/v3/calendars/${id/@/%40}/events" ||
			fail "no event in $id: $(cat "$work/answer")"
	done
}

pause() { # up to N ms
	sleep "0.$(printf %03d $((RANDOM % $1)))"
}

kill_receiver() {
	pause 150
	kill -9 "$receiver"
	killed=$((killed + 1))
	wait "$receiver" 2>/dev/null || true
	start_receiver
}

# The syncer is there for moments only: wait for it.
kill_syncer() {
	local child=''
	for _ in $(seq 400); do
		child=$(pgrep -P "$receiver" | head -1) || true
		[ -z "$child" ] || break
		sleep 0.005
	done
	[ -n "$child" ] || fail "round $round: nobody started a sync"
	pause 20
	! kill -9 "$child" 2>/dev/null || killed=$((killed + 1)) # or it had just ended
}

is_drained() {
	[ "$(hook 'SELECT count(*) FROM wake')" -eq 0 ] &&
		[ "$(store 'SELECT count(*) FROM sync_request')" -eq 0 ] &&
		! pgrep -P "$receiver" >/dev/null
}

wait_drained() {
	for _ in $(seq 600); do
		! is_drained || return 0
		sleep 0.05
	done
	fail "round $round: the queue is not drained after 30 s"
}

RANDOM=${SEED:-1}
declare -A sum=()
killed=0 round=0 first=0 next=0 expected=0
start_receiver
while [ "$round" -lt "$kills" ] || [ "$killed" -lt "$kills" ]; do
	round=$((round + 1))
	make_events "round $round"
	post "$port" "$work/channels" "$each" "$round" "$first" >"$work/posted" 2>"$work/posted.err" &
	poster=$!
	case $((round % 3)) in
	0) kill_receiver ;;
	1) kill_syncer ;;
	2) kill_syncer; kill_receiver ;;
	esac
	rows=$(hook 'SELECT count(*) FROM wake')
	[ "$rows" -le "$calendars" ] || fail "round $round: $rows rows wait for $calendars calendars"
	wait "$poster" || fail "round $round: $(cat "$work/posted.err")"
	wait_drained
	got=$(store "SELECT count(*) FROM \"CalendarEvent\" WHERE title = 'round $round'")
	[ "$got" -eq "$calendars" ] || fail "round $round: $got of $calendars new events are here"
	while read -r id last count; do
		sum[$id]=$((${sum[$id]:-0} + count))
		counted=$(hook "SELECT last_number || ' ' || messages FROM channel WHERE channel_id = '$id'")
		[ "$counted" = "$last ${sum[$id]}" ] ||
			fail "round $round: channel $id counted '$counted', posted '$last ${sum[$id]}'"
		[ "$last" -le "$next" ] || next=$last
		expected=$((expected + count))
	done <"$work/posted"
	first=$next
done
got=$(store 'SELECT count(*) FROM "CalendarEvent"')
[ "$got" -eq $((round * calendars)) ] || fail "$got events, not $((round * calendars))"
calsync --quiet verify || fail "the two sides differ"
kill "$receiver"
wait "$receiver" || fail "the receiver ended with $?"
receiver=
echo "ok 1 - $((each * calendars * round)) messages and their repeats ($expected of them news), $killed times kill -9 in $round rounds: none lost, none doubled"
echo 1..1
