# shellcheck disable=SC2154,SC2030,SC2031
# The command line as such: help, usage errors, output that cannot be written.
load helpers
load schema

setup() {
	calsync_setup
}

# Every command, as "event add", from the program itself.
commands() {
	local c
	for c in $(calsync __complete '' | cut -f1); do
		if [ -n "$(calsync __complete "$c" '' | grep -v '^:' || true)" ] &&
			calsync help "$c" | grep -q '^Commands:'; then
			calsync __complete "$c" '' | sed "s/^\([^\t]*\).*/$c \1/"
		else
			echo "$c"
		fi
	done
}

@test "help: the list names every command, on stdout, with 0" {
	run --separate-stderr -0 calsync help
	assert_equal "$stderr" ""
	all=$output
	for word in connect disconnect accounts calendars event sync status help version; do
		assert_matches "$all" $'\n'"  $word +[a-z]"
	done
	refute_matches "$all" '__complete'
	run --separate-stderr -0 calsync --help
	assert_equal "$output" "$all"
	run --separate-stderr -0 calsync -h
	assert_equal "$output" "$all"
}

@test "help: every command has a --help of its own, wherever it stands" {
	count=0
	while read -r command; do
		# shellcheck disable=SC2086 # "event add" is two words
		run --separate-stderr -0 calsync $command --help
		assert_matches "$output" "^Usage: calsync $command"
		assert_matches "$output" $'\nGlobal options:\n'
		plain=$output
		# shellcheck disable=SC2086
		run --separate-stderr -0 calsync --help $command
		assert_equal "$output" "$plain"
		# shellcheck disable=SC2086
		run --separate-stderr -0 calsync help $command
		assert_equal "$output" "$plain"
		count=$((count + 1))
	done < <(commands)
	[ "$count" -ge 15 ]
	[ ! -e "$CALSYNC_STORE" ]
}

@test "help: every command has a man page whose SYNOPSIS names its options" {
	man=$BATS_DIR/../../man
	while read -r command; do
		page=$man/calsync-${command// /-}.1
		[ -f "$page" ] || page=$man/calsync-${command%% *}.1
		[ -f "$page" ] || { echo "no man page for '$command'" >&2; false; }
		# shellcheck disable=SC2086
		for option in $(calsync __complete $command -- | cut -f1); do
			case $option in
			--db | --config | --account | --json | --quiet | --verbose | --help | --version) continue ;;
			--color) [ "$command" = "event add" ] || [ "$command" = "event edit" ] || continue ;;
			esac
			grep -qF -- "Fl -${option#--}" "$page" ||
				{ echo "$page lacks $option of '$command'" >&2; false; }
		done
	done < <(commands)
}

@test "help: of groups, of what does not exist" {
	run --separate-stderr -0 calsync event --help
	assert_matches "$output" 'Usage: calsync event COMMAND'
	run --separate-stderr -2 calsync help evnt
	assert_matches "$stderr" "did you mean 'event'"
	run --separate-stderr -2 calsync help event frobnicate
	assert_one_line_error
	run --separate-stderr -2 calsync event
	assert_matches "$stderr" 'needs a subcommand'
	run --separate-stderr -2 calsync
	assert_one_line_error
}

@test "help: version" {
	run --separate-stderr -0 calsync version
	assert_matches "$output" '^calsync [0-9]+\.[0-9]+\.[0-9]+$'
	line=$output
	run --separate-stderr -0 calsync --version
	assert_equal "$output" "$line"
	run --separate-stderr -0 calsync --json version
	assert_schema version
	run --separate-stderr -0 calsync --version --json
	assert_schema version
}

@test "help: an unknown command suggests the nearest" {
	for pair in snyc:sync synch:sync conect:connect calender:calendars acounts:accounts statsu:status; do
		run --separate-stderr -2 calsync "${pair%:*}"
		assert_matches "$stderr" "unknown command '${pair%:*}'; did you mean '${pair#*:}'\?"
		assert_one_line_error
	done
	run --separate-stderr -2 calsync event ad
	assert_matches "$stderr" "did you mean 'event add'"
	run --separate-stderr -2 calsync xyzzy
	refute_matches "$stderr" 'did you mean'
	run --separate-stderr -2 calsync --json xyzzy
	assert_failure_json usage
}

@test "help: options before or after the command, with = or without, clustered" {
	run -0 calsync --json accounts
	run -0 calsync accounts --json
	run -0 calsync --db=x.db --json accounts
	run -0 calsync --db x.db accounts --json
	run -0 calsync -qv accounts
	run -0 calsync -vvq accounts --color=never
	run -0 calsync -aNAME help
	run -0 calsync accounts --
}

@test "help: options that are wrong" {
	for bad in "--jso accounts" "accounts --js" "--nope accounts" "accounts -x" "accounts -qx" \
		"accounts --db" "accounts --color" "accounts --color=blue" "accounts --json=1" \
		"accounts -a" "accounts extra" "accounts -- --json"; do
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr -2 calsync $bad
		assert_one_line_error
		assert_equal "$output" ""
	done
}

@test "help: text that is no UTF-8 is refused before anything happens" {
	for word in $'\xff' $'caf\xe9' $'\xc0\xaf' $'\xed\xa0\x80'; do
		run --separate-stderr -2 calsync --json event add "$word" --start today
		assert_failure_json usage
		assert_matches "$stderr" 'argument 4 is no valid UTF-8'
	done
	[ ! -e "$CALSYNC_STORE" ]
}

@test "help: what cannot be written is a failure" {
	run -1 bash -c 'calsync help >/dev/full'
	assert_matches "$output" 'cannot write to standard output: No space left'
	run -1 bash -c 'calsync --version >/dev/full'
	# A reader that has gone: no message, no signal, 1.
	bash -c '(sleep 0.3; calsync help; echo $? >status) 2>err | true'
	assert_equal "$(cat status)" 1
	assert_equal "$(cat err)" ""
	run -1 bash -c 'calsync help >&-'
}

@test "help: a configuration that is none, and one that is missing" {
	printf 'this is no INI\n' >bad.ini
	run --separate-stderr -2 calsync --json --config bad.ini accounts
	assert_failure_json invalid
	assert_matches "$stderr" 'bad.ini.*1'
	run --separate-stderr -2 calsync --json --config missing.ini accounts
	assert_failure_json usage
	mkdir folder.ini
	run --separate-stderr -2 calsync --json --config folder.ini accounts
	assert_failure_json invalid
}

@test "help: a store that is none, newer, or unreadable" {
	echo 'this is no database, but it is long enough to be looked at as one' >bad.db
	run --separate-stderr -1 calsync --json --db bad.db accounts
	assert_failure_json store
	assert_matches "$stderr" 'bad.db'
	assert_equal "$(wc -c <bad.db)" 66
	sqlite3 foreign.db 'CREATE TABLE t(x); INSERT INTO t VALUES (1)'
	run --separate-stderr -1 calsync --json --db foreign.db accounts
	assert_failure_json store
	mkdir folder.db
	run --separate-stderr -1 calsync --json --db folder.db accounts
	assert_failure_json store
}

@test "help: start-up loads no library of the network" {
	run -0 env LD_DEBUG=files calsync --version
	assert_matches "$output" 'libsqlite3'
	refute_matches "$output" 'libcurl|libmicrohttpd|libical|libsecret'
}
