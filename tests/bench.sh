#!/usr/bin/env bash
# Start-up and first sync, as ratios to the least that could be done. Run it with `make bench`, on a
# machine that does nothing else; EVENTS_COUNT (10000) and RUNS (3) may be set.
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
export PATH=$build:$build/bench:$PATH TZ=Europe/Berlin LANG=C.UTF-8
work=$(mktemp -d "${TMPDIR:-/tmp}/calsync-bench.XXXXXX")
sandbox=
finish() {
	[ -z "$sandbox" ] || { kill "$sandbox" && wait "$sandbox"; } 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

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
