#!/usr/bin/env bats
# shellcheck disable=SC2012,SC2016,SC2154
# make install and uninstall, into a folder.
load helpers

setup() {
	calsync_setup
	cd "$BATS_DIR/../.." || return 1
	DEST=$BATS_TEST_TMPDIR/dest
}

# -o: take the program that is being tested as it is.
make_() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s BUILD="$BUILD_DIR" -o "$BUILD_DIR/calsync" \
		DESTDIR="$DEST" PREFIX=/usr "$@"
}

@test "install: program, pages, completions and schemas, and not the sandbox" {
	local page
	make_ install
	[ "$("$DEST/usr/bin/calsync" --version)" = "$(calsync --version)" ]
	[ ! -e "$DEST/usr/bin/calsync-sandbox" ]
	for page in man/*.[1-8]; do
		cmp "$page" "$DEST/usr/share/man/man${page##*.}/${page##*/}"
	done
	cmp completions/_calsync "$DEST/usr/share/zsh/site-functions/_calsync"
	cmp completions/calsync.bash "$DEST/usr/share/bash-completion/completions/calsync"
	cmp completions/calsync.fish "$DEST/usr/share/fish/vendor_completions.d/calsync.fish"
	cmp schemas/sync.json "$DEST/usr/share/calsync/schemas/sync.json"
	cmp contrib/proxy/nginx.conf "$DEST/usr/share/calsync/proxy/nginx.conf"
	cmp contrib/proxy/Caddyfile "$DEST/usr/share/calsync/proxy/Caddyfile"
}

@test "install: units of the system and of a user, users and folders" {
	local unit
	make_ install
	cd "$DEST/usr/lib"
	assert_equal "$(ls systemd/system | tr '\n' ' ')" "calsync-failure@.service calsync-queue.path \
calsync-queue.service calsync-queue.timer calsync-renew-watches-again.timer calsync-renew-watches.service calsync-renew-watches.timer \
calsync-sync.service calsync-sync.timer calsync-webhookd.service calsync-webhookd.socket "
	assert_equal "$(ls systemd/user | tr '\n' ' ')" "calsync-renew-watches.service \
calsync-renew-watches.timer calsync-sync.service calsync-sync.timer calsync-webhookd.service "
	for unit in system user; do
		grep -qx 'ExecStart=/usr/bin/calsync --quiet sync --all' "systemd/$unit/calsync-sync.service"
		grep -qx NoNewPrivileges=yes "systemd/$unit/calsync-sync.service"
	done
	grep -qx User=calsync systemd/system/calsync-sync.service
	grep -q '^u calsync ' sysusers.d/calsync.conf
	grep -q '^d /var/lib/calsync-webhook ' tmpfiles.d/calsync.conf
	run ! grep -rnE '@[A-Z]+@' . "$DEST/usr/sbin"
	assert_equal "$(find . "$DEST/usr/share" -type f ! -perm 644)" ''
}

@test "install: BINDIR and SYSTEMDLIB" {
	make_ install BINDIR=/opt/calsync/bin SYSTEMDLIB=/lib
	"$DEST/opt/calsync/bin/calsync" --version
	grep -qx 'ExecStart=/opt/calsync/bin/calsync --quiet sync --all' \
		"$DEST/lib/systemd/system/calsync-sync.service"
	grep -q '^set -- /opt/calsync/bin/calsync ' "$DEST/usr/sbin/calsync-system"
	[ ! -e "$DEST/usr/lib" ]
	make_ uninstall BINDIR=/opt/calsync/bin SYSTEMDLIB=/lib
	assert_equal "$(find "$DEST" -type f)" ''
}

@test "install: uninstall takes what install brought, and nothing else" {
	make_ install
	echo theirs >"$DEST/usr/share/calsync/schemas/theirs.json"
	echo theirs >"$DEST/usr/lib/systemd/system/calsync-theirs.service"
	make_ uninstall
	assert_equal "$(cd "$DEST" && find . -type f | sort)" "./usr/lib/systemd/system/calsync-theirs.service
./usr/share/calsync/schemas/theirs.json"
	rm "$DEST/usr/share/calsync/schemas/theirs.json"
	make_ uninstall
	[ ! -e "$DEST/usr/share/calsync" ]
}

@test "install: calsync-system: a command line for systemd-run, with the settings of the units" {
	make_ install
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\nprintf "<%%s>\\n" "$@"\n' >"$BATS_TEST_TMPDIR/bin/systemd-run"
	printf '#!/bin/sh\necho "${FAKE_UID-0}"\n' >"$BATS_TEST_TMPDIR/bin/id"
	chmod +x "$BATS_TEST_TMPDIR"/bin/*
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	run -0 "$DEST/usr/sbin/calsync-system" event add "it's \$HOME" --start 2027-01-01
	assert_equal "$(tail -n 7 <<<"$output" | tr -d '\n')" \
		"<--></usr/bin/calsync><event><add><it's \$HOME><--start><2027-01-01>"
	grep -qxF '<--pipe>' <<<"$output"
	# Each setting of the unit once, in its order.
	diff <(sed -n 's/^<--property=\(.*\)>$/\1/p' <<<"$output") \
		<(sed -n '/^User=/,$p' "$DEST/usr/lib/systemd/system/calsync-sync.service" | grep -v -e '^#' -e '^$')
	FAKE_UID=1000 run -1 "$DEST/usr/sbin/calsync-system" status
	assert_matches "$output" '^calsync-system: only root'
	run -2 "$DEST/usr/sbin/calsync-system"
	run -0 "$DEST/usr/sbin/calsync-system" --help
}
