# shellcheck disable=SC2154 # output is set by bats' run
# `load schema` beside helpers: JSON answers against the schemas that ship with the program.

SCHEMA_DIR=$(cd "$BATS_DIR/../../schemas" && pwd)

# assert_schema NAME [TEXT]: TEXT (default: $output) is valid after schemas/NAME.json.
assert_schema() {
	local text=${2-$output} file=$BATS_TEST_TMPDIR/instance.json
	printf '%s' "$text" >"$file"
	# Debian's own python: it is the one that has python3-jsonschema.
	/usr/bin/python3 -m jsonschema --base-uri "file://$SCHEMA_DIR/" -i "$file" \
		"$SCHEMA_DIR/$1.json" >&2 || { echo "not valid after $1.json: $text" >&2; return 1; }
}

# assert_failure_json CODE: the last command's answer is a failure of that kind, with the message
# that stands on stderr.
assert_failure_json() {
	assert_schema failure
	assert_equal "$(jq -r .error.code <<<"$output")" "$1"
	assert_equal "calsync: $(jq -r .error.message <<<"$output")" "$stderr"
}
