# shellcheck disable=SC2034,SC2154 # used by and set in the file that loads this
# For canary.bats: marked secrets, and the search for them.

# Its end is another one in a form, an address, JSON or base64.
CANARY=CanaryQ7x/+=e

# note_marks: what may be found nowhere: one string a line in $MARKS, as new keys, verifiers and tokens of
# push channels come.
note_marks() {
	local key
	for key in "$XDG_CONFIG_HOME"/calsync/key*; do
		[[ $key == *.stores || ! -s $key ]] || tr -d '\n' <"$key" | sed 's/$/\n/' >>"$MARKS"
	done
	fake_google_requests '[.[] | select(.path == "/token") | .body]' | jq -r '.[]' |
		grep -o 'code_verifier=[^&]*' | cut -d= -f2 >>"$MARKS" || true
	fake_google GET /sandbox/state | jq -r '.channels[].token | sub("^[0-9]+[.]"; "")' >>"$MARKS"
	sort -u "$MARKS" -o "$MARKS"
}

# as_hex FILE...: their bytes, one after the other
as_hex() {
	cat "$@" | od -An -v -tx1 | tr -d ' \n'
}

# search PATH...: the files that hold one of the marks, however it is encoded, or a key as bytes; the keys'
# own files are none.
search() {
	local keys=$BATS_TEST_TMPDIR/keys files=() file
	/usr/bin/python3 "$BATS_DIR/canary_forms.py" <"$MARKS" >"$MARKS.forms"
	mapfile -d '' -t files < <(find "$@" -type f ! -path "$XDG_CONFIG_HOME/calsync/key*" -print0 \
		-o -path "$XDG_CONFIG_HOME/calsync/key*.stores" -print0)
	printf '%s\0' "${files[@]}" | xargs -0 -r env LC_ALL=C grep -laF -f "$MARKS.forms" || true
	grep -xE '[0-9a-f]{64}' "$MARKS" >"$keys" || return 0
	# A key may hold any byte: no tool for lines finds it. File by file only when it is somewhere.
	as_hex "${files[@]}" | grep -qF -f "$keys" || return 0
	for file in "${files[@]}"; do
		! as_hex "$file" | grep -qF -f "$keys" || echo "$file"
	done
}

# assert_clean: nothing in what was printed, seen of processes, or left on disk.
assert_clean() {
	local found
	note_marks
	found=$(search "$OUT" "$HOME")
	[ -z "$found" ] || {
		echo "a secret is in:"
		while read -r file; do
			echo "$file: $(LC_ALL=C grep -aoF -m 2 -f "$MARKS.forms" "$file" | cut -c1-24 | tr '\n' ' ')"
		done <<<"$found"
		return 1
	} >&2
}

# lines: those of canary.txt, "SYMBOL WORDS"
lines() {
	grep -v '^#' "$BATS_DIR/canary.txt"
}

# descendants PID: it and all of its children
descendants() {
	local child
	echo "$1"
	for child in $(pgrep -P "$1"); do
		descendants "$child"
	done
}

# snapshot PID FILE: what others can see of a process and its children, and the files that it has open,
# those too that have no name any more. What may not be read, nobody can see.
snapshot() {
	local pid fd
	for pid in $(descendants "$1"); do
		cat "/proc/$pid/cmdline" "/proc/$pid/environ" "/proc/$pid/status" 2>/dev/null || true
		for fd in "/proc/$pid/fd"/*; do
			case $(readlink "$fd") in
			"$XDG_CONFIG_HOME/calsync/key"* | "$IN"/*) ;; # a key's own file, and what it was given
			*) [ ! -f "$fd" ] || cat "$fd" 2>/dev/null || true ;;
			esac
		done
	done >"$2"
}
