#!/usr/bin/env bash
# Start-up, first sync and notifications, as ratios to the least that could be done. Run it with
# `make bench`, on a machine that does nothing else; EVENTS_COUNT (10000) and RUNS (3) may be set.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${CALSYNC_BUILD:-$top/build}
count=${EVENTS_COUNT:-10000}
runs=${RUNS:-3}
for var in $(compgen -e); do
	case $var in
	GOOGLE_* | CALSYNC_* | XDG_* | *_DIRECTORY | *_proxy) unset "$var" ;;
	esac
done
export PATH=$build:$build/bench:$build/webhook:$PATH TZ=Europe/Berlin LANG=C.UTF-8
work=$(mktemp -d "${TMPDIR:-/tmp}/calsync-bench.XXXXXX")
sandbox=
receiver=
finish() {
	stop_receiver
	[ -z "$sandbox" ] || { kill "$sandbox" && wait "$sandbox"; } 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

stop_receiver() {
	[ -z "$receiver" ] || { kill "$receiver" && wait "$receiver"; } 2>/dev/null || true
	receiver=
}

# start_sandbox FILE
start_sandbox() {
	[ -z "$sandbox" ] || { kill "$sandbox" && wait "$sandbox"; } 2>/dev/null || true
	rm -f "$work/port"
	calsync-sandbox --listen 127.0.0.1:0 --port-file "$work/port" --load "$1" \
		>"$work/sandbox.log" 2>&1 </dev/null &
	sandbox=$!
	for _ in $(seq 600); do
		[ ! -s "$work/port" ] || break
		kill -0 "$sandbox" 2>/dev/null || { cat "$work/sandbox.log" >&2; exit 1; }
		sleep 0.05
	done
	port=$(cat "$work/port")
	export CALSYNC_GOOGLE_BASE_URL=http://127.0.0.1:$port BROWSER=$top/tests/bats/consent
	export GOOGLE_CLIENT_ID=calsync-sandbox.apps.googleusercontent.com
	export GOOGLE_CLIENT_SECRET=sandbox-secret
}

fresh_home() {
	export HOME=$work/home
	rm -rf "$HOME"
	mkdir -p "$HOME"
	calsync --quiet connect bench 2>/dev/null
}

ratio() {
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'
}

ms() {
	awk -v us="$1" 'BEGIN { printf "%.2f ms", us / 1000 }'
}

echo "== start-up, median of 200 runs each"
start_sandbox "$top/tests/data/demo/calendar.json"
fresh_home
calsync --quiet sync
db=$HOME/.local/share/calsync/calsync.db
read -r print _ < <(measure 200 print)
read -r version _ < <(measure 200 calsync --version)
read -r select _ < <(measure 200 select "$db")
read -r list _ < <(measure 200 calsync event list)
echo "calsync --version:  $(ms "$version") = $(ratio "$version" "$print") x a program that prints a line"
echo "calsync event list: $(ms "$list") = $(ratio "$list" "$select") x one that opens the store and selects a row"

echo "== first sync of $count events, median of $runs runs"
jq -nc --argjson n "$count" '{kind: "calendar#events", items: [range($n) | {
	kind: "calendar#event", id: ("bench" + (tostring)), status: "confirmed",
	summary: "Event number \(.)", description: ("Agenda and notes of this event. " * 6),
	location: "Room \(. % 40), Torstraße 1, Berlin",
	start: {dateTime: (1767250800 + . * 3600 | todate), timeZone: "Europe/Berlin"},
	end: {dateTime: (1767252600 + . * 3600 | todate), timeZone: "Europe/Berlin"},
	attendees: [range(. % 4) | {email: "guest\(.)@example.org", responseStatus: "accepted"}],
	reminders: {useDefault: true}, eventType: "default"}]}' >"$work/big.json"
start_sandbox "$work/big.json"

# The same pages with nothing done to them: what Google's side and the network cost.
cat >"$work/fetch" <<'END'
#!/usr/bin/env bash
set -euo pipefail
page=
while :; do
	curl -sS --fail --compressed -A 'curl (gzip)' -G -H "Authorization: Bearer $1" \
		--data-urlencode maxResults=2500 ${page:+--data-urlencode "pageToken=$page"} \
		"$CALSYNC_GOOGLE_BASE_URL/calendar/v3/calendars/primary/events" >"$2"
	page=$(tail -c 1000 "$2" | sed -n 's/.*"nextPageToken": *"\([^"]*\)".*/\1/p')
	[ -n "$page" ] || page=$(head -c 2000 "$2" | sed -n 's/.*"nextPageToken": *"\([^"]*\)".*/\1/p')
	[ -n "$page" ] || break
done
END
token=$(curl -sS --fail -X POST -d '{}' "$CALSYNC_GOOGLE_BASE_URL/sandbox/token" | jq -er .access_token)
read -r fetch _ < <(measure "$runs" bash "$work/fetch" "$token" "$work/page")
times=()
peak=0
for _ in $(seq "$runs"); do
	fresh_home
	read -r t p < <(measure 1 calsync --quiet sync)
	times+=("$t")
	[ "$p" -le "$peak" ] || peak=$p
	got=$(sqlite3 "$db" 'SELECT count(*) FROM "CalendarEvent"')
	[ "$got" -eq "$count" ] || { echo "bench: $got events came, not $count" >&2; exit 1; }
done
first=$(printf '%s\n' "${times[@]}" | sort -n | sed -n "$(((runs + 1) / 2))p")
read -r second _ < <(measure 5 calsync --quiet sync)
size=$(stat -c %s "$db")
echo "first sync:  $(ms "$first") = $(ratio "$first" "$fetch") x fetching the pages with curl; peak memory $((peak / 1024)) MiB; store $((size / 1024 / 1024)) MiB"
echo "second sync: $(ms "$second")"

echo "== notifications answered after they are on disk, median of $runs runs of 2 s"
webhook_port=$((20000 + $$ % 10000))
export CALSYNC_WEBHOOK_DB=$work/webhook.db
for n in $(seq 64); do
	printf 'channel-%d resource-%d 1.%064d\n' "$n" "$n" "$n"
done >"$work/channels"

# start_receiver nothing|row|group|calsync: on port $port, with an empty database
start_receiver() {
	stop_receiver
	rm -f "$work"/webhook.db* "$work"/floor.db* "$work/port"
	if [ "$1" != calsync ]; then
		floor "$1" "$work/port" "$work/floor.db" &
		receiver=$!
		until [ -s "$work/port" ]; do sleep 0.02; done
		port=$(cat "$work/port")
		return
	fi
	port=$webhook_port
	calsync webhookd --no-drain --listen "127.0.0.1:$port" 2>"$work/receiver.log" &
	receiver=$!
	until curl -sf --max-time 2 -o "$work/health" "http://127.0.0.1:$port/healthz"; do sleep 0.02; done
	while read -r id resource token; do
		echo "INSERT INTO channel (channel_id, calendar_id, token_hash, resource_id, created_ms,
			verified_ms, last_message_ms, last_number, messages) VALUES ('$id', ${id#channel-},
			x'$(printf %s "$token" | sha256sum | cut -d' ' -f1)', '$resource', 1, 0, 0, 0, 0);"
	done <"$work/channels" | sqlite3 "$CALSYNC_WEBHOOK_DB"
}

declare -A rate=()
for connections in 64 8 1; do
	rm -f "$work"/rates.*
	# In turns: a disk is not equally fast all the time.
	for _ in $(seq "$runs"); do
		for kind in nothing row group calsync; do
			start_receiver "$kind"
			load "$port" "$connections" 2 "$work/channels" >>"$work/rates.$kind"
			[ "$kind" != calsync ] || grep VmHWM "/proc/$receiver/status" >"$work/memory"
		done
	done
	for kind in nothing row group calsync; do
		rate[$kind]=$(sort -n "$work/rates.$kind" | sed -n "$(((runs + 1) / 2))p" | cut -d' ' -f1)
	done
	c=${rate[calsync]}
	echo "$connections connections: $c a second = $(ratio "$c" "${rate[group]}") x the group-commit floor (${rate[group]}), $(ratio "$c" "${rate[row]}") x a row a request (${rate[row]}), $(ratio "$c" "${rate[nothing]}") x an empty answer (${rate[nothing]}); peak memory $(awk '{ print int($2 / 1024) }' "$work/memory") MiB"
done
stop_receiver
