# shellcheck disable=SC2154,SC2030,SC2031,SC2016,SC2059 # (words for a shell are what is tested)
# What can be wrong with a login. A row is a line that begins with `bad`: exit status, code, what the one
# line on stderr says, and the arguments of connect. Each ends with nothing stored: no account, no
# secret, no key.
load helpers
load schema

setup() {
	calsync_setup
	fake_google_start
	# No keyring of whoever runs the tests.
	export DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent
	answer_within 20
}

teardown() {
	calsync_teardown
}

nothing_left() {
	local found
	assert_equal "$(unset CALSYNC_DB; calsync --json accounts)" '[]'
	[ ! -e "$CALSYNC_STORE" ] || [ "$(sqlite3 "$CALSYNC_STORE" 'SELECT count(*) FROM sqlite_schema')" -eq 0 ] ||
		assert_equal "$(sqlite3 "$CALSYNC_STORE" "SELECT (SELECT count(*) FROM account)
			+ (SELECT count(*) FROM secret) + (SELECT count(*) FROM calendar)
			+ (SELECT count(*) FROM meta WHERE key LIKE 'key%')")" 0
	found=$(find "$XDG_CONFIG_HOME" "$XDG_DATA_HOME" -name 'key*' -o -name '*.tmp' 2>/dev/null || true)
	assert_equal "$found" ''
}

# bad STATUS CODE WORDS ARGUMENT...
bad() {
	local wanted=$1 code=$2 words=$3
	shift 3
	run --separate-stderr -"$wanted" calsync -q --json connect "$@"
	assert_failure_json "$code"
	assert_one_line_error
	assert_matches "$stderr" "$words"
	nothing_left
}

# The same where the address to open is shown, too: the error is the last line.
bad_shown() {
	local wanted=$1 code=$2 words=$3
	shift 3
	run --separate-stderr -"$wanted" calsync -q --json connect "$@"
	assert_schema failure
	assert_json ".error.code == \"$code\""
	assert_equal "${stderr_lines[-1]% }" "calsync: $(jq -r '.error.message | rtrimstr(" ")' <<<"$output")"
	assert_matches "${stderr_lines[-1]}" "$words"
	nothing_left
}

# Without the rights of a superuser over files, when that is who runs the tests.
as_user() {
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-dac_override,-dac_read_search "$@"
	else
		"$@"
	fi
}

# One that is no superuser runs connect.
calsync_as_user() {
	mkdir -p "$HOME/bin"
	printf '#!/bin/bash\n%s\nas_user %q "$@"\n' "$(declare -f as_user)" "$(command -v calsync)" >"$HOME/bin/calsync"
	chmod +x "$HOME/bin/calsync"
	PATH=$HOME/bin:$PATH
}

# The wait for the consent page's answer ends after so many seconds.
answer_within() {
	mkdir -p "$XDG_CONFIG_HOME/calsync"
	printf '[connect]\ntimeout = %d\n' "$1" >"$XDG_CONFIG_HOME/calsync/config"
}

# browser SCRIPT: what happens when the page ($1) is opened.
browser() {
	printf '#!/bin/bash\nexec >/dev/null 2>&1\nconsent=%q\n%s\n' "$BATS_DIR/consent" "$1" >"$HOME/browser"
	chmod +x "$HOME/browser"
	export BROWSER=$HOME/browser
}

# client TEXT: a file for --client-secrets.
client() {
	printf "$1" >client.json
}

@test "bad input: OAuth client files" {
	unset GOOGLE_CLIENT_ID GOOGLE_CLIENT_SECRET
	file=(work --client-secrets client.json)
	again="is no client_secret.json; download it again from Google's console: "
	bad 2 usage 'no OAuth client: give --client-secrets FILE' work
	bad 2 usage "--client-secrets: cannot open 'client.json': No such file" "${file[@]}"
	client ''
	bad 2 invalid "$again" "${file[@]}"
	client 'hello\n'
	bad 2 invalid "$again" "${file[@]}"
	client '{"installed": {"client_id": "i"'
	bad 2 invalid "$again" "${file[@]}"
	client "{'installed': {}}"
	bad 2 invalid "$again.*single quote" "${file[@]}"
	client '\\000\\001\\377'
	bad 2 invalid "$again" "${file[@]}"
	for text in '[]' '"installed"' 'null' '{}' '{"type": "service_account", "client_id": "1"}'; do
		client "$text"
		bad 2 invalid 'it has neither "installed" nor "web"; download one for a desktop app' "${file[@]}"
	done
	for text in '"text"' '[]' '{}' '{"client_id": 7}' '{"client_id": ""}' '{"client_id": "a b"}' \
		'{"client_id": "a\\nb"}' '{"client_id": null}'; do
		client "{\"installed\": $text}"
		bad 2 invalid "no usable client_id; download the file again" "${file[@]}"
	done
	for text in '"two words"' 7 true '{}' '"sandbox-secret\\u0000junk"'; do
		client "{\"web\": {\"client_id\": \"i\", \"client_secret\": $text}}"
		bad 2 invalid 'no usable client_secret; download the file again' "${file[@]}"
	done
	client '{"installed": {"client_id": "i\\u0000junk"}}'
	bad 2 invalid 'no usable client_id; download the file again' "${file[@]}"
	client '{"web": {"client_id": "i", "redirect_uris": ["https://example.com/"]}}'
	bad 2 invalid 'type "web", and none of its redirect_uris is on this machine; add http' "${file[@]}"
	head -c 70000 /dev/zero | tr '\0' ' ' >client.json
	bad 2 usage 'larger than 65536 bytes; give the client_secret.json' "${file[@]}"
	mkdir folder
	bad 2 usage "'folder' is not a regular file" work --client-secrets folder
	mkfifo pipe
	bad 2 usage "'pipe' is not a regular file" work --client-secrets pipe
	ln -s nowhere link
	bad 2 usage "cannot open 'link'" work --client-secrets link
	ln -s circle circle
	bad 2 usage "cannot open 'circle'" work --client-secrets circle
	client '{}'
	chmod 0 client.json
	calsync_as_user
	bad 2 usage "cannot open 'client.json': Permission denied" "${file[@]}"
}

@test "bad input: clients that Google does not know" {
	GOOGLE_CLIENT_SECRET=wrong bad 1 google 'invalid_client.*check the client id and client secret' work
	# What the page says only the person before it sees.
	answer_within 1
	GOOGLE_CLIENT_ID=unknown bad 3 not_connected 'no answer from the consent page.*if the page showed an error' work
}

@test "bad input: keys of service accounts" {
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem 2>/dev/null
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem 2>/dev/null
	openssl rsa -in rsa.pem -aes128 -passout pass:secret -out locked.pem 2>/dev/null
	openssl rsa -in rsa.pem -pubout -out public.pem 2>/dev/null
	key() { # PEM-FILE [JQ-FILTER]
		jq -n --rawfile key "$1" "{type: \"service_account\", private_key_id: \"k1\", private_key: \$key,
			client_email: \"robot@p.iam.gserviceaccount.com\", client_id: \"1\"} | ${2:-.}" >key.json
	}
	robot=(robot --service-account key.json --subject user1@example.com)
	bad 2 usage '--service-account needs --subject USER' robot --service-account key.json
	bad 2 usage '--subject goes with --service-account only' robot --subject user1@example.com
	bad 2 usage "--service-account: cannot open 'key.json'" "${robot[@]}"
	: >key.json
	bad 2 invalid "no service account's key file; make a key of type JSON" "${robot[@]}"
	printf 'a\0b' >key.json
	bad 2 invalid "no service account's key file; make a key of type JSON" "${robot[@]}"
	echo '-----BEGIN PRIVATE KEY-----' >key.json
	bad 2 invalid "is no JSON; download it again from Google's console" "${robot[@]}"
	for text in '[]' '{}' '{"installed": {"client_id": "i"}}' '{"type": "authorized_user"}' '{"type": 7}'; do
		echo "$text" >key.json
		bad 2 invalid 'not of a service account.*make a key of type JSON' "${robot[@]}"
	done
	for lost in .client_email .private_key; do
		key rsa.pem "del($lost)"
		bad 2 invalid 'lacks a usable client_email or private_key; make a new key' "${robot[@]}"
	done
	for pem in ec.pem locked.pem public.pem client.pem; do
		echo 'no PEM at all' >client.pem
		key "$pem"
		bad 2 invalid 'no RSA key in PEM form; make a new key' "${robot[@]}"
	done
	bad 2 usage "'.' is not a regular file" robot --service-account . --subject user1@example.com
	head -c 70000 /dev/zero >key.json
	bad 2 usage 'larger than 65536 bytes' "${robot[@]}"
	# Whole, and of nobody that Google knows.
	key rsa.pem
	bad 3 token_expired "check --subject, whether the key was deleted.* and this computer's clock: .*invalid_grant" "${robot[@]}"
	fake_google_stop
	fake_google_start --service-account key.json
	bad 3 token_expired 'check --subject.*invalid_grant' robot --service-account key.json --subject nobody@example.com
	fake_google_config '{"delegated_scopes": []}'
	bad 1 google 'administrator has to delegate these scopes.*calendar\.events .*unauthorized_client' "${robot[@]}"
}

@test "bad input: refresh tokens" {
	import=(work --refresh-token-stdin)
	bad 2 invalid 'no refresh token on standard input; give it as one line' "${import[@]}" </dev/null
	for text in '\n' '\r\n'; do
		bad 2 invalid 'no refresh token on standard input' "${import[@]}" < <(printf "$text")
	done
	for text in '1//two words' '1//tab\there' '1//nul\0inside' '1//bell\a' '1//\xc3\xbc' '"1//quoted"'; do
		bad 2 invalid 'is no refresh token: give one line .* without spaces' "${import[@]}" < <(printf "$text\n")
	done
	bad 2 invalid 'at most 2047 bytes' "${import[@]}" < <(printf 'x%.0s' {1..2048})
	bad 2 invalid 'at most 2047 bytes' "${import[@]}" < <(printf 'x%.0s' {1..100000}; echo)
	fake_google_forget_log
	bad 3 token_expired 'revoked, expired, or of another OAuth client; run .calsync connect. without' "${import[@]}" <<<1//never-issued
	assert_equal "$(fake_google_requests length)" 1
	token=$(fake_google POST /sandbox/token '{"refresh": true}' | jq -r .refresh_token)
	GOOGLE_CLIENT_ID=calsync-web.apps.googleusercontent.com GOOGLE_CLIENT_SECRET=sandbox-web-secret \
		bad 1 google 'the new login does not work: .*unauthorized_client' "${import[@]}" <<<"$token"
	fake_google_expire refresh_tokens
	bad 3 token_expired 'revoked, expired' "${import[@]}" <<<"$token"
}

@test "bad input: names and options" {
	for name in '' ' a' 'a ' "it's" 'a"b' 'a$(id)' 'a`id`' 'a\b' $'bell\a' $'new\nline' \
		$'\u202eevil' "$(printf 'x%.0s' {1..201})"; do
		bad 2 usage 'is no name for an account \(1 to 200 bytes' "$name"
	done
	bad 2 usage 'no valid UTF-8 text' $'bad\xff'
	bad 2 usage 'is no name for an account' -- -x
	bad 2 usage 'goes with none of --client-secrets' r --service-account k --subject u --client-secrets c
	bad 2 usage 'goes with none of' r --service-account k --subject u --no-browser
	bad 2 usage 'goes with none of' r --service-account k --subject u --refresh-token-stdin
	bad 2 usage 'both read standard input' work --refresh-token-stdin --no-browser
	bad 2 usage 'primary.*owned.*all' work --calendars some
	bad 2 usage 'client-secrets' work --client-secrets
	bad 2 usage 'frob' work --frob
	bad 2 usage 'argument' work home
}

@test "bad input: where Google is said to be" {
	for url in http://127.0.0.1:1/path https://user@example.com https://user:pw@example.com \
		http://example.com http://127.0.0.1.example.com ftp://127.0.0.1 127.0.0.1 https:// \
		https://example.com:99999 'https://example.com/?q=1' 'https://exa mple.com'; do
		CALSYNC_GOOGLE_BASE_URL=$url bad 2 usage 'CALSYNC_GOOGLE_BASE_URL: ' work
	done
	printf '[google]\nbase_url = http://example.com\n' >config
	(unset CALSYNC_GOOGLE_BASE_URL
		bad 2 usage 'google.base_url: plain http is allowed to a loopback address only; use https' work --config config)
}

@test "bad input: what comes back from the consent page" {
	CONSENT_DECISION=deny bad 3 not_connected "access was denied in the browser; nothing was connected: give the same command again and allow it" work
	CONSENT_EXTRA='&iss=https://example.com' bad 2 invalid 'another login service .*start again' work
	CONSENT_EXTRA='&iss=' bad 2 invalid 'another login service' work
	CONSENT_EXTRA='&code=twice' bad 2 invalid "has 'code' twice; nothing was connected: give the same command again" work
	CONSENT_EXTRA='&error=server_error&error_description=Try+later' bad 4 network 'Google refused the login: server_error: Try later; nothing was connected: give the same command again later' work
	CONSENT_EXTRA='&error=invalid_scope' bad 1 google 'Google refused the login: invalid_scope; .*check the OAuth client' work
	CONSENT_EXTRA='&iss=%zz' bad 2 invalid "malformed 'iss'; nothing was connected: give the same command again" work
	CONSENT_EXTRA='&error=e&error_description=%1b%5b31mred%0aline' run --separate-stderr -1 calsync -q connect work
	assert_one_line_error
	refute_matches "$stderr" $'\e'
	for scopes in '"calendar.events"' '"calendar.calendarlist.readonly"'; do
		fake_google_config "{\"granted_scopes\": [${scopes/calendar/https://www.googleapis.com/auth/calendar}]}"
		bad 3 not_connected 'did not grant the permission calendar\.[a-z.]* \(to .*\); connect again and leave every' work
	done
	fake_google_config '{"granted_scopes": ["https://www.googleapis.com/auth/calendar.settings.readonly"]}'
	bad 3 not_connected 'calendar\.events \(to read and change events\) and calendar\.calendarlist\.readonly \(to see which' work
	bad 3 not_connected 'calendar\.events\.readonly \(to read events\) and' work --read-only
}

@test "bad input: codes that are used up, too old, made up, missing" {
	browser 'CONSENT_FOLLOW=no CONSENT_LOG=$HOME/log "$consent" "$1"
		curl -sS "$(tail -1 "$HOME/log" | sed "s|code=[^&]*|code=made-up|")"'
	bad 3 token_expired "used up or too old; give the same command again: .*invalid_grant" work
	browser 'CONSENT_FOLLOW=no CONSENT_LOG=$HOME/log "$consent" "$1"
		curl -sS "$(tail -1 "$HOME/log" | sed "s|code=[^&]*||")"'
	bad 2 invalid 'carries no code' work
	browser 'CONSENT_FOLLOW=no CONSENT_LOG=$HOME/log "$consent" "$1"
		curl -sS -H "Content-Type: application/json" -d "{\"advance_ms\": 660000}" "$CALSYNC_GOOGLE_BASE_URL/sandbox/clock"
		curl -sS "$(tail -1 "$HOME/log")"'
	bad 3 token_expired "used up or too old; give the same command again" work
	# A code that another login has used.
	BROWSER=$BATS_DIR/consent CONSENT_LOG=$HOME/used calsync -q --db other.db connect work
	rm "$XDG_CONFIG_HOME/calsync/key"*
	browser 'CONSENT_FOLLOW=no CONSENT_LOG=$HOME/log "$consent" "$1"
		code=$(sed -n "s|^http.*code=\([^&]*\).*|\1|p" "$HOME/used")
		curl -sS "$(tail -1 "$HOME/log" | sed "s|code=[^&]*|code=$code|")"'
	bad 3 token_expired 'used up or too old.*already redeemed' work
}

@test "bad input: nobody answers, or not to this login" {
	answer_within 1
	browser 'exit 1'
	bad 3 not_connected "no answer from the consent page within 1 seconds; .*give the same command again" work
	browser 'CONSENT_FOLLOW=no CONSENT_LOG=$HOME/log "$consent" "$1"
		curl -sS "$(tail -1 "$HOME/log" | sed "s|state=[^&]*|state=wrong|")"'
	bad 3 not_connected 'no answer from the consent page' work
	browser 'curl -sS -X POST "$(echo "$1" | sed "s|.*redirect_uri=\([^&]*\).*|\1|; s|%3A|:|g; s|%2F|/|g")?code=x"'
	bad 3 not_connected 'no answer from the consent page' work
	BROWSER=/nonexistent/browser bad_shown 3 not_connected 'no answer from the consent page' work </dev/null
	unset BROWSER
	PATH=$BUILD_DIR:/usr/bin:/bin bad_shown 3 not_connected 'no answer from the consent page' work </dev/null
	bad_shown 3 not_connected 'no answer from the consent page' work --no-browser </dev/null
}

@test "bad input: the port of a web client is in use" {
	port_is_ours 8085
	client '{"web": {"client_id": "i", "redirect_uris": ["http://127.0.0.1:8085/callback"]}}'
	/usr/bin/python3 -c 'import socket, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 8085))
s.listen()
print("ready", flush=True)
time.sleep(60)' >ready 3>&- 5>&- &
	holder=$!
	for _ in $(seq 100); do
		[ -s ready ] && break
		sleep 0.05
	done
	bad 1 failed 'port 8085.* is in use by another program; end that one, or use a client for desktop apps' \
		work --client-secrets client.json
	kill "$holder"
}

# broken REQUEST ACTION-JSON: that request goes wrong, every time.
broken() {
	fake_google_no_faults
	fake_google_fault "{\"match\": \"$1\", \"times\": 0, $2}"
}

@test "bad input: Google's login service does not work" {
	broken /token '"action": "status", "status": 500'
	bad 4 network 'login service answered 500' work
	broken /token '"action": "status", "status": 429, "retry_after": 7'
	bad 4 rate_limited 'login service answered 429' work
	broken /token '"action": "garbage"'
	bad 4 network 'something that is no JSON; try again later, and see whether a proxy' work
	broken /token '"action": "truncate"'
	bad 4 network "no answer from '127.0.0.1'" work
	broken /token '"action": "drop_after"'
	bad 4 network "no answer from '127.0.0.1'" work
	broken /token '"action": "status", "status": 403'
	bad 1 google 'login service answered 403' work
	# The first answer is good, the refresh that proves the login is not.
	broken /token '"after": 1, "action": "status", "status": 500'
	bad 4 network 'the new login does not work: .*500' work
	# One that is only slow is waited for.
	fake_google_no_faults
	fake_google_fault '{"match": "/token", "times": 1, "action": "delay", "delay_ms": 1500}'
	run -0 calsync -q connect work
}

@test "bad input: the calendars cannot be listed" {
	browser '"$consent" "$1"' # it may lose patience while a request is tried again
	for request in calendarList/primary calendarList?; do
		broken "$request" '"action": "status", "status": 403, "domain": "global", "reason": "forbidden"'
		bad 1 google '(cannot be read|cannot list the calendars).*403' work
		broken "$request" '"action": "status", "status": 500'
		bad 4 network '(cannot be read|cannot list the calendars).*500' work
	done
	broken calendarList/primary '"action": "garbage"'
	bad 1 google 'its calendars cannot be read: JSON is malformed' work
	broken calendarList? '"action": "garbage"'
	bad 4 network 'cannot list the calendars' work
	broken calendarList/primary '"action": "status", "status": 404, "domain": "global", "reason": "notFound"'
	bad 1 google 'has this user Google Calendar\?' work
	broken calendarList/primary '"action": "status", "status": 403, "domain": "usageLimits", "reason": "accessNotConfigured"'
	bad 1 google 'enable the Google Calendar API for the project' work
}

@test "bad input: no network" {
	import=(work --refresh-token-stdin)
	port=$FAKE_GOOGLE_PORT
	CALSYNC_GOOGLE_BASE_URL=http://127.0.0.1:1 bad 4 network "no answer from '127.0.0.1'" "${import[@]}" <<<1//token
	CALSYNC_GOOGLE_BASE_URL=https://calsync.invalid bad 4 network "no answer from 'calsync.invalid'" "${import[@]}" <<<1//token
	# TLS to a port where nobody speaks it; libcurl's words for that end in a space at times.
	CALSYNC_GOOGLE_BASE_URL=https://127.0.0.1:$port bad_shown 4 network "no answer from '127.0.0.1'" "${import[@]}" <<<1//token
}

@test "bad input: the configuration" {
	bad 2 usage "config file: cannot open 'none'" work --config none
	bad 2 invalid "'.' is not a regular file" work --config .
	printf '\0' >config
	bad 2 invalid 'no text file' work --config config
	printf 'hello\n' >config
	bad 2 invalid 'config:1: neither \[section\] nor key = value' work --config config
	printf '[key]\nprovider = cloud\n' >config
	bad 1 secret "unknown key provider 'cloud': it is secret-service, credential or file" work --config config
	printf '[key]\nprovider = secret-service\n' >config
	bad 1 secret 'Secret Service failed: Could not connect: .* run calsync in a session with a keyring' work --config config
	(unset DBUS_SESSION_BUS_ADDRESS
		bad 1 secret 'no session bus .*; run calsync in a session with a keyring.* key.provider = file' work --config config)
	printf '[key]\nprovider = credential\n' >config
	for dir in '' relative; do
		CREDENTIALS_DIRECTORY=$dir bad 1 secret 'CREDENTIALS_DIRECTORY is not set here; run calsync by its service' \
			work --config config
	done
	CREDENTIALS_DIRECTORY=/nowhere bad 1 secret "no new key was made: .*make it with 'systemd-creds encrypt" work --config config
	printf '[connect]\ntimeout = soon\n' >config
	bad 2 invalid 'connect.timeout' work --config config
	chmod 0 config
	calsync_as_user
	bad 2 invalid "cannot open 'config': Permission denied" work --config config
}

@test "bad input: no place for the store or the key" {
	bad 2 usage '--db needs the name of a file' work --db ''
	bad 1 store "'.'" work --db .
	echo 'no database' >text
	bad 1 store "'text'" work --db text
	bad 1 store 'text/calsync.db' work --db text/calsync.db
	for blocks in 1 40 100; do
		rm -rf "$XDG_DATA_HOME"
		run --separate-stderr -1 bash -c "trap '' XFSZ; ulimit -f $blocks; exec calsync -q --json connect work"
		assert_failure_json store
		nothing_left
	done
	calsync_as_user
	mkdir -p "$HOME/sealed"
	chmod 555 "$HOME/sealed"
	bad 1 store "sealed" work --db "$HOME/sealed/calsync.db"
	XDG_CONFIG_HOME=$HOME/sealed bad 1 secret 'sealed.*(Permission denied|Read-only)' work
}

@test "bad input: a key that is there and of no use stays as it is" {
	mkdir -p "$XDG_CONFIG_HOME/calsync"
	key=$XDG_CONFIG_HOME/calsync/key
	refused() { # WORDS
		ls -l "$key" >before
		run --separate-stderr -1 calsync -q --json connect work
		assert_failure_json secret
		assert_matches "$stderr" "$1"
		assert_equal "$(calsync --json accounts)" '[]'
		diff before <(ls -l "$key")
		rm -rf "$key"
	}
	echo 'no key' >"$key"
	chmod 600 "$key"
	refused 'does not hold one line of 64 hex digits'
	printf '%064d\n' 0 >"$key"
	chmod 644 "$key"
	refused "run: chmod 600 '$key'"
	ln -s /dev/null "$key"
	refused 'is a symbolic link; put the file itself there'
	mkdir "$key"
	refused 'is not a regular file; .*key.file in the config'
	mkfifo -m 600 "$key"
	refused 'is not a regular file'
	for text in '' "$(printf %063d 0)" "$(printf %065d 0)" "$(printf %063d 0)g" "$(printf '%064d\n ' 0)"; do
		printf %s "$text" >"$key"
		chmod 600 "$key"
		refused 'does not hold one line of 64 hex digits; put the right one back'
	done
	if [ "$(id -u)" -eq 0 ]; then
		install -m 600 -o 12345 <(printf '%064d\n' 0) "$key"
		refused 'belongs to another user; run calsync as that user, or name another file as key.file'
	fi
}

@test "bad input: what is good is taken all the same" {
	jq -n '{installed: {client_id: env.GOOGLE_CLIENT_ID, client_secret: env.GOOGLE_CLIENT_SECRET}}' >client.json
	ln -s client.json link
	(
		unset GOOGLE_CLIENT_ID GOOGLE_CLIENT_SECRET
		run -0 calsync -q connect link --client-secrets link
	)
	run -0 calsync -q connect "$(printf 'x%.0s' {1..200})"
	CONSENT_TIMES=2 run -0 calsync -q connect twice
	run -0 calsync --json accounts
	assert_json 'length == 3'
}
