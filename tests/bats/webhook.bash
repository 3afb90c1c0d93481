# shellcheck disable=SC2154 # output, stderr and the like are set by bats' run
# For tests of the receiver: `load webhook` behind helpers.

# webhookd_start [OPTION...]: in the background, on a free port unless --listen is among them; its
# standard error is $WEBHOOK_LOG. Sets WEBHOOK_PID, WEBHOOK_PORT and WEBHOOK_URL.
webhookd_start() {
	[[ " $* " == *' --listen '* ]] || set -- --listen 127.0.0.1:0 "$@"
	WEBHOOK_LOG=$BATS_TEST_TMPDIR/webhookd.log
	: >"$WEBHOOK_LOG"
	calsync webhookd "$@" 2>"$WEBHOOK_LOG" 3>&- </dev/null &
	WEBHOOK_PID=$!
	webhookd_says 'listening on'
	WEBHOOK_PORT=$(sed -n 's/^calsync: \(webhookd: \)\{0,1\}listening on [^ ]*:\([0-9]*\)\( with TLS\)\{0,1\}$/\2/p' "$WEBHOOK_LOG" | head -n 1)
	WEBHOOK_URL=http://127.0.0.1:$WEBHOOK_PORT
}

# webhookd_says REGEX [SECONDS]: wait until its log does.
webhookd_says() {
	local i
	for ((i = 0; i < ${2:-10} * 20; i++)); do
		! grep -qE -- "$1" "$WEBHOOK_LOG" || return 0
		kill -0 "$WEBHOOK_PID" 2>/dev/null || break
		sleep 0.05
	done
	echo "the log does not say '$1':" >&2
	cat "$WEBHOOK_LOG" >&2
	return 1
}

# webhookd_stop: by SIGTERM, within 5 seconds, with 0 and without a sanitizer's report.
webhookd_stop() {
	local status=0 start=$EPOCHREALTIME
	[ -n "${WEBHOOK_PID:-}" ] || return 0
	kill "$WEBHOOK_PID"
	wait "$WEBHOOK_PID" || status=$?
	WEBHOOK_PID=
	if [ "$status" -ne 0 ] || grep -E 'ERROR: |runtime error:' "$WEBHOOK_LOG" >&2; then
		echo "webhookd ended with $status" >&2
		cat "$WEBHOOK_LOG" >&2
		return 1
	fi
	[ $((${EPOCHREALTIME/[^0-9]/} - ${start/[^0-9]/})) -lt 5000000 ]
}

# hook_sql STATEMENTS: in the webhook's database.
hook_sql() {
	sqlite3 -cmd '.timeout 5000' "$CALSYNC_WEBHOOK_DB" "$1"
}

# channel ID CALENDAR TOKEN [RESOURCE]: what `watch` would have put there.
channel() {
	local hash resource=NULL
	hash=$(printf %s "$3" | sha256sum | cut -d' ' -f1)
	[ $# -lt 4 ] || resource="'$4'"
	hook_sql "INSERT INTO channel (channel_id, calendar_id, token_hash, resource_id, created_ms,
		verified_ms, last_message_ms, last_number, messages)
		VALUES ('$1', $2, x'$hash', $resource, 1, 0, 0, 0, 0)"
}

# message ID TOKEN NUMBER RESOURCE STATE: curl's options for one as Google sends it, in MESSAGE.
message() {
	MESSAGE=(-X POST -A APIs-Google -H 'Content-Length: 0' -H "X-Goog-Channel-ID: $1"
		-H "X-Goog-Channel-Token: $2" -H "X-Goog-Message-Number: $3" -H "X-Goog-Resource-ID: $4"
		-H "X-Goog-Resource-State: $5"
		-H "X-Goog-Resource-URI: https://www.googleapis.com/calendar/v3/calendars/x/events?alt=json")
}

# post ID TOKEN NUMBER RESOURCE STATE [CURL-OPTION...]: prints the status.
post() {
	message "$@"
	curl -sS --max-time 15 -o /dev/null -w '%{http_code}\n' "${MESSAGE[@]}" "${@:6}" \
		"$WEBHOOK_URL/api/calendar/webhook/google"
}

# raw TEXT [SECONDS]: the bytes of printf's TEXT to the port, and all that comes back.
raw() {
	local fd
	exec {fd}<>"/dev/tcp/127.0.0.1/$WEBHOOK_PORT"
	# shellcheck disable=SC2059 # that is what it is for
	printf "$1" >"$BATS_TEST_TMPDIR/raw"
	# In one piece; who is refused at its beginning may hear that before the end.
	cat "$BATS_TEST_TMPDIR/raw" >&"$fd" || true
	timeout "${2:-5}" cat <&"$fd" || true
	exec {fd}>&-
}
