#!/usr/bin/env bash
# Compare the local store with what Google (the sandbox at $CALSYNC_GOOGLE_BASE_URL) has of a
# calendar: the same events, and each the same in every field. Prints what differs and fails.
#
#   bash tests/both-sides.sh EMAIL              the primary calendar of that account
#   bash tests/both-sides.sh --count EMAIL      also print how many events there are
#
# Google's side is read through its API, page by page. The local side is what a program sees:
# `calsync event list --no-expand --json`, and, as no list shows occurrences that do not take
# place, these from the store itself ($CALSYNC_DB or the default place).
#
# An event whose start or end is neither a day nor a time, as Google sends none, must have been set
# aside: its status is error and says why, and the rest of it is here. Every other event is in step.
set -euo pipefail

count=
if [ "$1" = --count ]; then
	count=yes
	shift
fi
email=$1
db=${CALSYNC_DB:-${XDG_DATA_HOME:-$HOME/.local/share}/calsync/calsync.db}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

token=$(curl -sS --fail-with-body --max-time 20 -X POST -H 'Content-Type: application/json' \
	-d "{\"account\": \"$email\"}" "$CALSYNC_GOOGLE_BASE_URL/sandbox/token" | jq -er .access_token)
page=
: >"$dir/google.ndjson"
while :; do
	curl -sS --fail-with-body --max-time 60 --compressed -A 'curl (gzip)' -G \
		-H "Authorization: Bearer $token" --data-urlencode maxResults=2500 \
		${page:+--data-urlencode "pageToken=$page"} \
		"$CALSYNC_GOOGLE_BASE_URL/calendar/v3/calendars/primary/events" >"$dir/page"
	jq -c '.items[]' "$dir/page" >>"$dir/google.ndjson"
	page=$(jq -r '.nextPageToken // empty' "$dir/page")
	[ -n "$page" ] || break
done

# An occurrence that does not take place counts as long as its series lives.
jq -cs '(map(select(.status != "cancelled") | {(.id): true}) | add // {}) as $live
	| .[] | select(.status != "cancelled" or $live[.recurringEventId // ""])' \
	"$dir/google.ndjson" >"$dir/google.live"

# What can be read of each, and the ids of those that cannot be read whole.
jq -c 'def is_moment: has("dateTime") or (.date // "" | length == 10);
	del((.start, .end) | select(. != null and (is_moment | not))) as $read
	| if .status == "cancelled" or ($read.start and $read == .) then .
	else $read + {unreadable: true} end' \
	"$dir/google.live" >"$dir/google.read"
jq -c 'del(.unreadable)' "$dir/google.read" >"$dir/google.ndjson"
unreadable=$(jq -cs 'map(select(.unreadable).id)' "$dir/google.read")

calsync event list --no-expand --json >"$dir/list"
jq -c --arg c "$email" '.[] | select(.calendar == $c)
	| del(.account, .calendar, .googleEventId, .syncStatus, .lastSyncError, .pendingOp)' \
	"$dir/list" >"$dir/local.ndjson"
sqlite3 "$db" "SELECT e.resource FROM event e JOIN calendar c ON c.calendar_id = e.calendar_id
	WHERE e.cancelled = 1 AND e.hidden = 0 AND c.google_id = '$email'" >>"$dir/local.ndjson"

# A cancelled occurrence is sure to carry these three members only.
for side in google local; do
	jq -cS 'if .status == "cancelled" then {id, status, recurringEventId, originalStartTime} else . end' \
		"$dir/$side.ndjson" | LC_ALL=C sort >"$dir/$side"
done
if ! cmp -s "$dir/google" "$dir/local"; then
	echo "the two sides differ ( < Google   > here ):" >&2
	for side in google local; do
		jq -S . "$dir/$side" >"$dir/$side.pretty"
	done
	diff -U 12 "$dir/google.pretty" "$dir/local.pretty" | head -n "${DIFF_LINES:-80}" >&2 || true
	exit 1
fi
# What waits to go out, or was refused, is not in step, whatever the fields say.
jq -c --argjson unreadable "$unreadable" '.[] | select(.pendingOp != null
		or if IN(.id; $unreadable[])
		then .syncStatus != "error" or (.lastSyncError // "" | contains("cannot be read") | not)
		else .syncStatus != "synced" end)
	| {id, summary, syncStatus, pendingOp, lastSyncError}' "$dir/list" >"$dir/astray"
if [ -s "$dir/astray" ]; then
	cat "$dir/astray" >&2
	exit 1
fi
[ -z "$count" ] || wc -l <"$dir/google" | tr -d ' '
