# shellcheck disable=SC2154,SC2030,SC2031,SC2016
# Secrets stay secret: all that the sandbox hands out and all that calsync is given is marked, every
# command runs at its loudest, well and badly, and the marks are looked for wherever they could lie.
load helpers
load canary

# Table, marks and what is printed lie outside of $HOME, which is searched as a whole.
setup() {
	calsync_setup
	OUT=$BATS_TEST_TMPDIR/out IN=$BATS_TEST_TMPDIR/in MARKS=$BATS_TEST_TMPDIR/marks
	export TMPDIR=$HOME/tmp
	mkdir -p "$OUT" "$IN" "$TMPDIR" "$HOME/crash" "$XDG_CONFIG_HOME/calsync"
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$IN/key.pem" 2>/dev/null
	jq -n --rawfile key "$IN/key.pem" '{type: "service_account", project_id: "p", private_key_id: "k1",
		private_key: $key, client_email: "robot@p.iam.gserviceaccount.com"}' >"$IN/key.json"
	printf '[connect]\ntimeout = 2\n' >"$XDG_CONFIG_HOME/calsync/config"
	fake_google_start --service-account "$IN/key.json"
	GOOGLE_CLIENT_ID=calsync-marked.apps.googleusercontent.com GOOGLE_CLIENT_SECRET=GOCSPX-CanarySecret/7x+Q=
	jq -n --arg i "$GOOGLE_CLIENT_ID" --arg s "$GOOGLE_CLIENT_SECRET" \
		'{installed: {client_id: $i, client_secret: $s}}' >"$IN/client.json"
	# A text of the sandbox's tokens, the client secret, a line of the key, the head of each JWT.
	SECRET=$GOOGLE_CLIENT_SECRET LINE=$(sed 1,2d "$IN/key.pem" | grep -m 1 /)
	printf '%s\n' "$CANARY" "$SECRET" "$LINE" eyJhbGciOiJSUzI1NiIs >"$MARKS"
	unset GOOGLE_CLIENT_ID GOOGLE_CLIENT_SECRET
	fake_google_config "{\"token_mark\": \"$CANARY\", \"rotate_refresh_tokens\": true,
		\"allow_http_webhook\": true}"
	export BACKEND_URL=http://127.0.0.1:9
	printf 'http://127.0.0.1:1/callback?state=other&code=4/0A%sxyz\n' "$CANARY" >"$IN/pasted"
}

teardown() {
	calsync_teardown
}

# stage: two accounts, and what the lines of the table act on
stage() {
	fake_google_account user2@example.com
	fake_google POST /sandbox/calendars '{"account": "user1@example.com", "summary": "Team",
		"id": "team@group.calendar.google.com", "accessRole": "owner"}' >/dev/null
	connect_account work user1@example.com --client-secrets "$IN/client.json"
	calsync -q connect robot --service-account "$IN/key.json" --subject user2@example.com
	EDIT=$(add Edit) RM=$(add Rm) MOVE=$(add Move) OLD=$(add Old) BOTH=$(add Both)
	INVITED=$(fake_google_event Plans '' '{"attendees": [{"email": "user1@example.com"}]}' \
		user2@example.com)
	calsync -q -a work event rm "$OLD"
	calsync -q -a work event edit "$BOTH" --title here --no-sync
	fake_google_patch "$BOTH" '{"summary": "there"}' >/dev/null
	calsync -q -a work queue retry "$BOTH" >/dev/null
	calsync -q -a work sync --conflict manual || [ $? -eq 6 ]
	CONFLICT=$(calsync --json -a work conflicts | jq -r '.[0].id // 1')
	fake_google_fault '{"method": "POST", "match": "/events", "action": "status", "status": 400}'
	REFUSED=$(calsync --json -a work event add Refused --start 2026-03-12 | jq -er .event.id)
	fake_google POST /sandbox/token '{"account": "user1@example.com", "refresh": true}' |
		jq -r .refresh_token >"$IN/token"
	export EDIT RM MOVE OLD INVITED CONFLICT REFUSED IN
	assert_clean
}

add() {
	calsync --json -a work event add "$1" --start 2026-03-10 --require-sync | jq -er .event.id
}

# run_all [LIMIT]: every line of the table, for a person and as JSON; an end by a signal is a failure.
# Whoever takes longer than LIMIT seconds is ended.
run_all() {
	local symbol words form n=0 status
	while read -r symbol words; do
		for form in '' --json; do
			n=$((n + 1)) status=0
			eval "CONSENT_ACCOUNT=user1@example.com timeout ${1:-20} calsync -vvv $form $words" \
				>"$OUT/$n.stdout" 2>"$OUT/$n.stderr" 3>&- </dev/null || status=$?
			[ "$status" -le 8 ] || { [ $# -eq 1 ] && [ "$status" -eq 124 ]; } || {
				echo "$symbol: calsync $form $words: $status" >&2
				cat "$OUT/$n.stderr" >&2
				return 1
			}
			note_marks
		done
	done < <(lines)
}

@test "canary: the search finds what is there" {
	stage
	for place in "$OUT/1.stderr" "$HOME/crash/core.1" "$TMPDIR/x" "$CALSYNC_STORE-wal"; do
		[ ! -e "$place" ] || cp "$place" "$BATS_TEST_TMPDIR/kept"
		printf 'bytes\0around 1//0%sabc' "$CANARY" >>"$place"
		run assert_clean
		assert_equal "$status" 1
		assert_matches "$output" "$place"
		rm "$place"
		[ ! -e "$BATS_TEST_TMPDIR/kept" ] || mv "$BATS_TEST_TMPDIR/kept" "$place"
	done
	# A key as bytes, whatever they are.
	for hex in "$(cat "$XDG_CONFIG_HOME/calsync/key")" "$(printf '0a00%.0s' {1..16})"; do
		echo "$hex" >>"$MARKS"
		printf '%b' "xx$(printf %s "$hex" | sed 's/../\\x&/g')yy" >"$TMPDIR/raw"
		run assert_clean
		assert_matches "$output" "$TMPDIR/raw"
		rm "$TMPDIR/raw"
	done
	assert_clean
	# The marks do arrive: Google has seen them, and the store has them sealed.
	fake_google_requests '[.[] | .headers.authorization // "" | select(contains("'"$CANARY"'"))] | length > 5' |
		grep -x true
	[ "$(sqlite3 "$CALSYNC_STORE" 'SELECT count(*) FROM secret')" -ge 5 ]
	env LEAK="$CANARY" sleep 60 3>&- &
	sleep 0.2
	snapshot "$!" "$OUT/proc"
	kill "$!"
	run assert_clean
	assert_matches "$output" "$OUT/proc"
}

# encodings MARK: one a line, by other means than the search's
encodings() {
	jq -nr --arg m "$1" '
		def hex: . as $n | "0123456789abcdef" | .[($n / 16 | floor):][:1] + .[$n % 16:][:1];
		def each(f): explode | map(f) | add;
		def escaped(f): explode | map([.] | implode | if test("[0-9A-Za-z]") then . else explode[0] | f end) | add;
		$m | @uri, (@uri | @uri), escaped("%" + hex), (@json | .[1:-1] | gsub("/"; "\\/")), escaped("\\u00" + hex),
			gsub("/"; "\\/"), escaped("&#x" + hex + ";"), escaped("\\x" + hex), gsub("="; "=3D"),
			each("%" + hex), each("\\u00" + hex), each(hex), (each(hex) | ascii_upcase),
			@base64, ("x\(.)", "id:\(.)", "user:\(.)" | @base64),
			("a:\(.)", "ab:\(.)", "abc:\(.)!" | @base64 | gsub("[+]"; "-") | gsub("/"; "_"))'
}

@test "canary: the search finds it in every encoding" {
	n=0
	for mark in "$CANARY" "$SECRET" "$LINE"; do
		while read -r text; do
			printf 'around "%s" it' "$text" >"$OUT/planted"
			run assert_clean
			[ "$status" -eq 1 ] || { echo "not found: $text" >&2; return 1; }
			[[ $text == *"$mark"* ]] || n=$((n + 1))
		done < <(encodings "$mark")
	done
	[ "$n" -ge 50 ] || { echo "only $n differ" >&2; return 1; }
	rm "$OUT/planted"
	assert_clean
	# A key's bytes
	key=$(openssl rand -hex 32)
	echo "$key" >>"$MARKS"
	for before in '' a ab; do
		printf '%b' "$before$(printf %s "$key" | sed 's/../\\x&/g')" | base64 -w0 >"$OUT/planted"
		run ! assert_clean
	done
}

@test "canary: every command has a line in the table" {
	sed -n 's/^CMD(\(.*\))$/\1/p' "$BATS_DIR/../../src/cmd/list.h" | sort >want
	lines | cut -d' ' -f1 | sort -u >got
	diff want got
	[ "$(wc -l <want)" -gt 40 ]
}

@test "canary: all goes well" {
	stage
	run_all
	assert_clean
}

@test "canary: Google repeats what it refuses" {
	stage
	for match in /calendar/v3 /batch /revoke; do
		fake_google_fault "$(jq -nc --arg p "$match" --arg m "Invalid Authorization: Bearer ya29.a0${CANARY}123, {\"access_token\": \"ya29.a0${CANARY}456\"}" \
			'{match: $p, times: 0, action: "status", status: 400, reason: "badRequest", message: $m}')"
	done
	fake_google_fault "$(jq -nc --arg m "refresh_token=1//0${CANARY}abc&code=4/0A${CANARY}abcdefgh is bad" \
		'{match: "/token", after: 3, times: 0, action: "status", status: 400, reason: "invalid_request", message: $m}')"
	sqlite3 "$CALSYNC_STORE" 'UPDATE account SET token_expires_ms = 1'
	run_all
	# They were repeated, and were blanked.
	grep -rqF '***' "$OUT"
	assert_clean
}

# repetitions: as a server may repeat what it was sent, one a line
repetitions() {
	jq -nr --arg m "$CANARY" --arg s "$SECRET" --arg id calsync-marked.apps.googleusercontent.com '
		("1//0" + $m + "abc") as $refresh | ("ya29.a0" + $m + "abc") as $access | ("4/0A" + $m + "abcdefgh") as $code |
		def form: to_entries | map(.key + "=" + (.value | @uri)) | join("&");
		def lower: gsub("%(?<x>[0-9A-F]{2})"; "%" + (.x | ascii_downcase));
		def slashes: tojson | gsub("/"; "\\/");
		def codes: tojson | gsub("/"; "\\u002f") | gsub("[+]"; "\\u002b") | gsub("="; "\\u003d");
		def all: form, (form | lower), (form | @uri), (form | @uri | @uri), tojson, slashes, codes, (tojson | tojson),
			(slashes | tojson), (tojson | @uri), "at " + (to_entries | map("\(.key): \"\(.value)\"") | join(", "));
		({refresh_token: $refresh, client_secret: $s}, {refreshToken: $refresh, clientSecret: $s},
			{"refresh-token": $refresh, "Client-Secret": $s}, {REFRESH_TOKEN: $refresh, CLIENT_SECRET: $s},
			{access_token: $access, id_token: $m}, {accessToken: $access, idToken: $m},
			{code: $code, code_verifier: $m}, {authorizationCode: $code, codeVerifier: $m} | all),
		("Authorization: Basic " + ("\($id):\($s)" | @base64)), ("refused: Basic " + ("\($id):\($s)" | @base64)),
		("{\"authorization\": \"Bearer " + $access + "\"}"),
		("https://" + $id + ":" + ($s | @uri) + "@proxy.example/ refuses"),
		("/callback?state=x&code=" + ($code | @uri) + "&scope=y"),
		({error: {message: ("bad " + ({refresh_token: $refresh} | tojson))}} | tojson)'
}

@test "canary: Google repeats it in other forms and under other names" {
	stage
	n=0
	while read -r message; do
		n=$((n + 1))
		fake_google_no_faults
		for match in /calendar/v3 /batch /token /revoke; do
			fake_google_fault "$(jq -nc --arg p "$match" --arg m "$message" \
				'{match: $p, times: 0, action: "status", status: 400, reason: "invalid_request", message: $m}')"
		done
		for words in "-a work sync" "-a work event add Added --start 2026-03-12 --require-sync" \
			"connect work --refresh-token-stdin --client-secrets $IN/client.json <$IN/token"; do
			eval "calsync -vvv --json $words" </dev/null >"$OUT/$n.${words:0:9}.stdout" 2>"$OUT/$n.${words:0:9}.stderr" || true
		done
		grep -lqF '***' "$OUT/$n".* || { echo "was not repeated: $message" >&2; return 1; }
	done < <(repetitions)
	[ "$n" -ge 90 ]
	assert_clean
}

# A proxy that refuses, and repeats what it was sent: $PROXY_PORT, and what it was asked in $1.
refusing_proxy() {
	/usr/bin/python3 - "$1" "$BATS_TEST_TMPDIR/proxy-port" 3>&- <<-'END' &
		import os, socket, sys
		s = socket.create_server(("127.0.0.1", 0))
		with open(sys.argv[2] + ".new", "w") as f:
		    f.write(str(s.getsockname()[1]))
		os.rename(sys.argv[2] + ".new", sys.argv[2])
		while True:
		    c, _ = s.accept()
		    head = b""
		    while b"\r\n\r\n" not in head and (more := c.recv(4096)):
		        head += more
		    with open(sys.argv[1], "ab") as f:
		        f.write(head)
		    sent = [l for l in head.split(b"\r\n") if l.lower().startswith(b"proxy-auth")]
		    reason = b"".join(sent) or b"authentication is wanted"
		    c.sendall(b"HTTP/1.1 407 refused " + reason + b"\r\nProxy-Authenticate: Basic realm=x\r\n"
		              b"X-Sent: " + reason + b"\r\nContent-Length: 0\r\n\r\n")
		    c.close()
	END
	PROXY_PID=$!
	for _ in $(seq 100); do
		[ ! -s "$BATS_TEST_TMPDIR/proxy-port" ] || break
		sleep 0.05
	done
	PROXY_PORT=$(cat "$BATS_TEST_TMPDIR/proxy-port")
}

@test "canary: a proxy's password" {
	stage
	refusing_proxy "$BATS_TEST_TMPDIR/asked"
	password="Proxy/pass+${CANARY}"
	echo "$password" >>"$MARKS"
	(
		unset CALSYNC_GOOGLE_BASE_URL
		https_proxy=http://calsync:$(jq -rn --arg p "$password" '$p | @uri')@127.0.0.1:$PROXY_PORT
		export https_proxy
		n=0
		for words in "-a work sync" "-a work event add Added --start 2026-03-12 --require-sync" doctor \
			"-a work watch" "connect work --refresh-token-stdin --client-secrets $IN/client.json <$IN/token"; do
			n=$((n + 1))
			eval "timeout 20 calsync -vvv --json $words" </dev/null >"$OUT/$n.stdout" 2>"$OUT/$n.stderr" || true
		done
	)
	kill "$PROXY_PID"
	grep -qF "Proxy-Authorization: Basic $(printf 'calsync:%s' "$password" | base64 -w0)" "$BATS_TEST_TMPDIR/asked"
	assert_clean
}

@test "canary: tokens are refused, answers are no answers" {
	stage
	fake_google_fault '{"match": "/calendar/v3", "times": 0, "action": "status", "status": 401}'
	run_all 4
	assert_clean
	fake_google_no_faults
	fake_google_fault '{"times": 0, "action": "garbage", "match": "/token"}'
	sqlite3 "$CALSYNC_STORE" 'UPDATE account SET token_expires_ms = 1'
	run_all 4
	assert_clean
}

@test "canary: a dead login" {
	stage
	fake_google_expire access_tokens refresh_tokens
	run_all
	assert_clean
}

@test "canary: no network" {
	stage
	fake_google_fault '{"action": "drop_before", "times": 0}'
	run_all 2
	assert_clean
}

# --- killed ------------------------------------------------------------------------------------

# begin N WORDS [full]: calsync in the background, in a folder for its core file; full: with its output
# into the pipe that nobody reads. Sets $pid
begin() {
	(
		cd "$HOME/crash" || exit 1
		ulimit -c unlimited
		[ "${3:-}" != full ] || exec >&7
		exec 7>&-
		eval "CONSENT_ACCOUNT=user1@example.com exec calsync -vvv $2"
	) >"$OUT/$1.stdout" 2>"$OUT/$1.stderr" 3>&- </dev/null &
	pid=$!
}

# end N SIGNAL: look at it, kill it, and look for what it left
end() {
	snapshot "$pid" "$OUT/$1.proc"
	kill "-$2" "$pid" 2>/dev/null || true
	wait "$pid" || true
	assert_equal "$(find "$HOME/crash" -name 'core*')" ""
}

# Where the system writes core files into the folder, they do appear here.
cores_appear() {
	case $(cat /proc/sys/kernel/core_pattern) in
	core | core.*) ;;
	*) return 0 ;;
	esac
	(cd "$HOME/crash" && ulimit -c unlimited && sh -c 'kill -SEGV $$') 2>/dev/null || true
	rm "$HOME"/crash/core*
}

@test "canary: killed while a request hangs" {
	stage
	cores_appear
	n=0 hung=0
	while read -r symbol words; do
		for signal in SEGV ABRT KILL; do
			n=$((n + 1))
			fake_google_no_faults
			for match in /calendar/v3 /batch /token /revoke; do
				fake_google_fault "{\"match\": \"$match\", \"times\": 0, \"action\": \"delay\", \"delay_ms\": 600000}"
			done
			sqlite3 "$CALSYNC_STORE" "UPDATE account SET token_expires_ms = 1
				WHERE $((n % 2)) AND state = 'connected'"
			fake_google_forget_log
			begin "$n" "$words"
			asked=0
			for _ in $(seq 60); do
				kill -0 "$pid" 2>/dev/null || break
				asked=$(fake_google_requests length)
				[ "$asked" -eq 0 ] || break
				sleep 0.02
			done
			[ "$asked" -eq 0 ] || hung=$((hung + 1))
			end "$n" "$signal"
			[ "$asked" -ne 0 ] || break # it asks nothing
		done
	done < <(lines)
	[ "$hung" -ge 30 ] || { echo "only $hung were killed in a request" >&2; return 1; }
	assert_clean
}

# Those that ask nothing of Google have read the configuration and the store by the time they print.
@test "canary: killed while nobody reads what is printed" {
	stage
	mkfifo "$BATS_TEST_TMPDIR/full"
	exec 7<>"$BATS_TEST_TMPDIR/full"
	head -c 65536 /dev/zero >&7
	n=0 stuck=0
	while read -r symbol words; do
		n=$((n + 1))
		begin "$n" "--json $words" full
		for _ in $(seq 100); do
			kill -0 "$pid" 2>/dev/null || break
			read -r number fd _ <"/proc/$pid/syscall" 2>/dev/null || { sleep 0.5; break; }
			case "$number $fd" in "1 0x1" | "64 0x1") stuck=$((stuck + 1)); break ;; esac
			sleep 0.05
		done
		end "$n" SEGV
	done < <(lines)
	exec 7>&-
	[ "$(id -u)" -ne 0 ] || [ "$stuck" -ge 40 ] || { echo "only $stuck were killed" >&2; return 1; }
	assert_clean
}

# --- programs that are started ---------------------------------------------------------------------

# open_files LISTING: of /proc/self/fd by ls, without the one that ls reads the folder by
open_files() {
	sed -n 's|^.* \([0-9]*\) -> .*|\1 &|p' "$1" | grep -v '/fd$' | cut -d' ' -f1 | tr '\n' ' '
}

@test "canary: a browser gets neither a secret nor an open file" {
	cat >"$BATS_TEST_TMPDIR/browser" <<-'END'
		#!/bin/sh
		ls -l /proc/self/fd >"$SEEN.fds"
		tr '\0' '\n' </proc/self/environ >"$SEEN.environ"
		printf '%s\n' "$@" >"$SEEN.argv"
		exec "$BATS_DIR/consent" "$@"
	END
	chmod +x "$BATS_TEST_TMPDIR/browser"
	export BATS_DIR SEEN=$OUT/browser
	# A repair: the store, its lock and the key are open.
	connect_account work user1@example.com --client-secrets "$IN/client.json"
	export GOOGLE_CLIENT_ID=calsync-marked.apps.googleusercontent.com GOOGLE_CLIENT_SECRET=$SECRET
	(
		# What bats and those above it have open is not calsync's.
		for fd in /proc/"$BASHPID"/fd/*; do
			[ "${fd##*/}" -le 2 ] || eval "exec ${fd##*/}>&-"
		done
		export BROWSER=$BATS_TEST_TMPDIR/browser CONSENT_ACCOUNT=user1@example.com
		exec calsync -vvv connect work
	) >"$OUT/stdout" 2>"$OUT/stderr" </dev/null
	assert_equal "$(open_files "$SEEN.fds")" "0 1 2 "
	grep -q '^GOOGLE_CLIENT_ID=' "$SEEN.environ"
	run ! grep -q GOOGLE_CLIENT_SECRET "$SEEN.environ"
	assert_equal "$(wc -l <"$SEEN.argv")" 1
	assert_clean
}

# After the network was looked at, and with the store and its lock open.
@test "canary: systemctl gets neither a secret nor an open file" {
	stage
	mkdir "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/systemctl" <<-'END'
		#!/bin/sh
		ls -l /proc/self/fd >"$SEEN.fds"
		tr '\0' '\n' </proc/self/environ >"$SEEN.environ"
		echo enabled
	END
	chmod +x "$BATS_TEST_TMPDIR/bin/systemctl"
	export SEEN=$OUT/systemctl GOOGLE_CLIENT_ID=calsync-marked.apps.googleusercontent.com
	(
		for fd in /proc/"$BASHPID"/fd/*; do
			[ "${fd##*/}" -le 2 ] || eval "exec ${fd##*/}>&-"
		done
		PATH=$BATS_TEST_TMPDIR/bin:$PATH GOOGLE_CLIENT_SECRET=$SECRET exec calsync -vvv doctor
	) >"$OUT/stdout" 2>"$OUT/stderr" </dev/null || [ $? -eq 1 ]
	assert_equal "$(open_files "$SEEN.fds")" "0 1 2 "
	grep -q '^GOOGLE_CLIENT_ID=' "$SEEN.environ"
	run ! grep -q GOOGLE_CLIENT_SECRET "$SEEN.environ"
	assert_clean
}
