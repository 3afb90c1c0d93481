#!/bin/sh
# Install what it takes to build, test, lint and demonstrate calsync on Debian 12 (or later).
#
#   sh contrib/setup.sh               everything
#   sh contrib/setup.sh --build-only  only what `make` and `make install` need
#   sh contrib/setup.sh --list        print the package names, install nothing
#
# Packages that are there already are left alone; when nothing is missing, apt is not called.
set -eu

# The compiler, the libraries of the program and of the sandbox, and what a run needs: certificate
# authorities for TLS, the time zone database.
build='gcc libc6-dev make pkg-config
	libcurl4-openssl-dev libsecret-1-dev libjson-c-dev libsqlite3-dev libsmartcols-dev libinih-dev libssl-dev
	libmicrohttpd-dev libical-dev zlib1g-dev
	ca-certificates tzdata'
# The demo and the tests: curl and jq play "somebody at Google", the shells check the completions,
# jsonschema the answers, gnome-keyring holds a key, chromium logs in, systemd judges the units, nginx
# and Caddy stand before webhookd, socat is the service manager that hears from it, sshd carries a login.
test='chromium curl jq bats libcmocka-dev sqlite3 python3-jsonschema zsh fish
	dbus gnome-keyring libsecret-tools libglib2.0-bin systemd nginx-light caddy openssl
	openssh-server openssh-client socat'
# make lint, and the second compiler.
lint='clang clang-format clang-tidy cppcheck shellcheck mandoc'

say() {
	printf '%s\n' "setup: $*" >&2
}

# Node.js may also come from elsewhere than Debian: what counts is that the commands are there.
node_packages() {
	command -v node >/dev/null 2>&1 || printf 'nodejs '
	command -v npm >/dev/null 2>&1 || printf 'npm '
}

packages="$build $test $lint $(node_packages)"
case "${1-}" in
'') ;;
--build-only)
	packages=$build
	;;
--list)
	# Word splitting is meant: one line for each name.
	# shellcheck disable=SC2086
	printf '%s\n' $build $test $lint nodejs npm
	exit 0
	;;
-h | --help)
	sed -n 's/^# \{0,1\}//; 2,8p' "$0"
	exit 0
	;;
*)
	say "unknown option '$1'; see sh contrib/setup.sh --help"
	exit 2
	;;
esac

if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-query >/dev/null 2>&1; then
	say "this system has no apt-get. Install the equivalents of these Debian packages by hand:"
	# shellcheck disable=SC2086
	printf '%s\n' $packages >&2
	exit 1
fi

installed() {
	dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^.i'
}

missing=
for p in $packages; do
	installed "$p" || missing="$missing $p"
done
if [ -z "$missing" ]; then
	say "everything is installed"
	exit 0
fi

if [ "$(id -u)" -eq 0 ]; then
	as_root=
elif command -v sudo >/dev/null 2>&1; then
	as_root=sudo
else
	say "these Debian packages are missing:$missing"
	say "installing them needs root, and there is no sudo. Run as root:"
	say "    su -c 'sh contrib/setup.sh'"
	exit 1
fi

say "installing:$missing"
# A lock held by an automatic update is waited for rather than reported as a failure.
apt() {
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 "$@"
}
if ! apt update; then
	say "apt-get update failed; is the network there, and /etc/apt/sources.list right?"
	exit 1
fi
# shellcheck disable=SC2086
if ! apt install --no-install-recommends $missing; then
	say "apt-get could not install:$missing"
	exit 1
fi
# Some start a server as soon as they are installed. The tests need the program alone.
for p in nginx-light/nginx caddy/caddy openssh-server/ssh; do
	case " $missing " in
	*" ${p%/*} "*)
		[ ! -d /run/systemd/system ] || $as_root systemctl --quiet disable --now "${p#*/}.service" ||
			say "${p#*/}.service was started with the package ${p%/*}, and could not be stopped"
		;;
	esac
done
say "done"
