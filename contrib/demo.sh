#!/usr/bin/env bash
# A whole life of a calendar against the sandbox, every command shown before its output:
# connect, pull, edits on both sides, sync, status. Run it with `make demo`.
#
#   bash contrib/demo.sh [FILE...]
#
# FILE: Google event JSON (an event, an array, an Events list answer) that is loaded in place of
# the calendar in tests/data/demo. Everything happens in a temporary folder, on a free port of
# 127.0.0.1; nothing is left behind. Fails when anything is not as it should be.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
build=${CALSYNC_BUILD:-$top/build}
email=user1@example.com
files=()
for f in "$@"; do
	[ -r "$f" ] || { echo "demo: cannot read '$f'" >&2; exit 2; }
	files+=("$(realpath "$f")")
done
[ ${#files[@]} -gt 0 ] || files=("$top"/tests/data/demo/*.json)

work=$(mktemp -d "${TMPDIR:-/tmp}/calsync-demo.XXXXXX")
sandbox=
finish() {
	local status=$?
	trap - EXIT INT TERM HUP
	if [ -n "$sandbox" ]; then
		kill "$sandbox" 2>/dev/null || true
		# It ends with 0; a sanitizer's report is a failure of the demo too.
		wait "$sandbox" 2>/dev/null || [ "$status" -ne 0 ] || status=1
	fi
	if [ "$status" -ne 0 ]; then
		[ ! -s "$work/sandbox.log" ] || sed 's/^/sandbox: /' "$work/sandbox.log" >&2
		echo "demo: FAILED (status $status)" >&2
	fi
	rm -rf "$work"
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# A home of its own, and nothing from outside that calsync would listen to.
for var in $(compgen -e); do
	case $var in
	GOOGLE_* | CALSYNC_* | BACKEND_URL | *_DIRECTORY | XDG_* | LC_* | CONSENT_* | *_proxy | *_PROXY)
		unset "$var"
		;;
	esac
done
export HOME=$work/home TMPDIR=$work
export XDG_CONFIG_HOME=$HOME/.config XDG_DATA_HOME=$HOME/.local/share
export PATH=$build:$PATH LANG=C.UTF-8 TZ=Europe/Berlin
mkdir -p "$HOME"
cd "$HOME"

say() {
	printf '\n\033[1m%s\033[0m\n' "# $*" | if [ -t 1 ]; then cat; else sed 's/\x1b\[[0-9;]*m//g'; fi
}

# show COMMAND...: print it as one would type it, then run it.
show() {
	local word line='$'
	for word in "$@"; do
		case $word in
		'' | *[!A-Za-z0-9_./:=@,+-]*) line+=" '${word//\'/\'\\\'\'}'" ;;
		*) line+=" $word" ;;
		esac
	done
	printf '\n%s\n' "$line"
	"$@"
}

die() {
	echo "demo: $*" >&2
	exit 1
}

# google METHOD PATH-BELOW-calendar/v3 [JSON]: somebody else at Google, in a browser or on a phone.
google() {
	local args=(-sS --fail-with-body --max-time 20 --compressed -A 'curl (gzip)' -X "$1"
		-H "Authorization: Bearer $token")
	[ $# -lt 3 ] || args+=(-H 'Content-Type: application/json' --data-binary "$3")
	curl "${args[@]}" "$CALSYNC_GOOGLE_BASE_URL/calendar/v3/$2"
}

at_google() {
	printf '\n(at Google) %s %s %s\n' "$1" "${2%%\?*}" "${3:-}"
	google "$@" | jq -r 'select(.id) | "  \(.id)  \(.summary)  \(.start.dateTime // .start.date)"'
}

both_sides_equal() {
	bash "$top/tests/both-sides.sh" "$email" || die "the two sides differ"
}

say "a Google account for this demo: calsync-sandbox with ${files[*]##*/}"
calsync-sandbox --listen 127.0.0.1:0 --port-file "$work/port" --load "${files[@]}" \
	>"$work/sandbox.log" 2>&1 </dev/null &
sandbox=$!
for _ in $(seq 200); do
	[ ! -s "$work/port" ] || break
	kill -0 "$sandbox" 2>/dev/null || die "the sandbox ended"
	sleep 0.05
done
[ -s "$work/port" ] || die "the sandbox does not listen"
port=$(cat "$work/port")
export CALSYNC_GOOGLE_BASE_URL=http://127.0.0.1:$port
export GOOGLE_CLIENT_ID=calsync-sandbox.apps.googleusercontent.com GOOGLE_CLIENT_SECRET=sandbox-secret
# The browser, and the person who reads the consent page and says yes.
export BROWSER="$top/tests/bats/consent"
token=$(curl -sS --fail-with-body --max-time 20 -X POST -H 'Content-Type: application/json' \
	-d "{\"account\": \"$email\"}" "$CALSYNC_GOOGLE_BASE_URL/sandbox/token" | jq -er .access_token)
echo "listening on $CALSYNC_GOOGLE_BASE_URL"

say "connect the account: the consent page is answered by a script"
show calsync connect work
show calsync accounts
show calsync calendars

say "pull: what is at Google comes here"
show calsync sync
show calsync event list
both_sides_equal

say "an event made here appears at Google"
show calsync event add 'Coffee with Ada' --start '2027-01-22 15:00' --duration 45m \
	--location 'Café am Ufer' --attendee ada@example.org --reminder 10m
mine=$(calsync event list --search 'Coffee with Ada' --json | jq -er '.[0].id')
printf '\n(at Google) GET calendars/primary/events/%s\n' "$mine"
google GET "calendars/primary/events/$mine" |
	jq -e '{id, summary, location, start, "end": .end, attendees: [.attendees[]?.email], status}'
show calsync event add 'Bring the car to the garage' --start 2027-02-04
both_sides_equal

say "somebody adds two events at Google"
at_google POST calendars/primary/events '{"summary":"Handover","start":{"dateTime":"2027-01-25T11:00:00+01:00","timeZone":"Europe/Berlin"},"end":{"dateTime":"2027-01-25T12:00:00+01:00","timeZone":"Europe/Berlin"}}'
at_google POST calendars/primary/events '{"summary":"Budget draft","start":{"date":"2027-01-28"},"end":{"date":"2027-01-29"}}'
show calsync sync
both_sides_equal

# Four events that the account may change: of the loaded ones when there are any, else our own.
mapfile -t ids < <(calsync event list --no-expand --json | jq -r --arg me "$email" '
	[.[] | select((.eventType // "default") == "default" and (.recurringEventId | not)
		and (.recurrence | not) and (.locked | not) and (.id | length) >= 4
		and (.start.dateTime or (.start.date // "" | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}$")))
		and ((.organizer | not) or .organizer.self == true or .organizer.email == $me))]
	| [.[] | select(.summary | IN("Coffee with Ada", "Bring the car to the garage", "Handover",
		"Budget draft") | not)][:4] + [.[] | select(.summary | IN("Bring the car to the garage",
		"Budget draft", "Handover", "Coffee with Ada"))]
	| .[:4][] | .id')
[ ${#ids[@]} -eq 4 ] || die "expected four events to work on, found ${#ids[@]}"

say "edit and delete on both sides; the first event is edited on both, in different fields"
at_google PATCH "calendars/primary/events/${ids[0]}?sendUpdates=none" \
	'{"description":"changed on a phone"}'
at_google PATCH "calendars/primary/events/${ids[2]}?sendUpdates=none" \
	'{"summary":"Edited at Google"}'
at_google DELETE "calendars/primary/events/${ids[3]}?sendUpdates=none"
show calsync event edit "${ids[0]}" --title 'Edited here' --location 'Room 7'
show calsync event rm "${ids[1]}"
show calsync sync
both_sides_equal

google GET "calendars/primary/events/${ids[0]}" | jq -e '.summary == "Edited here"
	and .location == "Room 7" and .description == "changed on a phone"' >/dev/null ||
	die "the edits of '${ids[0]}' are not both at Google"
google GET "calendars/primary/events/${ids[1]}" | jq -e '.status == "cancelled"' >/dev/null ||
	die "the event deleted here is still at Google"
calsync event show "${ids[2]}" --json | jq -e '.summary == "Edited at Google"' >/dev/null ||
	die "the edit made at Google is not here"
if calsync event show "${ids[3]}" --json >/dev/null 2>&1; then
	die "the event deleted at Google is still here"
fi

say "a second sync has nothing to do; both sides are the same"
show calsync sync --json
show calsync event list
show calsync status
violations=$(curl -sS --max-time 20 "$CALSYNC_GOOGLE_BASE_URL/sandbox/violations")
[ "$(jq length <<<"$violations")" -eq 0 ] || die "Google would object: $violations"

say "done in ${SECONDS} s: $(bash "$top/tests/both-sides.sh" --count "$email") events, the same here and at Google, field by field"
