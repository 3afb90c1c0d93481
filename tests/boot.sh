#!/usr/bin/env bash
# The system units in a system of their own: Debian 12, booted by systemd-nspawn, with calsync-sandbox
# as Google in the same container. Prints TAP; needs root, debootstrap and systemd-container.
#
#   make check-boot
#
# The Debian root (a download of some 100 MB) is kept in $BOOT_ROOT, default build/boot/root; each run
# works on a copy. What is tested stands in boot/inside.sh, which runs in the container.
set -euo pipefail
cd "$(dirname "$0")/.."
top=$PWD
build=${CALSYNC_BUILD:-$top/build}
base=${BOOT_ROOT:-$top/build/boot/root}
suite=bookworm
packages=systemd-sysv,libpam-systemd,dbus,openssl,ca-certificates,tzdata,curl,jq,sqlite3,procps
# As ldd and pkg-config name them for what is built here: calsync, what it loads, the sandbox.
packages+=,libcurl4,libjson-c5,libsqlite3-0,libsmartcols1,libinih1,libssl3,libmicrohttpd12,libical3,zlib1g

die() {
	echo "boot: $*" >&2
	exit 1
}

[ "$(id -u)" -eq 0 ] || die "needs root"
for tool in debootstrap systemd-nspawn; do
	command -v "$tool" >/dev/null || die "there is no $tool: apt install debootstrap systemd-container"
done

if [ "$(cat "$base.complete" 2>/dev/null)" != "$suite $packages" ]; then
	rm -rf "$base" "$base.complete"
	mkdir -p "$(dirname "$base")"
	debootstrap --variant=minbase --include="$packages" "$suite" "$base" >"$base.log" 2>&1 ||
		die "debootstrap failed, see $base.log"
	rm -f "$base"/var/cache/apt/archives/*.deb
	echo "$suite $packages" >"$base.complete"
fi

work=$(mktemp -d)
root=$work/root
trap 'rm -rf "$work"' EXIT
cp -a --reflink=auto "$base" "$root"

env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s BUILD="$build" -o "$build/calsync" PREFIX=/usr \
	DESTDIR="$root" install
install -d "$root/test"
install -m 755 "$build/calsync-sandbox" tests/boot/inside.sh tests/bats/consent "$root/test/"
cat >"$root/etc/systemd/system/sandbox.service" <<'END'
[Service]
ExecStart=/test/calsync-sandbox --listen 127.0.0.1:9797 --port-file /run/sandbox-port --allow-http-webhook
END
cat >"$root/etc/systemd/system/test.service" <<'END'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/bash /test/inside.sh
ExecStopPost=/bin/sh -c 'journalctl --no-pager >/test/journal; systemctl --no-block poweroff'
StandardOutput=file:/test/tap
StandardError=file:/test/stderr
TimeoutStartSec=300
[Install]
WantedBy=multi-user.target
END
ln -s ../test.service "$root/etc/systemd/system/multi-user.target.wants/test.service"

# A network of its own: nothing but its loopback. Its systemd is killed when it hangs.
timeout --kill-after=10 400 systemd-nspawn --quiet --boot --directory="$root" --register=no --keep-unit \
	--private-network --hostname=calsync-boot </dev/null >"$work/console" 2>&1 || true
if [ ! -s "$root/test/tap" ]; then
	cat "$work/console" "$root/test/stderr" >&2 2>/dev/null || true
	die "the container did not come as far as the tests"
fi
cat "$root/test/tap"
if grep -q '^not ok' "$root/test/tap" || ! grep -q '^1\.\.' "$root/test/tap"; then
	sed 's/^/# /' "$root/test/stderr" "$root/test/journal" >&2
	exit 1
fi
