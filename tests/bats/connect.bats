# shellcheck disable=SC2154,SC2030,SC2031,SC2016 # (scripts made here have $ of their own)
load helpers
load schema

setup() {
	calsync_setup
	fake_google_start
}

teardown() {
	calsync_teardown
}

SCOPES_WRITE='https://www.googleapis.com/auth/calendar.events https://www.googleapis.com/auth/calendar.calendarlist.readonly'

# The form field of the last request to /token that has it.
token_field() {
	fake_google_requests '[.[] | select(.path == "/token")]' |
		jq -r '.[].body' | tr '&' '\n' | sed -n "s/^$1=//p" | tail -1 |
		sed 's/%/\\x/g' | xargs -0 printf '%b' | tr -d '\n'
}

nothing_stored() {
	[ ! -e "$CALSYNC_STORE" ] || assert_equal "$(calsync --json accounts)" '[]'
}

# Log in without calsync: prints a refresh token.
refresh_token_for() {
	local verifier=abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJ challenge url log
	log=$BATS_TEST_TMPDIR/by-hand
	challenge=$(printf %s "$verifier" | openssl dgst -sha256 -binary | base64 | tr '+/' '-_' | tr -d '=')
	url="$CALSYNC_GOOGLE_BASE_URL/o/oauth2/v2/auth?client_id=$GOOGLE_CLIENT_ID&response_type=code"
	url+="&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2F&state=x&code_challenge=$challenge"
	url+="&code_challenge_method=S256&scope=$(jq -rn --arg s "$2" '$s | @uri')"
	CONSENT_ACCOUNT=$1 CONSENT_FOLLOW=no CONSENT_LOG=$log "$BATS_DIR/consent" "$url"
	curl -sS -d "grant_type=authorization_code&client_id=$GOOGLE_CLIENT_ID" \
		-d "client_secret=$GOOGLE_CLIENT_SECRET&code_verifier=$verifier" \
		-d 'redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2F' \
		-d "code=$(sed -n 's/.*[?&]code=\([^&]*\).*/\1/p' "$log")" \
		"$CALSYNC_GOOGLE_BASE_URL/token" | jq -er .refresh_token
}

@test "connect: the browser's consent ends in a proven login" {
	export CONSENT_LOG=$BATS_TEST_TMPDIR/consent.log
	run --separate-stderr -0 calsync --json connect work
	assert_schema connect
	assert_json '.account.name == "work" and .account.email == "user1@example.com"
		and .account.state == "connected" and (.account.readOnly | not)
		and (.calendars | length) == 1 and .calendars[0].primary and .calendars[0].selected'
	assert_json '.account.lastSync == null'
	# Traded with PKCE, refreshed once, then whose and which calendars.
	assert_equal "$(fake_google_requests '[.[] | select(.path == "/token")] | length')" 2
	assert_equal "$(fake_google_requests '[.[] | .path | select(contains("calendarList"))]')" \
		'["/calendar/v3/users/me/calendarList/primary","/calendar/v3/users/me/calendarList"]'
	assert_no_violations
	# The page that the person sees.
	for line in 'HTTP/1.1 200 OK' 'Cache-Control: no-store' 'Referrer-Policy: no-referrer' \
		'<h1>calsync is connected</h1>' 'name="viewport"'; do
		grep -qF "$line" "$CONSENT_LOG"
	done
}

@test "connect: no secret lies in plain text in the store, its files are the owner's alone" {
	run --separate-stderr -0 calsync -vvv --json connect work
	said=$output$stderr
	assert_matches "$stderr" 'POST /token'
	refresh=$(token_field refresh_token)
	[ "${#refresh}" -gt 20 ]
	access=$(fake_google_requests 'last | .headers.authorization' | tr -d '"')
	access=${access#Bearer }
	[ "${#access}" -gt 20 ]
	for secret in "$refresh" "$access" sandbox-secret; do
		run ! grep -rqaF -- "$secret" "$HOME"
		refute_matches "$said" "$secret"
	done
	assert_equal "$(stat -c %a "$CALSYNC_STORE")" 600
	assert_equal "$(stat -c %a "$XDG_CONFIG_HOME/calsync/key")" 600
	assert_matches "$(cat "$XDG_CONFIG_HOME/calsync/key")" '^[0-9a-f]{64}$'
}

@test "connect: while secrets are in memory no core is dumped" {
	fake_google_fault '{"match": "/token", "times": 1, "action": "delay", "delay_ms": 1000}'
	ulimit -S -c "$(ulimit -H -c)"
	calsync connect work >/dev/null 2>&1 3>&- &
	pid=$!
	for _ in $(seq 60); do
		core=$(sed -n 's/^Max core file size *\([^ ]*\) .*/\1/p' "/proc/$pid/limits")
		[ "$core" != 0 ] || break
		sleep 0.05
	done
	assert_equal "$core" 0
	wait "$pid"
}

@test "connect: without a name the account is called by its address" {
	run --separate-stderr -0 calsync connect
	assert_matches "$output" '^user1@example.com is connected as user1@example.com: 1 calendar, 1 selected'
	run -0 calsync --json accounts
	assert_json '[.[].name] == ["user1@example.com"]'
}

@test "connect: a refused consent leaves nothing behind" {
	export CONSENT_DECISION=deny CONSENT_LOG=$BATS_TEST_TMPDIR/consent.log
	run --separate-stderr -3 calsync --json connect work
	assert_schema failure
	assert_json '.error.code == "not_connected"'
	assert_matches "$stderr" 'calsync: .*(denied|refused)'
	nothing_stored
	[ ! -e "$XDG_CONFIG_HOME/calsync/key" ]
	grep -qF '<h1>calsync is not connected</h1>' "$CONSENT_LOG"
}

@test "connect: --no-browser takes the redirected address pasted on stdin" {
	mkfifo "$BATS_TEST_TMPDIR/in"
	calsync --json connect work --no-browser <"$BATS_TEST_TMPDIR/in" \
		>"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	pid=$!
	exec 4>"$BATS_TEST_TMPDIR/in"
	for _ in $(seq 100); do
		grep -q '^http' "$BATS_TEST_TMPDIR/err" && break
		sleep 0.05
	done
	CONSENT_FOLLOW=no CONSENT_LOG=$BATS_TEST_TMPDIR/page "$BATS_DIR/consent" \
		"$(grep '^http' "$BATS_TEST_TMPDIR/err")"
	echo 'http://127.0.0.1:1/callback?code=stolen&state=wrong' >&4
	tail -1 "$BATS_TEST_TMPDIR/page" >&4
	wait "$pid"
	exec 4>&-
	output=$(cat "$BATS_TEST_TMPDIR/out")
	assert_schema connect
	assert_json '.account.state == "connected"'
	grep -q 'not the answer to this login' "$BATS_TEST_TMPDIR/err"
}

@test "connect: --no-browser hears the listener, too; the end of stdin does not end the wait" {
	calsync connect work --no-browser </dev/null \
		>"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	pid=$!
	for _ in $(seq 100); do
		grep -q '^http' "$BATS_TEST_TMPDIR/err" && break
		sleep 0.05
	done
	"$BATS_DIR/consent" "$(grep '^http' "$BATS_TEST_TMPDIR/err")"
	wait "$pid"
	grep -q '^user1@example.com is connected as work' "$BATS_TEST_TMPDIR/out"
}

# Start a connect that waits for its answer, $@ being further arguments: its address is $url then.
connect_waits() {
	rm -f "$BATS_TEST_TMPDIR/err" # of one before: its address is old
	calsync connect work "$@" </dev/null >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	pid=$!
	for _ in $(seq 100); do
		grep -qs '^http' "$BATS_TEST_TMPDIR/err" && break
		sleep 0.05
	done
	url=$(grep '^http' "$BATS_TEST_TMPDIR/err")
}

@test "connect: --no-browser says how to reach the listener over ssh" {
	SSH_CONNECTION='192.0.2.7 50000 192.0.2.9 22' connect_waits --no-browser
	port=$(sed -n 's/.*redirect_uri=http%3A%2F%2F127.0.0.1%3A\([0-9]*\)%2F.*/\1/p' <<<"$url")
	grep -qxF "    ssh -L $port:127.0.0.1:$port $(id -un)@192.0.2.9" "$BATS_TEST_TMPDIR/err"
	"$BATS_DIR/consent" "$url"
	wait "$pid"
	for row in '192.0.2.7 50000 2001:db8::9 2222|-p 2222 USER@2001:db8::9' '$(id) 1 $(id) 22|USER@HOST' \
		'nonsense|USER@HOST' '|USER@HOST'; do
		SSH_CONNECTION=${row%%|*} connect_waits --no-browser
		want=${row##*|}
		want=${want/USER/$(id -un)}
		grep -qE "^    ssh -L ([0-9]+):127\.0\.0\.1:[0-9]+ ${want/HOST/($(uname -n)|HOST)}\$" "$BATS_TEST_TMPDIR/err"
		"$BATS_DIR/consent" "$url"
		wait "$pid"
	done
}

@test "connect: a browser that cannot be started is no end: the address is shown, the answer may be pasted" {
	BROWSER=/nonexistent/browser connect_waits --quiet
	grep -q 'ssh -L' "$BATS_TEST_TMPDIR/err"
	"$BATS_DIR/consent" "$url"
	wait "$pid"
	run -0 calsync --json accounts
	assert_json '.[0].state == "connected"'
}

@test "connect: the answer counts once, whatever else comes" {
	export CONSENT_LOG=$BATS_TEST_TMPDIR/consent.log
	connect_waits --no-browser
	CONSENT_FOLLOW=no "$BATS_DIR/consent" "$url"
	answer=$(tail -1 "$CONSENT_LOG")
	base=${answer%%/callback*}
	for request in "-o /dev/null $base/callback?code=x&state=wrong" "-X POST $answer" "$base/favicon.ico" \
		"--http0.9 telnet://${base#http://}" "-H Host:example.com $answer"; do
		# shellcheck disable=SC2086 # words are meant
		curl -sS --max-time 1 $request </dev/null >/dev/null 2>&1 || true
	done
	kill -0 "$pid"
	fake_google_fault '{"match": "/token", "times": 1, "action": "delay", "delay_ms": 700}'
	curl -sS -i "$answer" >"$BATS_TEST_TMPDIR/first" &
	first=$!
	sleep 0.3
	curl -sS -i "$answer" >"$BATS_TEST_TMPDIR/second"
	wait "$first" "$pid"
	grep -q '^HTTP/1.1 200 ' "$BATS_TEST_TMPDIR/first"
	grep -q '^HTTP/1.1 410 ' "$BATS_TEST_TMPDIR/second"
	grep -q 'is over' "$BATS_TEST_TMPDIR/second"
	run ! grep -qF "${answer##*code=}" "$BATS_TEST_TMPDIR/first" "$BATS_TEST_TMPDIR/second"
}

@test "connect: the answer's issuer is looked at, what is unknown in it is not" {
	CONSENT_EXTRA='&iss=https%3A%2F%2Faccounts.google.com&authuser=0&hd=example.com&x[]=%41' \
		run --separate-stderr -0 calsync connect work
	CONSENT_EXTRA="&iss=$CALSYNC_GOOGLE_BASE_URL" run --separate-stderr -0 calsync connect work
	fake_google_forget_log
	CONSENT_EXTRA='&iss=https://example.com' run --separate-stderr -2 calsync -q --json connect other
	assert_failure_json invalid
	assert_matches "$stderr" 'another login service \(https://example.com\)'
	# The code stayed here.
	assert_equal "$(fake_google_requests length)" 0
}

# The sandbox has one web client, whose address is port 8085.
web_client() {
	port_is_ours 8085
	jq -n '{web: {client_id: "calsync-web.apps.googleusercontent.com", client_secret: "sandbox-web-secret",
		redirect_uris: ["https://example.com/callback", "http://127.0.0.1:8085/callback"]}}' >web.json
	unset GOOGLE_CLIENT_ID GOOGLE_CLIENT_SECRET
}

@test "connect: a web client is answered at its own address, also when it is repaired" {
	web_client
	run --separate-stderr -0 calsync connect work --client-secrets web.json 5>&-
	assert_matches "$stderr" 'redirect_uri=http%3A%2F%2F127.0.0.1%3A8085%2Fcallback&'
	fake_google_expire refresh_tokens access_tokens
	run --separate-stderr -0 calsync connect work 5>&-
	run -0 calsync sync
	assert_no_violations
}

@test "connect: a web client is known again after its login was sealed with another key" {
	web_client
	run -0 calsync connect work --client-secrets web.json 5>&-
	run -0 calsync key rotate
	run -0 calsync key status
	run --separate-stderr -0 calsync connect work 5>&-
	assert_matches "$stderr" 'redirect_uri=http%3A%2F%2F127.0.0.1%3A8085%2Fcallback&'
	assert_no_violations
}

@test "connect: a web client that gets no refresh token is explained" {
	web_client
	printf '#!/bin/sh\nexec "%s" "$(echo "$1" | sed "s/&access_type=offline//")"\n' "$BROWSER" >"$HOME/online"
	chmod +x "$HOME/online"
	BROWSER=$HOME/online run --separate-stderr -3 calsync -q connect work --client-secrets web.json 5>&-
	assert_matches "$stderr" 'no refresh token: a client of type "web" .*myaccount.google.com/connections'
	assert_one_line_error
	nothing_stored
	jq '.web.redirect_uris |= .[:1]' web.json >remote.json
	run --separate-stderr -2 calsync connect work --client-secrets remote.json 5>&-
	assert_matches "$stderr" 'none of its redirect_uris is on this machine; add http://127.0.0.1:8085/callback'
	assert_one_line_error
}

@test "connect: a clock that is wrong by a day is named, and is no hindrance" {
	fake_google POST /sandbox/clock '{"advance_ms": 86400000}' >/dev/null
	run --separate-stderr -0 calsync connect work
	assert_matches "$stderr" "warning: this computer's clock is 2[34] hours behind Google's; set it"
	fake_google POST /sandbox/clock '{"advance_ms": -86400000}' >/dev/null
	run --separate-stderr -0 calsync connect work
	refute_matches "$stderr" 'clock'
}

@test "connect: \$BROWSER may say where the address goes, and no shell reads it" {
	mkdir "$HOME/bin"
	printf '#!/bin/sh\nprintf "%%s\\n" "$#" "$1" "$3" >"%s"\nexec "%s" "$2"\n' \
		"$HOME/args" "$BATS_DIR/consent" >"$HOME/bin/my browser"
	chmod +x "$HOME/bin/my browser"
	ln -s "my browser" "$HOME/bin/mybrowser"
	BROWSER="$HOME/bin/mybrowser --window %s last;touch%s$HOME/hacked" run -0 calsync connect work
	assert_equal "$(sed -n 1,2p "$HOME/args")" $'3\n--window'
	[ ! -e "$HOME/hacked" ]
	# A command with a space in its name is a command all the same.
	printf '#!/bin/sh\nexec "%s" "$1"\n' "$BATS_DIR/consent" >"$HOME/bin/my browser"
	BROWSER="$HOME/bin/my browser" run -0 calsync connect work
}

@test "connect: nobody answers, the wait ends" {
	mkdir -p "$XDG_CONFIG_HOME/calsync"
	printf '[connect]\ntimeout = 1\n' >"$XDG_CONFIG_HOME/calsync/config"
	BROWSER=/nonexistent/browser run --separate-stderr -3 calsync --json connect work
	assert_schema failure
	assert_json '.error.code == "not_connected"'
	assert_matches "$stderr" 'warning: cannot start the browser'
	assert_matches "$stderr" 'no answer from the consent page within 1 seconds'
	nothing_stored
}

@test "connect: --client-secrets takes Google's file" {
	jq -n '{installed: {client_id: env.GOOGLE_CLIENT_ID, client_secret: env.GOOGLE_CLIENT_SECRET,
		redirect_uris: ["http://localhost"]}}' >client_secret.json
	unset GOOGLE_CLIENT_ID GOOGLE_CLIENT_SECRET
	run --separate-stderr -0 calsync connect work --client-secrets client_secret.json
	# It is kept, sealed: a repair needs it no more.
	run --separate-stderr -0 calsync connect work
}

@test "connect: without a client, with a bad file, with a wrong secret" {
	(
		unset GOOGLE_CLIENT_ID GOOGLE_CLIENT_SECRET
		run --separate-stderr -2 calsync --json connect work
		assert_json '.error.code == "usage"'
		assert_matches "$stderr" 'no OAuth client.*--client-secrets'
	)
	run --separate-stderr -2 calsync connect work --client-secrets missing.json
	assert_one_line_error
	echo '{"something": "else"}' >other.json
	run --separate-stderr -2 calsync connect work --client-secrets other.json
	assert_one_line_error
	GOOGLE_CLIENT_SECRET=wrong run --separate-stderr -1 calsync --json connect work
	assert_json '.error.code == "google"'
	assert_matches "$stderr" 'invalid_client'
	refute_matches "$stderr$output" 'wrong'
	nothing_stored
}

@test "connect: --read-only asks for less and refuses writes" {
	run --separate-stderr -0 calsync --json connect work --read-only
	assert_json '.account.readOnly and (.account.scopes | contains("calendar.events.readonly"))'
	run --separate-stderr -1 calsync --json event add X --start 2026-03-10
	assert_json '.error.code == "read_only"'
	# A repair does not widen it.
	run -0 calsync --json connect work
	run -0 calsync --json accounts
	assert_json '.[0].readOnly'
}

@test "connect: --read-only over an account with an edit that waits keeps it waiting" {
	connect_account
	id=$(calsync --json event add One --start 2026-03-10 | jq -er .event.id)
	fake_google_fault '{"method": "PATCH", "match": "/events", "action": "status", "status": 503}'
	calsync --quiet event edit "$id" --title Edited
	connect_account work user1@example.com --read-only
	fake_google_event Theirs >/dev/null
	fake_google_forget_log
	run --separate-stderr -0 calsync --json sync
	assert_json '.success and .stats.created == 1 and .pushed.updated == 0'
	assert_equal "$(fake_google_count POST PATCH PUT DELETE)" 0
	run --separate-stderr -0 calsync --json event show "$id"
	assert_json '.summary == "Edited" and .pendingOp == "update"'
	# A login that may write sends it.
	calsync --quiet disconnect work
	connect_account
	calsync --quiet sync
	assert_equal "$(fake_google_get "$id" | jq -r .summary)" Edited
}

@test "connect: a permission that was not granted is named" {
	fake_google_config '{"granted_scopes": ["https://www.googleapis.com/auth/calendar.events"]}'
	run --separate-stderr -3 calsync --json connect work
	assert_schema failure
	assert_matches "$stderr" 'calendar\.calendarlist\.readonly \(to see which calendars there are\);'
	refute_matches "$stderr" 'permission calendar\.events[ ,;]'
	nothing_stored
}

@test "connect: --refresh-token-stdin imports a login" {
	token=$(refresh_token_for user1@example.com "$SCOPES_WRITE")
	run --separate-stderr -0 calsync --json connect work --refresh-token-stdin <<<"$token"
	assert_schema connect
	run -0 calsync sync
	for bad in "" "two words" $'tab\there'; do
		run --separate-stderr -2 calsync --json connect other --refresh-token-stdin <<<"$bad"
		assert_json '.error.code == "invalid"'
	done
	run --separate-stderr -3 calsync connect other --refresh-token-stdin <<<"1//never-issued"
	run -0 calsync --json accounts
	assert_json 'length == 1'
}

@test "connect: an imported login with less permission than asked for is refused" {
	token=$(refresh_token_for user1@example.com https://www.googleapis.com/auth/calendar.readonly)
	run --separate-stderr -3 calsync connect work --refresh-token-stdin <<<"$token"
	assert_matches "$stderr" 'permission calendar\.events \(to read and change events\);'
	# calendar.readonly is wider than both that --read-only needs.
	run --separate-stderr -0 calsync connect work --read-only --refresh-token-stdin <<<"$token"
}

@test "connect: a service account acts for a user" {
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem 2>/dev/null
	jq -n --rawfile key key.pem '{type: "service_account", project_id: "p", private_key_id: "k1",
		private_key: $key, client_email: "robot@p.iam.gserviceaccount.com", client_id: "1"}' >key.json
	fake_google_stop
	fake_google_start --service-account key.json
	unset GOOGLE_CLIENT_ID GOOGLE_CLIENT_SECRET
	run --separate-stderr -0 calsync --json connect robot --service-account key.json \
		--subject user1@example.com
	assert_schema connect
	assert_json '.account.auth == "service_account" and .account.subject == "user1@example.com"'
	rm key.json
	run -0 calsync sync
	run ! grep -rqaF "$(sed -n 5p key.pem)" "$XDG_DATA_HOME" "$XDG_CONFIG_HOME"
	run --separate-stderr -2 calsync connect other --service-account missing.json --subject u@example.com
	assert_one_line_error
	run --separate-stderr -2 calsync connect other --service-account missing.json
	assert_matches "$stderr" '--subject'
}

@test "connect: again repairs an expired account and keeps its events and edits" {
	connect_account
	run -0 calsync event add Before --start "2026-03-10 10:00"
	fake_google_expire access_tokens refresh_tokens
	run --separate-stderr -0 calsync --json event add Waiting --start "2026-03-11 10:00"
	assert_json '.syncStatus.synced == false'
	run --separate-stderr -3 calsync sync
	assert_matches "$stderr" 'Calendar token expired\..*calsync connect work'
	run --separate-stderr -0 calsync --json connect work
	assert_json '.account.state == "connected"'
	run -0 calsync sync
	assert_equal "$(fake_google_events | jq -c '[.[].summary] | sort')" '["Before","Waiting"]'
	run -0 calsync --json event list
	assert_json 'length == 2 and all(.[]; .syncStatus == "synced")'
}

@test "connect: again without a name repairs the account of that address" {
	connect_account
	fake_google_expire refresh_tokens access_tokens
	run -3 calsync sync
	run -0 calsync connect
	run -0 calsync --json accounts
	assert_json 'length == 1 and .[0].name == "work" and .[0].state == "connected"'
}

@test "connect: without a name the account that needs it is repaired, one that was disconnected is not" {
	connect_account home
	connect_account work
	run -0 calsync disconnect home
	run -0 calsync connect
	run -0 calsync --json accounts
	assert_json '[.[].state] == ["disconnected", "connected"]'
	connect_account alpha
	sqlite3 "$CALSYNC_STORE" "UPDATE account SET state = 'reauth_required' WHERE name = 'work'"
	run -0 calsync connect
	run -0 --separate-stderr calsync --json accounts
	assert_json '[.[] | [.name, .state]] ==
		[["alpha", "connected"], ["home", "disconnected"], ["work", "connected"]]'
}

@test "connect: without a name, too, a repaired account stays read-only" {
	connect_account work user1@example.com --read-only
	run -0 calsync connect
	run -0 calsync --json accounts
	assert_json 'length == 1 and .[0].readOnly'
}

@test "connect: another Google user under the same name is refused without --force" {
	fake_google_account user2@example.com
	connect_account
	run -0 calsync event add Mine --start "2026-03-10 10:00"
	store_dump >before
	CONSENT_ACCOUNT=user2@example.com run --separate-stderr -2 calsync connect work
	assert_matches "$stderr" 'user1@example.com.*user2@example.com.*--force'
	diff before <(store_dump)
	CONSENT_ACCOUNT=user2@example.com run -0 calsync connect work --force
	run -0 calsync sync
	run -0 calsync --json accounts
	assert_json 'length == 1 and .[0].email == "user2@example.com"'
	# The other's events are still here, and did not go to user2.
	run -0 calsync --json event list
	assert_json '[.[].summary] == ["Mine"]'
	assert_equal "$(fake_google_events user2@example.com)" '[]'
}

@test "connect: a failure after the login leaves a new account out and an old one untouched" {
	fake_google_fault '{"match": "calendarList?", "times": 0, "action": "status", "status": 403,
		"domain": "global", "reason": "forbidden", "message": "Forbidden"}'
	run --separate-stderr -1 calsync --json connect work
	assert_schema failure
	assert_matches "$stderr" 'cannot list the calendars'
	nothing_stored
	fake_google_no_faults
	connect_account
	store_dump >before
	fake_google_fault '{"match": "calendarList?", "times": 0, "action": "status", "status": 403,
		"domain": "global", "reason": "forbidden", "message": "Forbidden"}'
	run -1 calsync connect work
	diff before <(store_dump)
	fake_google_no_faults
	run -0 calsync sync
}

# held NAME [ARGUMENT...]: a connect whose list of calendars Google does not give at once, stopped ($pid)
# before it asks again; let_go STATUS [FAULT]: it goes on, the next answer being bad, and ends so.
held() {
	fake_google_forget_log
	fake_google_fault '{"match": "calendarList?", "times": 1, "action": "status", "status": 503, "retry_after": 2}'
	calsync -q connect "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	pid=$!
	for _ in $(seq 200); do
		[ "$(fake_google_requests '[.[] | select(.status == 503)] | length')" = 0 ] || break
		sleep 0.05
	done
	kill -STOP "$pid"
}

let_go() {
	local status=0
	[ $# -lt 2 ] || fake_google_fault "$2"
	kill -CONT "$pid"
	wait "$pid" || status=$?
	assert_equal "$status" "$1"
	fake_google_no_faults
}

FORBIDDEN='{"match": "calendarList?", "times": 0, "action": "status", "status": 403, "domain": "global",
	"reason": "forbidden", "message": "Forbidden"}'

@test "connect: a login that fails takes nothing from one that was quicker" {
	held work
	connect_account work
	run -0 calsync --json event add Kept --start "2026-03-10 10:00"
	store_dump >before
	let_go 1 "$FORBIDDEN"
	diff before <(store_dump)
	run -0 calsync sync
}

@test "connect: a login that was slower repairs its own account, and takes no other's" {
	held work
	connect_account work
	let_go 0
	run -0 calsync sync
	fake_google_account user2@example.com
	held home
	connect_account home user2@example.com
	store_dump >before
	let_go 2
	grep -q "account 'home' belongs to user2@example.com, but user1@example.com has logged in" "$BATS_TEST_TMPDIR/err"
	diff before <(store_dump)
	run -0 calsync sync --all
}

@test "connect: an account that gets another name during its login stays the one that is repaired" {
	connect_account work
	run -0 calsync event add Kept --start "2026-03-10 10:00"
	held work
	run -0 calsync accounts rename work home
	let_go 0
	assert_equal "$(calsync --json accounts | jq -c '[.[].name]')" '["home"]'
	run -0 calsync sync
	# The old name may be another account's by then.
	fake_google_account user2@example.com
	held home
	run -0 calsync accounts rename home work
	connect_account home user2@example.com
	let_go 0
	assert_equal "$(calsync --json accounts | jq -c '[.[] | [.name, .email]]')" \
		'[["home","user2@example.com"],["work","user1@example.com"]]'
	run -0 calsync sync --all
}

@test "connect: a login that fails leaves the key to another store that uses it" {
	held work
	CALSYNC_DB=other.db connect_account other # in the place of the first one's key
	let_go 1 "$FORBIDDEN"
	run -0 calsync --db other.db sync
	# Also when the key was made for it.
	connect_account work
	calsync -q disconnect work --purge
	sqlite3 "$CALSYNC_STORE" "DELETE FROM meta WHERE key LIKE 'key%';
		CREATE TRIGGER full BEFORE INSERT ON secret BEGIN SELECT RAISE(ABORT, 'full'); END"
	rm "$XDG_CONFIG_HOME/calsync/key"
	run -1 --separate-stderr calsync -q --json connect work
	assert_failure_json store
	assert_equal "$(sqlite3 "$CALSYNC_STORE" "SELECT (SELECT count(*) FROM account)
		+ (SELECT count(*) FROM meta WHERE key LIKE 'key%')")" 0
	CALSYNC_DB=third.db connect_account third
	sqlite3 "$CALSYNC_STORE" 'DROP TRIGGER full'
	connect_account work
	run -0 calsync sync
	run -0 calsync --db third.db sync
}

@test "connect: --force that fails leaves what the lost key opens; one that works names what it cuts off" {
	key=$XDG_CONFIG_HOME/calsync/key
	fake_google_account user2@example.com
	connect_account work
	connect_account two user2@example.com
	cp -p "$key" kept
	rm "$key"
	run -1 --separate-stderr calsync -q connect work
	assert_matches "$stderr" "is missing \(file: '.*'\); put it back, or connect the accounts again with --force\$"
	for trouble in google store; do
		if [ $trouble = google ]; then
			fake_google_fault "$FORBIDDEN"
		else
			sqlite3 "$CALSYNC_STORE" "CREATE TRIGGER full BEFORE INSERT ON secret BEGIN SELECT RAISE(ABORT, 'full'); END"
		fi
		store_dump >before
		run -1 calsync -q connect work --force
		diff before <(store_dump)
		fake_google_no_faults
		sqlite3 "$CALSYNC_STORE" 'DROP TRIGGER IF EXISTS full'
		cp -p kept "$key"
		run -0 calsync sync --all
		rm "$key"
	done
	run -0 --separate-stderr calsync --json connect work --force
	assert_schema connect
	assert_json '.cutOff == ["two"]'
	assert_matches "$stderr" "warning: the login of account 'two' was sealed with the key that is lost; connect it again: calsync connect two"
	refute_matches "$stderr" "account 'work'"
	# Another key in its place than the store's: the way out is said once.
	cp -p "$key" new
	cp -p kept "$key"
	run -1 --separate-stderr calsync -q connect work
	assert_matches "$stderr" 'connect the accounts again with --force$'
	refute_matches "$stderr" 'force.*force'
	chmod 640 "$key"
	run -1 --separate-stderr calsync -q connect work
	refute_matches "$stderr" 'force'
	cp -p new "$key"
	CONSENT_ACCOUNT=user2@example.com run -0 --separate-stderr calsync --json connect two
	assert_json 'has("cutOff") | not'
	run -0 calsync sync --all
}

@test "connect: an OAuth client that was sealed with the lost key is asked for" {
	jq -n '{installed: {client_id: env.GOOGLE_CLIENT_ID, client_secret: env.GOOGLE_CLIENT_SECRET}}' >client.json
	unset GOOGLE_CLIENT_ID GOOGLE_CLIENT_SECRET
	fake_google_account user2@example.com
	connect_account work user1@example.com --client-secrets client.json
	connect_account two user2@example.com --client-secrets client.json
	rm "$XDG_CONFIG_HOME/calsync/key"
	run -1 --separate-stderr calsync -q --json connect work --force
	assert_failure_json secret
	assert_matches "$stderr" "client of account 'work' .* does not open; give it again: --client-secrets FILE$"
	connect_account work user1@example.com --force --client-secrets client.json
	run -1 --separate-stderr calsync -q --json connect two
	assert_failure_json secret
	assert_matches "$stderr" "client of account 'two' .* --client-secrets FILE$"
	connect_account two user2@example.com --client-secrets client.json
	run -0 calsync sync --all
}

@test "connect: who is interrupted before the proof has stored nothing, and a healthy login stays so" {
	for signal in KILL TERM; do
		held work
		kill -s "$signal" "$pid"
		kill -CONT "$pid" || true # nothing is there any more after KILL
		wait "$pid" || true
		fake_google_no_faults
		nothing_stored
		assert_equal "$(sqlite3 "$CALSYNC_STORE" 'SELECT count(*) FROM secret')" 0
		[ ! -e "$XDG_CONFIG_HOME/calsync/key" ]
	done
	connect_account work
	store_dump >before
	for signal in KILL TERM; do
		held work
		kill -s "$signal" "$pid"
		kill -CONT "$pid" || true # nothing is there any more after KILL
		wait "$pid" || true
		fake_google_no_faults
		diff before <(store_dump)
	done
	run -0 calsync sync
	run -0 --separate-stderr calsync --json disconnect work
	assert_json '.revocation == "revoked"'
}

@test "connect: a token that Google gives and then refuses is no login, whatever the store holds" {
	fault='{"match": "calendarList?", "times": 0, "action": "status", "status": 401}'
	fake_google_fault "$fault"
	run -3 --separate-stderr calsync -q --json connect work
	assert_failure_json token_expired
	assert_matches "$stderr" 'cannot list the calendars: Google refuses the access token'
	nothing_stored
	fake_google_no_faults
	connect_account work
	store_dump >before
	fake_google_fault "$fault"
	run -3 calsync connect work
	diff before <(store_dump)
	fake_google_no_faults
	run -0 calsync sync
}

@test "connect: a login that will end is announced" {
	fake_google_config '{"refresh_token_expires_in": 604800}'
	run --separate-stderr -0 calsync --json connect work
	assert_schema connect
	# A second may have passed since Google said so.
	assert_json '.refreshTokenExpiresIn > 604740 and .refreshTokenExpiresIn <= 604800'
	assert_matches "$stderr" 'warning: .*7 days.*testing'
}

@test "connect: --calendars chooses what is synced" {
	for role in owner writer reader; do
		fake_google POST /sandbox/calendars "$(jq -nc --arg r $role '{account: "user1@example.com",
			id: "\($r)@group.calendar.google.com", summary: $r, accessRole: $r}')"
	done
	selected() {
		calsync --json -a "$1" calendars | jq -c '[.[] | select(.selected) | .id | split("@")[0]] | sort'
	}
	connect_account one
	assert_equal "$(selected one)" '["user1"]'
	run -0 calsync connect two --calendars owned
	assert_equal "$(selected two)" '["owner","user1"]'
	run -0 calsync connect three --calendars all
	assert_equal "$(selected three)" '["owner","reader","user1","writer"]'
	# Connecting again takes nothing away.
	run -0 calsync connect three
	assert_equal "$(selected three)" '["owner","reader","user1","writer"]'
}

@test "connect: another host under the same name is refused without --force" {
	connect_account
	port=$FAKE_GOOGLE_PORT
	CALSYNC_GOOGLE_BASE_URL=http://localhost:$port run --separate-stderr -2 calsync connect work
	assert_matches "$stderr" "was connected with http://127.0.0.1:$port"
	for bad in http://example.com ftp://127.0.0.1 https://user@example.com https://example.com/path; do
		CALSYNC_GOOGLE_BASE_URL=$bad run --separate-stderr -2 calsync connect other
		assert_one_line_error
	done
}

@test "connect: bad command lines" {
	for args in "--subject u@example.com" "--calendars some" "a b" "--refresh-token-stdin --no-browser" \
		"-- -x" "--frob"; do
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr -2 calsync --json connect $args
		assert_schema failure
		assert_one_line_error
	done
	run --separate-stderr -2 calsync connect $'bell\a'
	assert_one_line_error
	run --separate-stderr -2 calsync connect ''
	nothing_stored
}

@test "connect: the browser does not get the client secret" {
	printf '#!/bin/sh\nenv >%s/browser.env\nexec %s "$@"\n' "$HOME" "$BROWSER" >"$HOME/browser"
	chmod +x "$HOME/browser"
	BROWSER=$HOME/browser connect_account
	grep -q '^HOME=' "$HOME/browser.env"
	run ! grep -qF "$GOOGLE_CLIENT_SECRET" "$HOME/browser.env"
}

@test "connect: a name that would mean something to a shell is refused" {
	for name in "it's" 'a"b' 'a$(id)' 'a`id`' 'a\b' -x ' a'; do
		run -2 --separate-stderr calsync connect -- "$name"
		assert_one_line_error
	done
	[ ! -e "$CALSYNC_STORE" ]
}

@test "connect: a renewal of the old login comes to its end before the new one is stored" {
	connect_account work
	hold_renewal 1
	run -0 calsync connect work
	[ -e "$HOME/renewed" ]
	run -0 calsync sync
}

# meanwhile COMMAND: a browser that runs it before anybody agrees.
meanwhile() {
	printf '#!/bin/sh\n%s || exit\nexec "%s" "$@"\n' "$1" "$BROWSER" >"$HOME/browser"
	chmod +x "$HOME/browser"
}

@test "connect: the key is changed while the consent page is open, for a repair and for a new account" {
	connect_account work
	fake_google_account user2@example.com
	meanwhile 'calsync -q key rotate'
	BROWSER=$HOME/browser run -0 --separate-stderr calsync -q connect work
	assert_equal "$stderr" ''
	CONSENT_ACCOUNT=user2@example.com BROWSER=$HOME/browser run -0 --separate-stderr calsync -q connect home
	assert_equal "$stderr" ''
	mkdir "$HOME/cred"
	install -m 400 <(printf '%064d\n' 5) "$HOME/cred/calsync-key"
	export CREDENTIALS_DIRECTORY=$HOME/cred
	meanwhile 'calsync -q key move credential'
	BROWSER=$HOME/browser run -0 --separate-stderr calsync -q connect work
	assert_equal "$stderr" ''
	run -0 --separate-stderr calsync --json key status
	assert_json '.provider == "credential" and .secrets == 6 and .damaged == []'
	run -0 calsync sync --all
}

@test "connect: an address that is no name asks for one; a named account of it is repaired without" {
	fake_google_account "o'brien@example.com"
	export CONSENT_ACCOUNT="o'brien@example.com"
	run -2 --separate-stderr calsync connect
	assert_matches "$stderr" "calsync: o'brien@example.com has logged in, but .*give it another name, as in: calsync connect work"
	[ ! -e "$CALSYNC_STORE" ]
	run -0 calsync -q connect work
	run -0 --separate-stderr calsync --json connect
	assert_json '.account.name == "work" and .account.email == "o\u0027brien@example.com"'
}

@test "connect: a sync that is running is waited for, which is told" {
	connect_account work
	/usr/bin/python3 - "$CALSYNC_STORE-lock" 3>&- <<-'END' &
		import fcntl, os, struct, sys, time
		fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
		fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 16, 16, 0))
		open("syncing", "w").close()
		time.sleep(12)
	END
	for _ in $(seq 100); do
		[ ! -e syncing ] || break
		sleep 0.05
	done
	run -0 --separate-stderr calsync connect work
	assert_matches "$stderr" 'calsync: warning: another sync of this account is running.*; waiting for up to 60 s'
}

@test "connect: --refresh-token-stdin at a terminal shows no token, and leaves the terminal as it was" {
	token=$(refresh_token_for user1@example.com "$SCOPES_WRITE")
	run -0 /usr/bin/python3 - "$token" 3>&- <<-'END'
		import fcntl, os, pty, select, signal, subprocess, sys, termios

		def at_terminal(typed):
		    master, slave = pty.openpty()
		    def own():
		        os.setsid()
		        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
		    child = subprocess.Popen(["calsync", "connect", "work", "--refresh-token-stdin"], stdin=slave,
		                             stdout=slave, stderr=slave, preexec_fn=own)
		    shown = b""
		    while b"not shown" not in shown:
		        assert select.select([master], [], [], 20)[0], shown
		        shown += os.read(master, 4096)
		    assert not termios.tcgetattr(slave)[3] & termios.ECHO
		    os.write(master, typed)
		    status = child.wait(30)
		    assert termios.tcgetattr(slave)[3] & termios.ECHO
		    assert not termios.tcgetattr(slave)[3] & termios.ECHONL
		    while select.select([master], [], [], 0)[0]:
		        shown += os.read(master, 4096)
		    return status, shown

		token = sys.argv[1].encode()
		status, shown = at_terminal(token[:5] + b"\x03")
		assert status == -signal.SIGINT, status
		status, shown = at_terminal(token + b"\n")
		assert status == 0, shown
		assert token not in shown and b"is connected" in shown, shown
	END
}
