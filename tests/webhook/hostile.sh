#!/usr/bin/env bash
# Clients that mean no good against the built receiver, without TLS and behind nobody: see hostile.c.
#
#   bash tests/webhook/hostile.sh
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${CALSYNC_BUILD:-$top/build}
work=$(mktemp -d "${TMPDIR:-/tmp}/calsync-hostile.XXXXXX")
export PATH=$build:$build/webhook:$PATH CALSYNC_WEBHOOK_DB=$work/webhook.db HOME=$work
unset NOTIFY_SOCKET LISTEN_FDS LISTEN_PID
receiver=
# shellcheck disable=SC2317 # the trap calls it
finish() {
	[ -z "$receiver" ] || kill "$receiver" 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

port=$((20000 + $$ % 10000))
calsync webhookd --no-drain --listen "127.0.0.1:$port" >"$work/log" 2>&1 </dev/null &
receiver=$!
for _ in $(seq 100); do
	! curl -sS --max-time 2 -o "$work/health" "http://127.0.0.1:$port/healthz" 2>/dev/null || break
	sleep 0.05
done
for n in 1 2; do
	hash=$(printf '1.%064d' "$n" | sha256sum | cut -d' ' -f1)
	sqlite3 "$CALSYNC_WEBHOOK_DB" "INSERT INTO channel (channel_id, calendar_id, token_hash,
		resource_id, created_ms, verified_ms, last_message_ms, last_number, messages)
		VALUES ('channel-$n', $n, x'$hash', 'resource-$n', 1, 0, 0, 0, 0)"
	printf 'channel-%d resource-%d 1.%064d\n' "$n" "$n" "$n" >>"$work/channels"
done
status=0
# AddressSanitizer's shadow counts as memory: the bound is for the product's build.
case $build in
*/san) pid='' ;;
*) pid=$receiver ;;
esac
hostile "$port" "$work/channels" ${pid:+"$pid"} || status=1
kill "$receiver"
wait "$receiver" || status=1
receiver=
[ "$status" -eq 0 ] || cat "$work/log" >&2
exit "$status"
