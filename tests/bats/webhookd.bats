# shellcheck disable=SC2154,SC2030,SC2031
# The receiver of notifications: what it answers, and what is in its database then.
load helpers
load webhook

setup() {
	calsync_setup
	export CALSYNC_WEBHOOK_DB=$HOME/hook.db
}

teardown() {
	webhookd_stop
}

# state_of ID: highest number, messages, resource, whether it is verified.
state_of() {
	hook_sql "SELECT last_number, messages, resource_id, verified_ms > 0 FROM channel WHERE channel_id = '$1'"
}

wakes() {
	hook_sql 'SELECT calendar_id FROM wake ORDER BY calendar_id' | xargs
}

@test "webhookd: a first message verifies the channel, a change wakes its calendar" {
	webhookd_start --no-drain
	channel one 7 1.aaaa
	assert_equal "$(post one 1.aaaa 1 res sync)" 204
	assert_equal "$(state_of one)" '1|0|res|1'
	assert_equal "$(wakes)" ''
	assert_equal "$(post one 1.aaaa 4 res exists)" 204
	assert_equal "$(post one 1.aaaa 6 res not_exists)" 204
	assert_equal "$(state_of one)" '6|2|res|1'
	assert_equal "$(wakes)" 7
}

@test "webhookd: what repeats, or comes late, is answered well and changes nothing" {
	webhookd_start --no-drain
	channel one 7 1.aaaa res
	assert_equal "$(post one 1.aaaa 5 res exists)" 204
	before=$(hook_sql .dump)
	for number in 5 4 1; do
		assert_equal "$(post one 1.aaaa $number res exists)" 204
	done
	assert_equal "$(post one 1.aaaa 1 res sync)" 204
	assert_equal "$(hook_sql .dump)" "$before"
}

@test "webhookd: unknown, wrong token, wrong resource and another path are one answer, byte for byte" {
	webhookd_start --no-drain
	channel one 7 1.aaaa res
	answer() {
		message "$@"
		curl -sS -i --max-time 10 "${MESSAGE[@]}" "$WEBHOOK_URL${6:-/api/calendar/webhook/google}" |
			sed 's/^Date: .*/Date/'
	}
	want=$(answer one 1.aaaa 1 res exists /nothing/here)
	assert_matches "$want" '^HTTP/1.1 404 '
	for args in 'two 1.aaaa 1 res' 'one 1.bbbb 1 res' 'one 1.aaaa 1 other' 'one 1.aaa 1 res' 'one 1.aaaaa 1 res'; do
		for state in sync exists; do
			# shellcheck disable=SC2086 # words
			assert_equal "$(answer $args $state)" "$want"
		done
	done
	assert_equal "$(state_of one)" '0|0|res|0'
	assert_equal "$(wakes)" ''
	assert_equal "$(post one 1.aaaa 1 res exists)" 204
}

@test "webhookd: malformed requests are refused, and each says how" {
	webhookd_start --no-drain
	channel one 7 1.aaaa res
	assert_equal "$(post one 1.aaaa 0 res exists)" 400
	assert_equal "$(post one 1.aaaa -1 res exists)" 400
	assert_equal "$(post one 1.aaaa 99999999999999999999 res exists)" 400
	assert_equal "$(post one 1.aaaa 1 res EXISTS)" 400
	assert_equal "$(post "$(printf 'x%.0s' {1..65})" 1.aaaa 1 res exists)" 400
	assert_equal "$(post one "$(printf 'x%.0s' {1..257})" 1 res exists)" 400
	assert_equal "$(post one 1.aaaa 1 res exists -H 'X-Goog-Channel-Token: 1.aaaa')" 400
	assert_equal "$(post one 1.aaaa 1 res exists -H 'X-Goog-Channel-ID;')" 400
	assert_equal "$(post one 1.aaaa 1 res exists -H "X: $(printf 'x%.0s' {1..8200})")" 431
	assert_equal "$(post one 1.aaaa 1 res exists -X PUT)" 405
	run -0 curl -sS -i --max-time 5 "$WEBHOOK_URL/api/calendar/webhook/google"
	assert_matches "$output" 'HTTP/1.1 405 '
	assert_matches "$output" 'Allow: POST'
	assert_equal "$(state_of one)" '0|0|res|0'
}

@test "webhookd: a body is read and thrown away up to 4 KiB" {
	webhookd_start --no-drain
	channel one 7 1.aaaa res
	body() {
		printf 'POST /api/calendar/webhook/google HTTP/1.1\\r\\nHost: x\\r\\nX-Goog-Channel-ID: one\\r\\nX-Goog-Channel-Token: 1.aaaa\\r\\nX-Goog-Message-Number: %s\\r\\nX-Goog-Resource-ID: res\\r\\nX-Goog-Resource-State: exists\\r\\n%s' "$1" "$2"
	}
	many=$(printf 'x%.0s' {1..4096})
	run -0 raw "$(body 1 "Connection: close\\r\\nContent-Length: 4096\\r\\n\\r\\n$many")"
	assert_matches "$output" '^HTTP/1.1 204 '
	run -0 raw "$(body 2 "Connection: close\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n1000\\r\\n$many\\r\\n0\\r\\n\\r\\n")"
	assert_matches "$output" '^HTTP/1.1 204 '
	# More than that, declared or not; it does not matter how much comes.
	run -0 raw "$(body 3 "Content-Length: 4097\\r\\n\\r\\n")"
	assert_matches "$output" '^HTTP/1.1 413 '
	run -0 raw "$(body 3 "Content-Length: 1073741824\\r\\n\\r\\n$many")"
	assert_matches "$output" '^HTTP/1.1 413 '
	run -0 raw "$(body 3 "Transfer-Encoding: chunked\\r\\n\\r\\n1001\\r\\nx$many\\r\\n0\\r\\n\\r\\n")"
	assert_matches "$output" '^HTTP/1.1 413 '
	assert_equal "$(state_of one)" '2|2|res|1'
}

@test "webhookd: what two could read differently is refused, and nothing behind it is read" {
	webhookd_start --no-drain
	for headers in 'Content-Length: 0\r\nTransfer-Encoding: chunked' 'Content-Length: 0\r\nContent-Length: 5' \
		'Transfer-Encoding: xchunked' 'Content-Length : 0' 'Content-Length: 0, 0' 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'; do
		run -0 raw "POST /x HTTP/1.1\r\nHost: x\r\n$headers\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
		assert_matches "$output" '^HTTP/1.1 400 '
		refute_matches "$output" 'HTTP/1.1 [^4]'
	done
}

@test "webhookd: a second request has ten seconds, too, however it trickles" {
	webhookd_start --no-drain
	exec {fd}<>"/dev/tcp/127.0.0.1/$WEBHOOK_PORT"
	printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' >&"$fd"
	start=$SECONDS
	(
		trap '' PIPE
		for _ in $(seq 30); do
			printf G >&"$fd" || exit 0
			sleep 0.5
		done
	) 2>/dev/null 3>&- &
	run -0 timeout 14 cat <&"$fd"
	assert_matches "$output" '^HTTP/1.1 200 '
	[ $((SECONDS - start)) -ge 9 ]
	[ $((SECONDS - start)) -le 13 ]
	exec {fd}>&-
	assert_equal "$(curl -sS "$WEBHOOK_URL/healthz")" ok
}

@test "webhookd: when all places are taken, who dawdles makes room" {
	webhookd_start --no-drain --max-connections 3 --metrics 127.0.0.1:0
	metrics=$(sed -n 's/^calsync: listening on \(.*\) for metrics$/\1/p' "$WEBHOOK_LOG")
	for _ in 1 2 3 4 5; do
		exec {fd}<>"/dev/tcp/127.0.0.1/$WEBHOOK_PORT"
		printf 'POST /' >&"$fd"
		fds+=("$fd")
	done
	for _ in 1 2 3; do
		assert_equal "$(curl -sS --max-time 2 "$WEBHOOK_URL/healthz")" ok
	done
	run -0 curl -sS --max-time 2 "http://$metrics/metrics"
	[ "$(sed -n 's/^calsync_webhook_connections_pushed_out_total //p' <<<"$output")" -ge 3 ]
	# The first was hung up on.
	run -0 timeout 2 cat <&"${fds[0]}"
	assert_equal "$output" ''
	for fd in "${fds[@]}"; do
		exec {fd}>&-
	done
}

@test "webhookd: without a database that answers it says so, and is well again by itself" {
	webhookd_start --no-drain
	channel one 7 1.aaaa res
	assert_equal "$(post one 1.aaaa 1 res exists)" 204
	mkdir away
	mv hook.db hook.db-* away/
	assert_equal "$(post one 1.aaaa 2 res exists)" 503
	assert_equal "$(post one 1.aaaa 2 res exists)" 503
	assert_equal "$(curl -sS -o /dev/null -w '%{http_code}' "$WEBHOOK_URL/healthz")" 503
	[ ! -e hook.db ]
	mv away/* .
	assert_equal "$(post one 1.aaaa 2 res exists)" 204
	assert_equal "$(curl -sS "$WEBHOOK_URL/healthz")" ok
	assert_equal "$(state_of one)" '2|2|res|1'
	assert_equal "$(grep -c 'answered with 503' "$WEBHOOK_LOG")" 1
	assert_equal "$(grep -c 'works again' "$WEBHOOK_LOG")" 1
}

# health: of the receiver, and what its metrics say of the database.
health() {
	curl -sS -o /dev/null -w '%{http_code} ' "$WEBHOOK_URL/healthz"
	curl -sS "http://$metrics/metrics" | sed -n 's/^calsync_webhook_database_up //p'
}

@test "webhookd: a database that can be read and not written to is not well until it takes a write" {
	trap '' XFSZ # the write fails
	webhookd_start --no-drain --metrics 127.0.0.1:0
	trap - XFSZ
	metrics=$(sed -n 's/^calsync: listening on \(.*\) for metrics$/\1/p' "$WEBHOOK_LOG")
	channel one 7 1.aaaa res
	assert_equal "$(post one 1.aaaa 1 res exists)" 204
	assert_equal "$(health)" '200 1'
	prlimit --pid "$WEBHOOK_PID" --fsize=8192:unlimited
	assert_equal "$(post one 1.aaaa 2 res exists)" 503
	assert_equal "$(health)" '503 0'
	# Time passes, strangers come, it is read: none of that mends it.
	assert_equal "$(post two 1.aaaa 2 res exists)" 404
	sleep 6
	assert_equal "$(post one 1.aaaa 2 res exists)" 503
	assert_equal "$(health)" '503 0'
	prlimit --pid "$WEBHOOK_PID" --fsize=unlimited:unlimited
	# Nobody has to come for it.
	webhookd_says 'works again' 10
	assert_equal "$(health)" '200 1'
	assert_equal "$(post one 1.aaaa 2 res exists)" 204
	assert_equal "$(grep -c 'answered with 503' "$WEBHOOK_LOG")" 1
	assert_equal "$(grep -c 'works again' "$WEBHOOK_LOG")" 1
	assert_equal "$(hook_sql 'SELECT count(*) FROM wake WHERE calendar_id < 0')" 0
}

@test "webhookd: another's transaction delays it by two seconds at most, then Google is to come again" {
	webhookd_start --no-drain
	channel one 7 1.aaaa res
	coproc hold { sqlite3 hook.db; }
	echo 'BEGIN IMMEDIATE; SELECT 1;' >&"${hold[1]}"
	read -r _ <&"${hold[0]}"
	start=$EPOCHREALTIME
	assert_equal "$(post one 1.aaaa 1 res exists)" 503
	took=$((${EPOCHREALTIME/[^0-9]/} - ${start/[^0-9]/}))
	[ "$took" -lt 3500000 ]
	echo 'ROLLBACK; SELECT 1;' >&"${hold[1]}"
	read -r _ <&"${hold[0]}"
	assert_equal "$(post one 1.aaaa 1 res exists)" 204
	kill "$hold_PID"
}

@test "webhookd: metrics are at an address of their own, of this machine" {
	webhookd_start --no-drain --metrics 127.0.0.1:0
	metrics=$(sed -n 's/^calsync: listening on \(.*\) for metrics$/\1/p' "$WEBHOOK_LOG")
	channel one 7 1.aaaa res
	post one 1.aaaa 1 res exists
	post one 1.aaaa 1 res exists
	post one 1.bbbb 2 res exists
	post two 1.bbbb 2 res exists
	post one 1.aaaa x res exists
	run -0 --separate-stderr curl -sS "http://$metrics/metrics"
	for line in 'requests_total{outcome="accepted"} 1' 'requests_total{outcome="repeated"} 1' \
		'requests_total{outcome="wrong_token"} 1' 'requests_total{outcome="unknown_channel"} 1' \
		'requests_total{outcome="malformed"} 1' 'commits_total 1' 'wakes 1' 'database_up 1' \
		'batch_messages_bucket{le="1"} 1' 'batch_messages_sum 1' 'connections 1'; do
		grep -qxF "calsync_webhook_$line" <<<"$output" || { echo "$output" >&2; false; }
	done
	# Every name is explained once, before its values.
	assert_equal "$(grep -c '^# HELP' <<<"$output")" "$(grep -c '^# TYPE' <<<"$output")"
	assert_equal "$(grep '^# TYPE' <<<"$output" | sort | uniq -d)" ''
	assert_equal "$(curl -sS -o /dev/null -w '%{http_code}' "$WEBHOOK_URL/metrics")" 404
	assert_equal "$(curl -sS -o /dev/null -w '%{http_code}' "http://$metrics/healthz")" 404
	assert_equal "$(curl -sS -o /dev/null -w '%{http_code}' -X POST "http://$metrics/metrics")" 405
	webhookd_stop
	run -2 --separate-stderr calsync webhookd --listen 127.0.0.1:0 --metrics 0.0.0.0:0
	assert_one_line_error
	assert_matches "$stderr" 'only an address of this machine'
}

@test "webhookd: strangers fill no journal, and no token gets there" {
	webhookd_start --no-drain
	channel one 7 1.secret res
	for _ in $(seq 30); do post two 1.secret 1 res exists; done >/dev/null
	post one 1.wrong 1 res exists
	assert_equal "$(wc -l <"$WEBHOOK_LOG")" 1
	webhookd_stop
	webhookd_start --no-drain -v
	for _ in $(seq 30); do post two 1.secret 1 $'res\e[31m' exists; done >/dev/null
	post one 1.secret 1 res exists
	assert_equal "$(grep -c 'refused a request' "$WEBHOOK_LOG")" 10
	refute_matches "$(cat "$WEBHOOK_LOG")" 'secret|wrong|31m|two'
}

@test "webhookd: it opens its own database, and nothing else of ours" {
	mkdir -p "$XDG_DATA_HOME/calsync" "$XDG_CONFIG_HOME/calsync"
	echo nonsense >"$XDG_DATA_HOME/calsync/calsync.db"
	# A configuration that cannot be read does not matter where the environment says all.
	mkdir "$XDG_CONFIG_HOME/calsync/config"
	webhookd_start --no-drain
	channel one 7 1.aaaa res
	assert_equal "$(post one 1.aaaa 1 res exists)" 204
	run -0 sh -c "ls -l /proc/$WEBHOOK_PID/fd"
	assert_matches "$output" "$HOME/hook.db"
	refute_matches "$output" "$XDG_DATA_HOME|$XDG_CONFIG_HOME"
	webhookd_stop
	unset CALSYNC_WEBHOOK_DB
	run -2 --separate-stderr calsync webhookd --no-drain --listen 127.0.0.1:0
	assert_one_line_error
	rmdir "$XDG_CONFIG_HOME/calsync/config"
	printf '[webhook]\ndatabase = ~/other.db\n' >"$XDG_CONFIG_HOME/calsync/config"
	CALSYNC_WEBHOOK_DB=$HOME/other.db
	webhookd_start --no-drain
	[ -s other.db ]
	assert_equal "$(stat -c %a other.db)" 600
}

@test "webhookd: --no-drain rings the bell, also at the start when calendars wait" {
	webhookd_start --no-drain
	[ ! -e hook.db-wake ]
	channel one 7 1.aaaa res
	post one 1.aaaa 1 res sync
	[ ! -e hook.db-wake ]
	post one 1.aaaa 2 res exists
	[ -e hook.db-wake ]
	rm hook.db-wake
	# A new owner's first message tells of what waits.
	channel two 8 1.bbbb res
	post two 1.bbbb 1 res sync
	[ -e hook.db-wake ]
	webhookd_stop
	rm hook.db-wake
	webhookd_start --no-drain
	[ -e hook.db-wake ]
}
