#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031
# The reverse proxies of contrib/proxy, as they are but for ports and paths, with a certificate of an
# authority made on the spot: nginx and Caddy, both with the same tests.
load helpers

NAME=calendar.example.org
HOOK=/api/calendar/webhook/google
TOKEN=7.canary5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a

setup_file() {
	local dir=$BATS_FILE_TMPDIR
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout "$dir/ca.key" \
		-out "$dir/ca.pem" -subj '/CN=CA of a test' -addext basicConstraints=critical,CA:TRUE
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$dir/server.key" \
		-out "$dir/server.csr" -subj "/CN=$NAME"
	openssl x509 -req -in "$dir/server.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial -days 2 \
		-extfile <(echo "subjectAltName=DNS:$NAME") -out "$dir/server.pem"
}

setup() {
	calsync_setup
	D=$BATS_TEST_TMPDIR
	PROXY=$BATS_DIR/../../contrib/proxy
	PORT=$(peer free)
	PIDS=()
}

teardown() {
	local pid
	for pid in "${PIDS[@]}"; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	fake_google_stop
}

peer() {
	/usr/bin/python3 "$BATS_DIR/proxy_peer.py" "$@"
}

within() {
	for _ in $(seq 200); do
		"$@" && return 0
		sleep 0.05
	done
	echo "not within 10 s: $*" >&2
	return 1
}

listens() {
	(exec 9<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null
}

# recorder: something that writes down what arrives; its address.
recorder() {
	# No function: what is killed in the end would be the shell that waits for it.
	/usr/bin/python3 "$BATS_DIR/proxy_peer.py" upstream "$D/upstream-port" "$D/arrived" 3>&- &
	PIDS+=($!)
	within test -s "$D/upstream-port"
	UPSTREAM=127.0.0.1:$(cat "$D/upstream-port")
	: >"$D/arrived"
}

# proxy nginx|caddy UPSTREAM
proxy() {
	"proxy_$1" "$2"
	PIDS+=($!)
	within listens
	# What was put in took place.
	! grep -E ':8787|/etc/ssl/calsync' "$D/site"
}

proxy_nginx() {
	mkdir -p "$D/nginx"
	sed -E -e '/listen \[::\]/d' -e "s/listen 443/listen 127.0.0.1:$PORT/" \
		-e "s|/etc/ssl/calsync/fullchain.pem|$BATS_FILE_TMPDIR/server.pem|" \
		-e "s|/etc/ssl/calsync/privkey.pem|$BATS_FILE_TMPDIR/server.key|" \
		-e "s|/var/log/nginx/error.log|$D/log.error|" -e "s|server 127.0.0.1:8787|server $1|" \
		"$PROXY/nginx.conf" >"$D/site"
	cat >"$D/nginx.conf" <<-END
		$([ "$(id -u)" -ne 0 ] || echo 'user root;')
		daemon off;
		worker_processes 1;
		pid $D/nginx/pid;
		error_log $D/log.error error;
		events {}
		http {
			access_log $D/log.access;
			client_body_temp_path $D/nginx/body;
			proxy_temp_path $D/nginx/proxy;
			fastcgi_temp_path $D/nginx/fastcgi;
			uwsgi_temp_path $D/nginx/uwsgi;
			scgi_temp_path $D/nginx/scgi;
			include $D/site;
		}
	END
	run -0 "$(nginx_)" -t -q -e "$D/log.error" -c "$D/nginx.conf"
	"$(nginx_)" -e "$D/log.error" -c "$D/nginx.conf" >"$D/log.out" 2>&1 3>&- &
}

nginx_() {
	command -v nginx || echo /usr/sbin/nginx
}

proxy_caddy() {
	sed -e "s|^$NAME {|https://$NAME:$PORT {\n\tbind 127.0.0.1\n\ttls $BATS_FILE_TMPDIR/server.pem $BATS_FILE_TMPDIR/server.key\n\tlog|" \
		-e "0,/^{/s|^{|{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system $D/caddy|" \
		-e "s|reverse_proxy 127.0.0.1:8787|reverse_proxy $1|" "$PROXY/Caddyfile" >"$D/site"
	run -0 caddy validate --adapter caddyfile --config "$D/site"
	caddy run --adapter caddyfile --config "$D/site" >"$D/log.out" 2>&1 3>&- &
}

# ask [CURL-OPTION...]: prints the status
ask() {
	curl -sS -o /dev/null -w '%{http_code}' --max-time 20 --cacert "$BATS_FILE_TMPDIR/ca.pem" \
		--resolve "$NAME:$PORT:127.0.0.1" "$@"
}

# notify [CURL-OPTION...]: a notification as Google sends it
notify() {
	ask -X POST -A 'APIs-Google; (+https://developers.google.com/webmasters/APIs-Google)' \
		-H 'Accept: */*' -H 'Content-Length: 0' -H 'X-Goog-Channel-ID: a-channel' \
		-H "X-Goog-Channel-Token: $TOKEN" -H 'X-Goog-Message-Number: 10' \
		-H 'X-Goog-Resource-ID: resource' -H 'X-Goog-Resource-State: exists' \
		-H 'X-Goog-Resource-URI: https://www.googleapis.com/calendar/v3/calendars/x/events?alt=json' \
		-H 'X-Goog-Channel-Expiration: Tue, 19 Nov 2033 01:13:52 GMT' "$@" "https://$NAME:$PORT$HOOK"
}

# The logs are there, and no token is in them.
logs_are_clean() {
	[ -n "$(cat "$D"/log.*)" ]
	run ! grep -rF "$TOKEN" "$D"/log.*
}

goes_through() {
	recorder
	proxy "$1" "$UPSTREAM"
	assert_equal "$(notify -H 'Cookie: a=b' -H 'Authorization: Bearer x' -H 'X-Forwarded-For: 10.0.0.1')" 204
	assert_equal "$(notify --http1.1)" 204
	run -0 jq -s 'length == 2 and all(.path == "'$HOOK'" and .body == 0
		and .headers["x-goog-channel-id"] == "a-channel"
		and .headers["x-goog-channel-token"] == "'$TOKEN'"
		and .headers["x-goog-message-number"] == "10"
		and .headers["x-goog-resource-id"] == "resource"
		and .headers["x-goog-resource-state"] == "exists"
		and (.headers.host | split(":")[0]) == "'"$NAME"'"
		and (.headers | keys - ["connection", "content-length", "host", "user-agent",
			"x-goog-channel-id", "x-goog-channel-token", "x-goog-message-number",
			"x-goog-resource-id", "x-goog-resource-state"] == []))' "$D/arrived"
	[ "$output" = true ] || { cat "$D/arrived"; return 1; } >&2
	logs_are_clean
}

nothing_else() {
	local url=https://$NAME:$PORT
	recorder
	proxy "$1" "$UPSTREAM"
	assert_equal "$(ask "$url/")" 404
	assert_equal "$(ask "$url/healthz")" 404
	assert_equal "$(ask "$url/metrics")" 404
	assert_equal "$(ask -X POST "$url$HOOK/more")" 404
	assert_matches "$(ask "$url$HOOK")" '^40[45]$'
	assert_matches "$(ask -X PUT "$url$HOOK")" '^40[45]$'
	head -c 100000 /dev/zero | tr '\0' x >"$D/big"
	assert_equal "$(ask --http1.1 -X POST -H 'Expect:' --data-binary "@$D/big" "$url$HOOK")" 413
	assert_matches "$(ask --http1.1 -X POST -H 'Expect:' -H 'Transfer-Encoding: chunked' \
		--data-binary "@$D/big" "$url$HOOK")" '^(413|502)$'
	assert_equal "$(notify --http1.1 -H @<(printf 'X-Filler: '; head -c 60000 "$D/big"))" "$2"
	assert_equal "$(jq -s 'map(select(.body > 0)) | length' "$D/arrived")" 0
	# The next one is let through.
	assert_equal "$(notify)" 204
	logs_are_clean
}

@test "proxy: nginx: a notification goes through, and of it what is needed" {
	goes_through nginx
}

@test "proxy: caddy: a notification goes through, and of it what is needed" {
	goes_through caddy
}

@test "proxy: nginx: nothing else goes through" {
	nothing_else nginx 400
}

@test "proxy: caddy: nothing else goes through" {
	nothing_else caddy 431
}

# Nobody behind it: Google is told to ask again, and no log holds the token.
nobody_there() {
	proxy "$1" "127.0.0.1:$(peer free)"
	assert_equal "$(notify)" 502
	logs_are_clean
	grep -q "$2" "$D"/log.*
}

@test "proxy: nginx: nobody behind it" {
	nobody_there nginx 'Connection refused'
}

@test "proxy: caddy: nobody behind it" {
	nobody_there caddy 'connection refused'
}

slow_is_cut() {
	recorder
	proxy "$1" "$UPSTREAM"
	peer slow "$PORT" "$BATS_FILE_TMPDIR/ca.pem" 20 >"$D/slow" 3>&- &
	assert_equal "$(notify)" 204
	wait $!
	[ "$(cat "$D/slow")" -ge 8 ] && [ "$(cat "$D/slow")" -le 15 ]
}

@test "proxy: nginx: who is slow is hung up on, others are served" {
	slow_is_cut nginx
}

@test "proxy: caddy: who is slow is hung up on, others are served" {
	slow_is_cut caddy
}

# receiver ADDRESS: webhookd, and one channel that it knows.
receiver() {
	export CALSYNC_WEBHOOK_DB=$D/webhook.db
	calsync webhookd --no-drain --listen "$1" >"$D/webhookd.log" 2>&1 3>&- &
	PIDS+=($!)
	within test -s "$CALSYNC_WEBHOOK_DB"
	within sqlite3 "$CALSYNC_WEBHOOK_DB" "INSERT INTO channel VALUES ('a-channel', 7,
		x'$(printf %s "$TOKEN" | sha256sum | cut -d' ' -f1)', NULL, 0, 0, 0, 0, 0)" 2>/dev/null
}

wakes() {
	sqlite3 "$CALSYNC_WEBHOOK_DB" 'SELECT count(*) FROM wake'
}

reaches_webhookd() {
	receiver "$2"
	proxy "$1" "$3"
	assert_equal "$(TOKEN=7.another; notify)" 404
	assert_equal "$(wakes)" 0
	assert_equal "$(notify)" 204
	assert_equal "$(wakes)" 1
	[ -e "$CALSYNC_WEBHOOK_DB-wake" ]
	logs_are_clean
	run ! grep -F "$TOKEN" "$D/webhookd.log"
}

@test "proxy: nginx: as far as webhookd, over TCP and over a UNIX socket" {
	local port
	port=$(peer free)
	reaches_webhookd nginx "127.0.0.1:$port" "127.0.0.1:$port"
	teardown
	setup
	rm "$D/webhook.db"*
	reaches_webhookd nginx "unix:$D/sock" "unix:$D/sock"
}

@test "proxy: caddy: as far as webhookd, over TCP and over a UNIX socket" {
	local port
	port=$(peer free)
	reaches_webhookd caddy "127.0.0.1:$port" "127.0.0.1:$port"
	teardown
	setup
	rm "$D/webhook.db"*
	reaches_webhookd caddy "unix:$D/sock" "unix/$D/sock"
}
