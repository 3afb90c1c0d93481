#!/bin/bash
# shellcheck disable=SC2016 # within() evaluates its words when they are one
# In the container that tests/boot.sh starts, as root. The tests build on each other.
set -u
exec 3>&1
export LC_ALL=C.UTF-8
GOOGLE=http://127.0.0.1:9797
STORE=/var/lib/calsync/calsync.db
HOOK=/var/lib/calsync-webhook/webhook.db
MARKS=/test/marks
MARK=boot-canary-5e1f
n=0

# ok NAME FUNCTION: what it says is shown when it fails.
ok() {
	local said
	n=$((n + 1))
	if said=$("$2" 2>&1); then
		echo "ok $n boot: $1"
	else
		echo "not ok $n boot: $1"
		[ -z "$said" ] || printf '%s\n' "$said" | sed 's/^/# /'
	fi
}

# within SECONDS COMMAND...: it becomes true
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || { echo "not within the time: $*"; return 1; }
		sleep 0.1
	done
}

equal() {
	[ "$1" = "$2" ] || { printf 'got:    %s\nwanted: %s\n' "$1" "$2"; return 1; }
}

google() {
	local args=(-sS --fail-with-body --max-time 20 -X "$1" -H 'Content-Type: application/json')
	[ $# -lt 3 ] || args+=(--data-binary "$3")
	curl "${args[@]}" "$GOOGLE$2"
}

# at_google SUMMARY: somebody makes an event there.
at_google() {
	local token
	token=$(google POST /sandbox/token "{\"account\": \"${ACCOUNT:-user1@example.com}\"}" |
		jq -r .access_token)
	curl -sS --fail-with-body --max-time 20 --compressed -A 'curl (gzip)' -o /dev/null \
		-H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
		--data-binary "$(jq -nc --arg s "$1" '{summary: $s, start: {date: "2027-03-01"},
			end: {date: "2027-03-02"}}')" "$GOOGLE/calendar/v3/calendars/primary/events"
}

# as USER COMMAND...
as() {
	local group
	group=$(id -g "$1")
	setpriv --reuid="$1" --regid="$group" --init-groups "${@:2}"
}

# sql FILE STATEMENT: as the file's owner, so that SQLite makes no file of root's beside it.
sql() {
	as "$(stat -c %U "$1")" sqlite3 -cmd '.timeout 5000' "$@"
}

# here SUMMARY: it is in the store.
here() {
	[ "$(sql "$STORE" "SELECT count(*) FROM \"CalendarEvent\" WHERE title = '$1'")" = 1 ]
}

# drop_in UNIT LINE...: settings that make a test short.
drop_in() {
	mkdir -p "/etc/systemd/system/$1.d"
	printf '%s\n' "${@:2}" >"/etc/systemd/system/$1.d/test.conf"
	systemctl daemon-reload
}

property() {
	systemctl show --property="$2" --value "$1"
}

# 0 would be this script's own process group.
main_pid() {
	local pid
	pid=$(property calsync-webhookd.service MainPID)
	[ "$pid" -gt 0 ] && echo "$pid"
}

active() {
	systemctl --quiet is-active "$1"
}

# --- the tests ------------------------------------------------------------------------------

users_and_folders() {
	equal "$(stat -c '%A %U %G' /var/lib/calsync-webhook)" 'drwxrws--- root calsync-webhook' &&
		equal "$(stat -c '%a %U %G' /etc/calsync)" '750 root calsync' &&
		id calsync && id calsync-webhookd &&
		equal "$(id -nG calsync-webhookd | tr ' ' '\n' | sort | tr '\n' ' ')" \
			'calsync-webhook calsync-webhookd '
}

nothing_failed() {
	local failed
	failed=$(systemctl list-units --state=failed --no-legend --plain 'calsync*')
	equal "$failed" ''
}

credential_and_login() {
	local key token
	google POST /sandbox/config "{\"token_mark\": \"$MARK\", \"rotate_refresh_tokens\": true}" >/dev/null
	key=$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
	printf '%s\n' "$key" "$MARK" sandbox-secret >"$MARKS"
	install -d -m 700 /etc/credstore.encrypted
	printf '%s\n' "$key" | systemd-creds encrypt --name=calsync-key - /etc/credstore.encrypted/calsync-key
	install -m 640 -g calsync /dev/stdin /etc/calsync/config <<-END
		[google]
		base_url = $GOOGLE
		client_id = calsync-sandbox.apps.googleusercontent.com
		client_secret = sandbox-secret
		[webhook]
		backend_url = http://127.0.0.1:8787
	END
	token=$(google POST /sandbox/token '{"account": "user1@example.com", "refresh": true}' |
		jq -r .refresh_token)
	printf '%s\n' "$token" | calsync-system --quiet connect work --refresh-token-stdin || return 1
	equal "$(calsync-system --json key status | jq -r .provider)" credential &&
		equal "$(find /var/lib/calsync -name key)" '' &&
		equal "$(stat -c '%a %U %G' "$STORE")" '600 calsync calsync' &&
		equal "$(stat -c '%a %U %G' /var/lib/calsync)" '700 calsync calsync'
}

system_wrapper() {
	local status=0
	calsync-system --json event show none-such-event >/dev/null 2>&1 || status=$?
	equal "$status" 5 &&
		calsync-system event add 'Of the wrapper' --account work --start 2027-02-01 --no-sync --quiet &&
		here 'Of the wrapper'
}

# As somebody at a terminal would: the consent page in a browser, the answer to the loopback address.
login_by_the_page() {
	local url
	google POST /sandbox/accounts '{"email": "second@example.com", "timeZone": "Europe/Berlin"}' >/dev/null
	sleep 30 | calsync-system connect --no-browser second >/test/page 2>&1 &
	within 10 grep -q /o/oauth2/ /test/page || return 1
	url=$(grep -o 'http[^ ]*/o/oauth2/[^ ]*' /test/page)
	CONSENT_ACCOUNT=second@example.com /test/consent "$url" || return 1
	within 10 eval 'calsync-system --json accounts | jq -e "any(.name == \"second\")" >/dev/null' || return 1
	# With a terminal.
	script --quiet --return --command 'calsync-system accounts' /dev/null | grep -q second@example.com
}

timer_runs() {
	at_google 'By the timer'
	drop_in calsync-sync.timer '[Timer]' OnCalendar= 'OnCalendar=*:*:0/2' RandomizedDelaySec=0 AccuracySec=100ms
	systemctl start calsync-sync.timer
	within 20 here 'By the timer' || return 1
	systemctl stop calsync-sync.timer
	within 10 eval '! active calsync-sync.service' || return 1
	equal "$(property calsync-sync.service Result)" success &&
		equal "$(property calsync-sync.service User)" calsync
}

# The last run was ten days ago, when the machine was switched off.
missed_renewal_is_made_up() {
	local stamp=/var/lib/systemd/timers/stamp-calsync-renew-watches.timer next
	mkdir -p /var/lib/systemd/timers
	touch -d '10 days ago' "$stamp"
	drop_in calsync-renew-watches.timer '[Timer]' RandomizedDelaySec=0
	systemctl start calsync-renew-watches.timer
	within 20 eval '[ "$(property calsync-renew-watches.service ExecMainExitTimestampMonotonic)" != 0 ]' || return 1
	within 20 eval '! active calsync-renew-watches.service'
	equal "$(property calsync-renew-watches.service Result)" success || return 1
	next=$(date -d "$(property calsync-renew-watches.timer NextElapseUSecRealtime)" +%s)
	[ $((next - $(date +%s))) -le $((6 * 86400 + 60)) ] && [ "$next" -gt "$(date +%s)" ]
}

activation() {
	systemctl start calsync-webhookd.socket calsync-queue.path
	! active calsync-webhookd.service || return 1
	calsync-system --quiet --account work watch || return 1
	within 10 active calsync-webhookd.service || return 1
	equal "$(ps -o user:32= -o group:32= -p "$(main_pid)" | tr -s ' ')" 'calsync-webhookd calsync-webhook' &&
		equal "$(stat -c '%a %G' "$HOOK")" '660 calsync-webhook' &&
		within 10 eval '[ "$(sql "$HOOK" "SELECT count(*) FROM channel WHERE verified_ms > 0")" -ge 1 ]'
}

notification_syncs() {
	local begin took
	# Nothing is left of the test before.
	within 10 eval '! active calsync-queue.service && ! [ -e "$HOOK-wake" ]'
	sleep 1
	begin=$(date +%s%N)
	at_google 'By a notification'
	within 10 here 'By a notification' || return 1
	took=$((($(date +%s%N) - begin) / 1000000))
	echo "# $took ms from Google to the store" >&3
	[ "$took" -lt 3000 ] && within 5 eval '! [ -e "$HOOK-wake" ]' &&
		equal "$(sql "$HOOK" 'SELECT count(*) FROM wake')" 0
}

# Killed, and notified before it is back: the message waits in the socket, or is sent again.
killed() {
	local before i
	for i in 1 2 3 4 5; do
		before=$(main_pid) || return 1
		kill -KILL "$before"
		at_google "Killed $i"
		within 20 here "Killed $i" || return 1
		[ "$(main_pid)" != "$before" ] || return 1
	done
	active calsync-webhookd.socket
}

watchdog() {
	local before
	drop_in calsync-webhookd.service '[Service]' WatchdogSec=2
	systemctl restart calsync-webhookd.service
	before=$(main_pid) || return 1
	sleep 4 # alive: nobody ends it
	equal "$(main_pid)" "$before" || return 1
	kill -STOP "$before"
	at_google 'It hangs'
	within 20 here 'It hangs' || return 1
	[ "$(main_pid)" != "$before" ] && journalctl --unit=calsync-webhookd.service | grep -q 'Watchdog timeout'
}

reload() {
	local before
	before=$(main_pid) || return 1
	systemctl reload calsync-webhookd.service
	sleep 0.5
	active calsync-webhookd.service && equal "$(main_pid)" "$before"
}

# Also the syncer may be killed: systemd starts it again, and it goes on from what is written down.
queue_killed() {
	local i
	drop_in calsync-queue.service '[Service]' RestartSec=1
	for i in 1 2 3 4 5 6 7 8; do
		at_google "Syncer killed $i"
		sleep "0.0$i"
		systemctl kill --signal=KILL calsync-queue.service
	done
	for i in 1 2 3 4 5 6 7 8; do
		within 30 here "Syncer killed $i" || return 1
	done
	journalctl --unit=calsync-queue.service | grep -q 'status=9/KILL' || { echo "none was hit"; return 1; }
	active calsync-queue.path
}

# A failure before the notifications are read: tried again with a pause, and nobody gives up.
broken_queue() {
	local starts
	drop_in calsync-queue.service '[Service]' RestartSec=2
	mv "$STORE" "$STORE.away"
	mkdir "$STORE"
	at_google 'Meanwhile'
	within 10 test -e "$HOOK-wake" && sleep 6
	starts=$(property calsync-queue.service NRestarts)
	rmdir "$STORE"
	mv "$STORE.away" "$STORE"
	case $starts in
	[1-4]) ;;
	*) echo "starts: $starts"; return 1 ;;
	esac
	within 20 here Meanwhile && active calsync-queue.path && active calsync-webhookd.socket
}

# It cannot start: a pause between the tries, and the socket does not give up.
broken_webhookd() {
	systemctl stop calsync-webhookd.service
	mv "$HOOK" "$HOOK.away"
	mkdir "$HOOK"
	at_google 'Nobody hears'
	sleep 6
	active calsync-webhookd.socket || return 1
	rmdir "$HOOK"
	mv "$HOOK.away" "$HOOK"
	within 30 here 'Nobody hears' && active calsync-webhookd.service
}

# The webhook's database cannot be read, so nobody silences the bell: no start follows on another.
deaf_bell() {
	local failures
	systemctl stop calsync-webhookd.socket calsync-webhookd.service
	mv "$HOOK" "$HOOK.away"
	head -c 5000 /dev/urandom | as calsync-webhookd tee "$HOOK" >/dev/null
	chmod 660 "$HOOK"
	as calsync-webhookd touch "$HOOK-wake"
	sleep 7
	failures=$(journalctl --unit=calsync-queue.service --since=-6s | grep -c 'Failed with result')
	mv "$HOOK.away" "$HOOK"
	systemctl start calsync-webhookd.socket
	case $failures in
	[1-4]) ;;
	*) echo "failures: $failures"; return 1 ;;
	esac
	at_google 'It rings again'
	within 20 here 'It rings again' && active calsync-queue.path
}

stops() {
	local begin
	begin=$(date +%s%N)
	systemctl stop calsync-webhookd.service
	# Without the pause that follows a failure, too.
	[ $(($(date +%s%N) - begin)) -lt 900000000 ] || { echo "it took $((($(date +%s%N) - begin) / 1000000)) ms"; return 1; }
	equal "$(property calsync-webhookd.service Result)" success &&
		equal "$(property calsync-webhookd.service ExecMainStatus)" 0 || return 1
	at_google 'After the stop' # the socket starts it again
	within 20 here 'After the stop'
}

# confined COMMAND...: with what calsync-webhookd.service has, but for what it runs and how.
confined() {
	local settings=() line
	while read -r line; do
		case $line in
		Exec* | Type=* | NotifyAccess=* | Restart=* | RestartSec=* | WatchdogSec=* | TimeoutStopSec=*) ;;
		[A-Z]*=*) settings+=("--property=$line") ;;
		esac
	done < <(sed -n '/^\[Service\]/,/^\[Install\]/p' /usr/lib/systemd/system/calsync-webhookd.service)
	systemd-run --quiet --wait --collect --pipe "${settings[@]}" "$@"
}

webhookd_sees_nothing() {
	local path
	systemd-run --quiet --unit=holder --property=User=calsync --property=LoadCredentialEncrypted=calsync-key \
		sleep 60 || return 1
	within 5 test -s /run/credentials/holder.service/calsync-key || return 1
	confined test -r "$HOOK" -a -w "$HOOK" || { echo "not even its own database"; return 1; }
	for path in "$STORE" /etc/calsync/config /etc/credstore.encrypted/calsync-key \
		/run/credentials/holder.service/calsync-key /var/lib/systemd/credential.secret; do
		[ -s "$path" ] || { echo "$path is missing: nothing is shown"; return 1; }
		! confined cat "$path" >/dev/null 2>&1 || { echo "it reads $path"; return 1; }
	done
	! confined ls /var/lib/calsync 2>/dev/null || return 1
	equal "$(confined ls /var/lib)" calsync-webhook || return 1
	! confined bash -c 'exec 3<>/dev/tcp/127.0.0.1/9797' 2>/dev/null || { echo "it has a network"; return 1; }
	bash -c 'exec 3<>/dev/tcp/127.0.0.1/9797' || return 1
	systemctl stop holder.service
}

# Names, certificates and the network are there in the sandbox: Google's hosts are this machine here,
# with a certificate of an authority that the system trusts.
tls_in_the_sandbox() {
	local dir=/test/tls hosts='www.googleapis.com oauth2.googleapis.com accounts.google.com' host names=
	mkdir -p "$dir" /usr/local/share/ca-certificates
	for host in $hosts; do
		names+=${names:+,}DNS:$host
	done
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj '/CN=Test CA' \
		-keyout "$dir/ca.key" -out "$dir/ca.crt" || return 1
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=Google' \
		-keyout "$dir/key" -out "$dir/csr" || return 1
	openssl x509 -req -in "$dir/csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial -days 2 \
		-extfile <(echo "subjectAltName=$names") -out "$dir/crt" || return 1
	systemd-run --quiet --unit=tls openssl s_server -accept 443 -cert "$dir/crt" -key "$dir/key" -www
	within 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/443' || return 1
	echo "127.0.0.1 $hosts" >>/etc/hosts
	install -m 640 -g calsync /dev/null /etc/calsync/google
	case $(network_findings) in
	*error*) ;;
	*) echo "not refused without the authority"; return 1 ;;
	esac
	cp "$dir/ca.crt" /usr/local/share/ca-certificates/test.crt
	update-ca-certificates >/dev/null 2>&1 || return 1
	equal "$(network_findings)" ok
	systemctl stop tls.service
}

network_findings() {
	calsync-system --json --config /etc/calsync/google doctor |
		jq -r '[.findings[] | select(.check == "network") | .status] | unique | join(" ")'
}

doctor_is_content() {
	systemctl enable calsync-sync.timer calsync-renew-watches.timer 2>/dev/null
	equal "$(calsync-system --json doctor | jq -c '[.findings[] | select(.check == "timers") | .message]')" \
		'["calsync-sync.timer is enabled for the system","calsync-renew-watches.timer is enabled for the system"]'
}

as_ada() {
	as ada env HOME=/home/ada XDG_RUNTIME_DIR=/run/user/1000 "$@"
}

manager() {
	as_ada systemctl --user "$@"
}

# The user units, with the user's own store and a key file.
user_units() {
	local token db=/home/ada/.local/share/calsync/calsync.db
	useradd --uid 1000 --create-home ada
	google POST /sandbox/accounts '{"email": "ada@example.com", "timeZone": "Europe/Berlin"}' >/dev/null
	token=$(google POST /sandbox/token '{"account": "ada@example.com", "refresh": true}' | jq -r .refresh_token)
	as_ada mkdir -p -m 700 /home/ada/.config/calsync /home/ada/.config/systemd/user/calsync-webhookd.service.d
	sed 's/:8787/:8788/' /etc/calsync/config | as_ada tee /home/ada/.config/calsync/config >/dev/null
	as_ada chmod 600 /home/ada/.config/calsync/config
	as_ada calsync --quiet connect ada --refresh-token-stdin <<<"$token" || return 1
	systemctl start user@1000.service || return 1
	# The other port: 8787 is the system's.
	printf '%s\n' '[Service]' ExecStart= 'ExecStart=/usr/bin/calsync webhookd --listen 127.0.0.1:8788' |
		as_ada tee /home/ada/.config/systemd/user/calsync-webhookd.service.d/test.conf >/dev/null
	manager daemon-reload
	manager enable --now calsync-sync.timer calsync-renew-watches.timer calsync-webhookd.service 2>&1 || return 1
	manager --quiet is-active calsync-sync.timer || return 1
	ACCOUNT=ada@example.com at_google 'Of Ada'
	manager start calsync-sync.service || return 1
	STORE=$db here 'Of Ada' || return 1
	as_ada calsync --quiet watch || return 1
	manager start calsync-renew-watches.service || return 1
	ACCOUNT=ada@example.com at_google 'Pushed to Ada'
	STORE=$db within 10 here 'Pushed to Ada'
}

failure_is_reported() {
	echo nonsense >>/etc/calsync/config
	! systemctl start calsync-sync.service 2>/dev/null || return 1
	within 5 eval 'journalctl --priority=alert --identifier=calsync |
		grep -q "calsync-sync.service failed: see journalctl"' || return 1
	sed -i '/^nonsense$/d' /etc/calsync/config
	systemctl start calsync-sync.service
}

# Tried again and again, then told, and not given up for good.
failed_renewal_is_reported() {
	local unit=calsync-renew-watches
	drop_in "$unit.service" '[Service]' RestartSec=100ms
	systemctl stop "$unit.timer"
	systemctl reset-failed "$unit.service" 2>/dev/null
	mv "$STORE" "$STORE.away"
	mkdir "$STORE"
	systemctl --no-block start "$unit.service"
	within 30 eval 'journalctl --priority=alert --identifier=calsync |
		grep -q "calsync-renew-watches.service failed: see journalctl"'
	local told=$?
	rmdir "$STORE"
	mv "$STORE.away" "$STORE"
	[ "$told" -eq 0 ] && equal "$(property "$unit.service" NRestarts)" 10 &&
		active "$unit-again.timer" || return 1
	systemctl stop "$unit-again.timer"
	systemctl reset-failed "$unit.service"
	systemctl start "$unit.service"
}

journal_holds_no_secret() {
	google GET /sandbox/state | jq -r '.. | .token? // empty | strings' >>"$MARKS"
	google GET /sandbox/notifications | jq -r '.. | objects | to_entries[]
		| select(.key | ascii_downcase == "x-goog-channel-token") | .value' >>"$MARKS"
	grep -qE '^[0-9]+\.[0-9a-f]{64}$' "$MARKS" || { echo "no token of a channel is known"; return 1; }
	journalctl --output=export >/test/export
	[ "$(grep -c calsync /test/export)" -gt 50 ] || return 1
	! grep -aFf "$MARKS" /test/export
}

systemctl start sandbox.service
within 10 test -s /run/sandbox-port
ok 'users, groups and folders are there' users_and_folders
ok 'a key from systemd-creds, a login by calsync-system' credential_and_login
ok 'calsync-system passes output and status on' system_wrapper
ok 'a login by the consent page, and a terminal' login_by_the_page
ok 'the timer syncs as calsync' timer_runs
ok 'a renewal that was missed is made up for' missed_renewal_is_made_up
ok 'the first message starts webhookd, as its own user' activation
ok 'a notification reaches the store by way of the bell' notification_syncs
ok 'webhookd killed: started again, nothing lost' killed
ok 'webhookd hangs: the watchdog ends it, nothing lost' watchdog
ok 'webhookd reloads' reload
ok 'the syncer killed: nothing lost' queue_killed
ok 'the syncer cannot work: it tries again with a pause' broken_queue
ok 'webhookd cannot work: it tries again with a pause' broken_webhookd
ok 'a bell that cannot be silenced: it tries again with a pause' deaf_bell
ok 'webhookd stops at once, and starts when it is needed' stops
ok 'webhookd can read neither store, key nor configuration, and has no network' webhookd_sees_nothing
ok 'names, certificates and the network are there in the sandbox' tls_in_the_sandbox
ok 'doctor, as a service, knows the timers' doctor_is_content
ok 'the units of a user' user_units
ok 'a failure is reported' failure_is_reported
ok 'a renewal that fails again and again is reported, and not given up' failed_renewal_is_reported
ok 'no unit failed for good' nothing_failed
ok 'the journal holds no secret' journal_holds_no_secret
echo "1..$n"
