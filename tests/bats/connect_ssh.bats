#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154
# The `ssh -L` line that connect --no-browser prints, through a real sshd of our own.
load helpers

setup() {
	calsync_setup
	fake_google_start
	S=$BATS_TEST_TMPDIR/ssh
	mkdir -p "$S"
}

teardown() {
	[ ! -s "$S/tunnel" ] || kill "$(cat "$S/tunnel")" || true
	[ ! -s "$S/sshd.pid" ] || kill "$(cat "$S/sshd.pid")" || true
	calsync_teardown
}

within() {
	for _ in $(seq 200); do
		"$@" && return 0
		sleep 0.05
	done
	echo "not within 10 s: $*" >&2
	return 1
}

# sshd_start: on a free port, in $SSHD_PORT, for whoever runs the tests
sshd_start() {
	# Where root's sshd locks itself up; a package's start script makes it.
	[ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$S/host"
	ssh-keygen -q -t ed25519 -N '' -f "$S/user"
	SSHD_PORT=$(/usr/bin/python3 "$BATS_DIR/proxy_peer.py" free)
	printf '%s\n' "Port $SSHD_PORT" 'ListenAddress 127.0.0.1' "HostKey $S/host" \
		"AuthorizedKeysFile $S/user.pub" 'StrictModes no' 'UsePAM no' "PidFile $S/sshd.pid" >"$S/config"
	/usr/sbin/sshd -f "$S/config" -E "$S/log" 3>&-
	within test -s "$S/sshd.pid"
}

@test "connect: the ssh line that it prints brings the answer of a browser on another machine" {
	local line url port words
	sshd_start
	SSH_CONNECTION="127.0.0.1 50000 127.0.0.1 $SSHD_PORT" BROWSER='' \
		calsync connect work --no-browser </dev/null >"$S/out" 2>"$S/err" 3>&- &
	within grep -q '^    ssh -L' "$S/err"
	line=$(sed -n 's/^    ssh -L //p' "$S/err")
	url=$(grep '^http' "$S/err")
	port=${line%%:*}
	read -ra words <<<"$line"
	# The other machine is 127.0.0.2: nothing listens there before the tunnel does.
	printf 'connect-to = "127.0.0.1:%s:127.0.0.2:%s"\n' "$port" "$port" >"$HOME/.curlrc"
	run -7 curl -s "http://127.0.0.1:$port/"
	# No shell of the server's is needed, and no known host.
	ssh -N -F none -i "$S/user" -o BatchMode=yes -o ExitOnForwardFailure=yes -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -L "127.0.0.2:${words[0]}" "${words[@]:1}" 2>"$S/ssh.err" 3>&- &
	echo $! >"$S/tunnel"
	within eval '(exec 9<>"/dev/tcp/127.0.0.2/$port") 2>/dev/null'
	"$BATS_DIR/consent" "$url"
	within grep -q "is connected" "$S/out" "$S/err"
	run -0 --separate-stderr calsync --json accounts
	assert_json '.[0].state == "connected"'
}
