#!/usr/bin/env bats
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

@test "install: program, pages, completions, schemas and units, and not the sandbox" {
	local page
	make_ install
	[ "$("$DEST/usr/bin/calsync" --version)" = "$(calsync --version)" ]
	[ ! -e "$DEST/usr/bin/calsync-sandbox" ]
	for page in man/*.[15]; do
		cmp "$page" "$DEST/usr/share/man/man${page##*.}/${page##*/}"
	done
	cmp completions/_calsync "$DEST/usr/share/zsh/site-functions/_calsync"
	cmp completions/calsync.bash "$DEST/usr/share/bash-completion/completions/calsync"
	cmp completions/calsync.fish "$DEST/usr/share/fish/vendor_completions.d/calsync.fish"
	cmp schemas/sync.json "$DEST/usr/share/calsync/schemas/sync.json"
	grep -qx 'ExecStart=/usr/bin/calsync --quiet sync --all' \
		"$DEST/usr/lib/systemd/user/calsync-sync.service"
	run ! grep -rn '@[A-Z]*@' "$DEST/usr/lib/systemd"
}

@test "install: uninstall leaves no file behind" {
	make_ install
	make_ uninstall
	assert_equal "$(find "$DEST" -type f)" ''
}
