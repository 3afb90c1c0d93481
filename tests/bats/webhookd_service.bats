# shellcheck disable=SC2154,SC2030,SC2031,SC2016
# The receiver as a service: addresses, certificates, signals, the service manager, the drain.
load helpers
load webhook

setup() {
	calsync_setup
	export CALSYNC_WEBHOOK_DB=$HOME/hook.db
}

teardown() {
	[ -z "${SOCAT_PID:-}" ] || kill "$SOCAT_PID" 2>/dev/null || true
	webhookd_stop
	calsync_teardown
}

# certificate NAME: NAME.pem and NAME.key, signed by itself for 127.0.0.1.
certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" \
		-addext subjectAltName=IP:127.0.0.1 -keyout "$1.key" -out "$1.pem" 2>/dev/null
	chmod 600 "$1.key"
}

# common_name: of the certificate that new connections get.
common_name() {
	openssl s_client -connect "127.0.0.1:$WEBHOOK_PORT" </dev/null 2>/dev/null |
		openssl x509 -noout -subject | sed 's/.*CN *= *//'
}

# --- addresses ------------------------------------------------------------------------------

@test "webhookd: an address in use is named" {
	webhookd_start --no-drain
	run -1 --separate-stderr calsync webhookd --no-drain --listen "127.0.0.1:$WEBHOOK_PORT"
	assert_one_line_error
	assert_matches "$stderr" "127.0.0.1:$WEBHOOK_PORT: Address already in use; another program listens there"
}

@test "webhookd: what is no address, or no option, is refused" {
	local where
	for where in 8787 127.0.0.1 127.0.0.1: :8787 127.0.0.1:x 127.0.0.1:65536 127.0.0.1:-1 localhost:8787 \
		::1:8787 '[::1]' '[::1]:' unix: http://127.0.0.1:8787 ''; do
		run -2 --separate-stderr calsync webhookd --no-drain --listen "$where"
		assert_one_line_error
	done
	run -2 --separate-stderr calsync webhookd --tls-cert x.pem
	assert_matches "$stderr" '--tls-cert and --tls-key go together'
	run -2 --separate-stderr calsync webhookd --max-connections 0
	run -2 --separate-stderr calsync webhookd --listen "unix:/$(printf 'x%.0s' {1..108})"
	echo text >hook.db
	run -1 --separate-stderr calsync webhookd --listen 127.0.0.1:0
	assert_one_line_error
	assert_matches "$stderr" "hook.db' is not a webhook database"
}

@test "webhookd: several addresses; one that others can reach without TLS is warned of" {
	webhookd_start --no-drain --listen 127.0.0.1:0 --listen '[::1]:0' --listen 0.0.0.0:0
	assert_equal "$(grep -c 'listening on' "$WEBHOOK_LOG")" 3
	assert_equal "$(grep -c 'can be reached from other machines without TLS' "$WEBHOOK_LOG")" 1
	port=$(sed -n 's/^calsync: listening on \[::1\]:\(.*\)/\1/p' "$WEBHOOK_LOG")
	assert_equal "$(curl -sS "http://[::1]:$port/healthz")" ok
}

@test "webhookd: a UNIX socket is its group's; a stale one is replaced, no other file" {
	webhookd_start --no-drain --listen "unix:$HOME/w.sock"
	assert_equal "$(stat -c '%a %F' w.sock)" '660 socket'
	assert_equal "$(curl -sS --unix-socket w.sock http://x/healthz)" ok
	channel one 7 1.aaaa res
	WEBHOOK_URL=http://x
	assert_equal "$(post one 1.aaaa 1 res exists --unix-socket w.sock)" 204
	run -1 --separate-stderr calsync webhookd --listen "unix:$HOME/w.sock"
	assert_matches "$stderr" 'another program listens there'
	kill -9 "$WEBHOOK_PID"
	wait "$WEBHOOK_PID" || true
	[ -S w.sock ]
	webhookd_start --no-drain --listen "unix:$HOME/w.sock"
	assert_equal "$(curl -sS --unix-socket w.sock http://x/healthz)" ok
	webhookd_stop
	[ ! -e w.sock ]
	echo precious >w.sock
	run -1 --separate-stderr calsync webhookd --listen "unix:$HOME/w.sock"
	assert_matches "$stderr" 'no socket'
	assert_equal "$(cat w.sock)" precious
}

@test "webhookd: sockets of systemd's, in place of the default address" {
	port=$((20000 + RANDOM % 10000))
	WEBHOOK_LOG=$BATS_TEST_TMPDIR/webhookd.log
	systemd-socket-activate -l "127.0.0.1:$port" -l "$HOME/w.sock" -E HOME -E CALSYNC_WEBHOOK_DB -E ASAN_OPTIONS \
		-E XDG_DATA_HOME -E XDG_CONFIG_HOME "$(command -v calsync)" webhookd --no-drain \
		2>"$WEBHOOK_LOG" >/dev/null 3>&- </dev/null &
	WEBHOOK_PID=$!
	webhookd_says 'Listening on'
	assert_equal "$(curl -sS --max-time 10 "http://127.0.0.1:$port/healthz")" ok
	assert_equal "$(curl -sS --max-time 10 --unix-socket w.sock http://x/healthz)" ok
	assert_equal "$(grep -c '^calsync: listening on' "$WEBHOOK_LOG")" 2
	# Each descriptor was taken: no child inherits one (O_CLOEXEC).
	for fd in 3 4; do
		assert_matches "$(readlink "/proc/$WEBHOOK_PID/fd/$fd")" '^socket:'
		assert_matches "$(sed -n 's/^flags:\s*//p' "/proc/$WEBHOOK_PID/fdinfo/$fd")" '^0?2[0-7]{6}$'
	done
	webhookd_stop
	# The socket's file is systemd's.
	[ -S w.sock ]
}

@test "webhookd: a descriptor that is no listening socket is refused" {
	run -1 --separate-stderr bash -c 'exec 3</dev/null; LISTEN_FDS=1 LISTEN_PID=$BASHPID exec calsync webhookd'
	assert_matches "$stderr" 'descriptor 3 is no listening stream socket'
	# Somebody else's variables are not ours.
	LISTEN_FDS=1 LISTEN_PID=1 webhookd_start --no-drain
	assert_equal "$(grep -c 'listening on' "$WEBHOOK_LOG")" 1
}

# --- TLS ------------------------------------------------------------------------------------

@test "webhookd: TLS 1.2 and 1.3, nothing older, and nothing without it" {
	certificate one
	webhookd_start --no-drain --tls-cert one.pem --tls-key one.key
	channel one 7 1.aaaa res
	WEBHOOK_URL=https://127.0.0.1:$WEBHOOK_PORT
	assert_equal "$(post one 1.aaaa 1 res exists --cacert one.pem --tlsv1.2 --tls-max 1.2)" 204
	assert_equal "$(post one 1.aaaa 2 res exists --cacert one.pem --tlsv1.3)" 204
	run -35 curl -sS --cacert one.pem --ciphers 'DEFAULT@SECLEVEL=0' --tls-max 1.1 "$WEBHOOK_URL/healthz"
	run curl -sS --max-time 3 "http://127.0.0.1:$WEBHOOK_PORT/healthz"
	[ "$status" -ne 0 ]
	assert_equal "$(curl -sS --cacert one.pem "$WEBHOOK_URL/healthz")" ok
}

@test "webhookd: SIGHUP brings a new certificate, and drops nobody" {
	certificate one
	certificate two
	cp one.pem live.pem
	cp -p one.key live.key
	webhookd_start --no-drain --tls-cert live.pem --tls-key live.key
	assert_equal "$(common_name)" one
	coproc old { openssl s_client -quiet -connect "127.0.0.1:$WEBHOOK_PORT" 2>/dev/null; }
	printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' >&"${old[1]}"
	read -r line <&"${old[0]}"
	assert_matches "$line" 'HTTP/1.1 200'
	cp two.pem live.pem
	# A new certificate with the old key: none of it is taken.
	kill -HUP "$WEBHOOK_PID"
	webhookd_says 'reload: .*live.key.*; going on with the old ones'
	assert_equal "$(common_name)" one
	echo nonsense >live.key
	kill -HUP "$WEBHOOK_PID"
	for _ in $(seq 100); do [ "$(grep -c 'going on with the old ones' "$WEBHOOK_LOG")" -lt 2 ] || break; sleep 0.05; done
	assert_equal "$(grep -c 'going on with the old ones' "$WEBHOOK_LOG")" 2
	assert_equal "$(common_name)" one
	cp -p two.key live.key
	kill -HUP "$WEBHOOK_PID"
	webhookd_says 'new connections get the certificate'
	assert_equal "$(common_name)" two
	# The connection of before goes on, for one more answer.
	printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' >&"${old[1]}"
	run -0 timeout 5 cat <&"${old[0]}"
	assert_equal "$(grep -c '^HTTP/1.1 200' <<<"$output")" 1
	assert_equal "$(grep -ci '^Connection: close' <<<"$output")" 1
	assert_equal "$(curl -sS --cacert two.pem "https://127.0.0.1:$WEBHOOK_PORT/healthz")" ok
}

# held: one answer, and an idle connection behind it; its process is in HELD.
held() {
	printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' |
		openssl s_client -quiet -connect "127.0.0.1:$WEBHOOK_PORT" >held.out 2>/dev/null 3>&- &
	HELD=$!
	for _ in $(seq 100); do ! grep -q '^ok' held.out || return 0; sleep 0.05; done
	return 1
}

@test "webhookd: reloads in a row, each with connections of before: none is refused, none stays" {
	local i name names=(two one) held=()
	certificate one
	certificate two
	cp one.pem live.pem
	cp -p one.key live.key
	webhookd_start --no-drain --tls-cert live.pem --tls-key live.key
	for ((i = 0; i < 20; i++)); do
		held
		held+=("$HELD")
		name=${names[i % 2]}
		cp "$name.pem" live.pem
		cp -p "$name.key" live.key
		kill -HUP "$WEBHOOK_PID"
		for _ in $(seq 40); do [ "$(common_name)" != "$name" ] || break; sleep 0.05; done
		assert_equal "$(common_name)" "$name"
	done
	run ! grep -E 'going on with the old ones|ERROR' "$WEBHOOK_LOG"
	[ "$(grep -c 'new connections get the certificate' "$WEBHOOK_LOG")" = 20 ]
	# Nobody said another word: the time of a request is the end of the last of them.
	for i in "${held[@]}"; do
		timeout 12 tail --pid="$i" -f /dev/null
	done
	# libmicrohttpd's two: without TLS, and with the present certificate.
	for _ in $(seq 20); do
		[ "$(readlink /proc/"$WEBHOOK_PID"/fd/* | grep -c eventpoll)" != 2 ] || break
		sleep 0.1
	done
	assert_equal "$(readlink /proc/"$WEBHOOK_PID"/fd/* | grep -c eventpoll)" 2
	assert_equal "$(curl -sS --cacert one.pem "https://127.0.0.1:$WEBHOOK_PORT/healthz")" ok
}

@test "webhookd: a certificate that is no good ends the start; a key that others read is warned of" {
	certificate one
	certificate two
	run -2 --separate-stderr calsync webhookd --listen 127.0.0.1:0 --tls-cert one.pem --tls-key two.key
	assert_one_line_error
	assert_matches "$stderr" "certificate 'one.pem', key 'two.key': .*match"
	run -2 --separate-stderr calsync webhookd --listen 127.0.0.1:0 --tls-cert one.key --tls-key one.key
	assert_one_line_error
	run -2 --separate-stderr calsync webhookd --listen 127.0.0.1:0 --tls-cert gone.pem --tls-key one.key
	assert_one_line_error
	assert_matches "$stderr" 'gone.pem'
	run -2 --separate-stderr calsync webhookd --listen 127.0.0.1:0 --tls-cert one.pem --tls-key "$HOME"
	assert_one_line_error
	chmod 640 one.key
	webhookd_start --no-drain --tls-cert one.pem --tls-key one.key
	assert_matches "$(cat "$WEBHOOK_LOG")" "others than its owner can read the TLS key 'one.key' \(mode 640\)"
	assert_equal "$(common_name)" one
}

# --- the service manager, signals -----------------------------------------------------------

@test "webhookd: the service manager is told ready, alive and stopping" {
	local address
	for address in "$HOME/notify" "@calsync-test-$$-$RANDOM"; do
		: >told
		if [[ $address = @* ]]; then
			socat -u "ABSTRACT-RECVFROM:${address#@},fork" OPEN:told,append 3>&- &
		else
			socat -u "UNIX-RECVFROM:$address,fork" OPEN:told,append 3>&- &
		fi
		SOCAT_PID=$!
		sleep 0.5
		NOTIFY_SOCKET=$address WATCHDOG_USEC=400000 webhookd_start --no-drain
		sleep 1.2
		kill -HUP "$WEBHOOK_PID"
		webhookd_says 'reload'
		webhookd_stop
		sleep 0.3
		kill "$SOCAT_PID"
		SOCAT_PID=
		assert_matches "$(cat told)" '^READY=1'
		[ "$(grep -o 'WATCHDOG=1' told | wc -l)" -ge 4 ]
		[ "$(grep -o 'WATCHDOG=1' told | wc -l)" -le 9 ]
		# socat's children race: of what follows shortly the order is not kept.
		assert_matches "$(cat told)" 'RELOADING=1.MONOTONIC_USEC=[0-9]+'
		assert_equal "$(grep -o 'READY=1' told | wc -l)" 2
		assert_matches "$(cat told)" 'STOPPING=1'
	done
	# Another process's watchdog is not ours.
	NOTIFY_SOCKET=$HOME/nobody WATCHDOG_USEC=100000 WATCHDOG_PID=1 webhookd_start --no-drain
	sleep 0.5
	assert_equal "$(grep -c 'cannot tell the service manager' "$WEBHOOK_LOG")" 1
}

@test "webhookd: SIGTERM lets a request that is under way end, and hangs up on the others" {
	webhookd_start --no-drain
	channel one 7 1.aaaa res
	exec {fd}<>"/dev/tcp/127.0.0.1/$WEBHOOK_PORT" {idle}<>"/dev/tcp/127.0.0.1/$WEBHOOK_PORT"
	printf 'POST /api/calendar/webhook/google HTTP/1.1\r\nHost: x\r\nX-Goog-Channel-ID: one\r\nX-Goog-Channel-Token: 1.aaaa\r\n' >&"$fd"
	sleep 0.2
	kill "$WEBHOOK_PID"
	webhookd_says stopping
	run ! curl -sS --max-time 2 "$WEBHOOK_URL/healthz"
	printf 'X-Goog-Message-Number: 5\r\nX-Goog-Resource-ID: res\r\nX-Goog-Resource-State: exists\r\n\r\n' >&"$fd"
	run -0 timeout 2 cat <&"$fd"
	assert_matches "$output" '^HTTP/1.1 204 '
	assert_matches "$output" 'Connection: close'
	wait "$WEBHOOK_PID"
	WEBHOOK_PID=
	assert_equal "$(hook_sql 'SELECT last_number FROM channel')" 5
	exec {fd}>&- {idle}>&-
}

# --- the drain ------------------------------------------------------------------------------

@test "webhookd: what waits starts a sync, with our options, alone and without our descriptors" {
	local child held i
	fake_google_start
	connect_account
	webhookd_start --db "$CALSYNC_STORE" -vv
	channel one 7 1.aaaa res
	webhookd_says 'drain: starting' # the one of its start
	# Somebody writes to the store: the sync waits, and can be looked at.
	for ((i = 0; i < 100; i++)); do
		[ -n "$(pgrep -P "$WEBHOOK_PID")" ] || break
		sleep 0.05
	done
	exec {held}> >(exec sqlite3 -cmd '.timeout 5000' "$CALSYNC_STORE" >/dev/null)
	echo "BEGIN IMMEDIATE; INSERT INTO meta VALUES ('held', 'yes');" >&"$held"
	sleep 0.3
	post one 1.aaaa 2 res exists
	for ((i = 0; i < 100; i++)); do
		child=$(pgrep -P "$WEBHOOK_PID") && break
		sleep 0.05
	done
	sleep 0.3
	post one 1.aaaa 3 res exists
	sleep 0.3
	assert_equal "$(pgrep -P "$WEBHOOK_PID")" "$child"
	assert_matches "$(tr '\0' ' ' <"/proc/$child/cmdline")" "^calsync .*--db $CALSYNC_STORE .*sync --queued"
	assert_equal "$(cat "/proc/$child/comm")" calsync
	assert_equal "$(readlink "/proc/$child/fd/0" "/proc/$child/fd/1")" $'/dev/null\n/dev/null'
	run ! grep -E 'socket:|eventpoll' <<<"$(readlink "/proc/$child/fd"/*)"
	echo 'ROLLBACK;' >&"$held"
	exec {held}>&-
	for ((i = 0; i < 100; i++)); do
		[ "$(hook_sql 'SELECT count(*) FROM wake')" -ne 0 ] || break
		sleep 0.1
	done
	assert_equal "$(hook_sql 'SELECT count(*) FROM wake')" 0
	# No bell: nobody else is to drain.
	[ ! -e hook.db-wake ]
}

@test "webhookd: a sync that failed is tried again by itself, and its success is told" {
	echo nonsense >broken.db
	webhookd_start --db broken.db
	channel one 7 1.aaaa res
	post one 1.aaaa 2 res exists
	webhookd_says 'sync of the queue failed with exit status 1; next in [12] s'
	rm broken.db
	fake_google_start
	CALSYNC_DB=$HOME/broken.db connect_account
	webhookd_says 'sync of the queue works again' 30
	# It was for a calendar that nobody has.
	assert_equal "$(hook_sql 'SELECT count(*) FROM wake')" 0
}

@test "webhookd: a sync that ends well and leaves what waits is told of, now and then" {
	local config=$XDG_CONFIG_HOME/calsync/config
	fake_google_start
	connect_account
	export -n CALSYNC_WEBHOOK_DB
	printf '[webhook]\ndatabase = %s\n' "$HOME/hook.db" >>"$config"
	chmod 600 "$config"
	webhookd_start
	# The syncs that it starts read another one from now on.
	sed -i 's/hook[.]db/other.db/' "$config"
	channel one 7 1.aaaa res
	assert_equal "$(post one 1.aaaa 2 res exists)" 204
	webhookd_says 'sync of the queue ended well, and the notifications .* wait on: .*webhook.database.* next in [12] s' 20
	# Tries one, two, four and eight are told, the others not.
	sleep 6
	[ "$(grep -c 'wait on' "$WEBHOOK_LOG")" -le 3 ]
	sed -i 's/other[.]db/hook.db/' "$config"
	webhookd_says 'sync of the queue works again' 30
	assert_equal "$(hook_sql 'SELECT count(*) FROM wake')" 0
}

@test "webhookd: SIGTERM ends the sync that it has started" {
	fake_google_start
	connect_account
	calendar=$(sqlite3 "$CALSYNC_STORE" 'SELECT calendar_id FROM calendar LIMIT 1')
	webhookd_start
	channel one "$calendar" 1.aaaa res
	# A sync that cannot go on: the store is another's for a while.
	coproc hold { sqlite3 -cmd '.timeout 10000' "$CALSYNC_STORE"; }
	echo 'PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; SELECT 1;' >&"${hold[1]}"
	read -t 20 -r _ <&"${hold[0]}"
	read -t 20 -r _ <&"${hold[0]}"
	post one 1.aaaa 2 res exists
	for _ in $(seq 40); do
		child=$(pgrep -P "$WEBHOOK_PID" || true)
		[ -z "$child" ] || break
		sleep 0.05
	done
	[ -n "$child" ]
	# Descriptors 0 to 2, and what it has opened itself.
	run -0 sh -c "ls -l /proc/$child/fd"
	refute_matches "$output" 'socket|hook.db|signalfd|eventpoll'
	assert_matches "$(tr '\0' ' ' <"/proc/$child/cmdline")" '^calsync --quiet sync --queued --all $'
	# What it needs of the secrets lies in the store.
	[ -n "$GOOGLE_CLIENT_SECRET" ]
	grep -zq '^GOOGLE_CLIENT_ID=' "/proc/$child/environ"
	run ! grep -zq '^GOOGLE_CLIENT_SECRET=' "/proc/$child/environ"
	webhookd_stop
	run ! kill -0 "$child"
	kill "$hold_PID"
}
