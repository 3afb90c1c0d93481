#!/usr/bin/env bats
# The pages say what the program does: each command has one, with the options of its table.
load helpers

setup() {
	calsync_setup
	MAN=$BATS_DIR/../../man
}

# Every command as it is typed ("event add"), from the program's own help.
commands() {
	local name
	for name in $(words_of ''); do
		if calsync help "$name" | grep -q '^Commands:$'; then
			words_of "$name" | sed "s/^/$name /"
		else
			echo "$name"
		fi
	done
}

words_of() {
	# shellcheck disable=SC2086 # no word: the program itself
	calsync help $1 | sed -n '/^Commands:$/,/^$/s/^  \([a-z-]*\) .*/\1/p'
}

# The page of a command; a group may describe its subcommands in one page.
page_of() {
	local page=$MAN/calsync-${1// /-}.1
	[ -f "$page" ] || page=$MAN/calsync-${1%% *}.1
	echo "$page"
}

# --name VALUE of each option in the help's own section, one a line.
options_of() {
	# shellcheck disable=SC2086 # words of a command
	calsync help $1 | sed -n '/^Options:$/,/^$/s/^  \(-., \|    \)--\([a-z-]*\)\( [^ ]*\)\{0,1\}\( .*\)\{0,1\}$/\1--\2\3/p' |
		sed 's/^ *//; s/ *$//' | LC_ALL=C sort
}

# The same from a page's list of options: "-s, --start TIME".
documented() {
	sed -n 's/^\.It \(Fl .*\)$/\1/p' "$1" |
		sed -e 's/ Ns Oo : Ns Cm popup | email Oc/[:popup|email]/g' -e 's/ \(Ar\|Cm\) / /g' \
			-e 's/ | /|/g' -e 's/^Fl \(.\) [^,]*, Fl -/-\1, --/' -e 's/^Fl -/--/' | LC_ALL=C sort
}

@test "man: every command has a page" {
	local command page
	[ "$(commands | wc -l)" -ge 15 ]
	while read -r command; do
		page=$(page_of "$command")
		[ -f "$page" ] || { echo "no page for '$command'"; false; }
		grep -q "^\.Nm calsync $command\|Cm ${command##* }\>" "$page" ||
			{ echo "$page does not show '$command'"; false; }
	done < <(commands)
}

@test "man: the options of each page are those of the command's table" {
	local command page
	while read -r command; do
		page=$(page_of "$command")
		assert_equal "$command: $(documented "$page")" "$command: $(options_of "$command")"
	done < <(commands)
}

@test "man: the synopsis of each page names every option of the table" {
	local command page
	while read -r command; do
		page=$(page_of "$command")
		assert_equal "$command: $(sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' "$page" |
			grep -o 'Fl -[a-z-]*' | sed 's/Fl -//' | LC_ALL=C sort -u)" \
			"$command: $(options_of "$command" | sed 's/.*--\([a-z-]*\).*/\1/' | LC_ALL=C sort -u)"
	done < <(commands)
}

@test "man: calsync(1) names the global options and refers to every command's page" {
	local word
	for word in $(words_of ''); do
		grep -q "Xr calsync-$word 1" "$MAN/calsync.1" || { echo "missing: $word"; false; }
	done
	assert_equal "$(documented "$MAN/calsync.1")" \
		"$(calsync --help | sed -n '/^Options (/,/^$/s/^  \(-., \|    \)--\([a-z-]*\)\( [^ ]*\)\{0,1\}\( .*\)\{0,1\}$/\1--\2\3/p' |
			sed 's/^ *//; s/ *$//' | LC_ALL=C sort)"
}

@test "man: every page that is referred to exists" {
	local ref
	while read -r ref; do
		[ -f "$MAN/${ref// /.}" ] || { echo "no page $ref"; false; }
	done < <(sed -n 's/.*Xr \(calsync[a-z.-]* [0-9]\).*/\1/p' "$MAN"/*.[15] | sort -u)
}

@test "man: every key that the program reads from the configuration is described" {
	local key
	while read -r key; do
		grep -q "Cm $key\>" "$MAN/calsync.conf.5" || { echo "missing: $key"; false; }
	done < <(grep -rhoE 'config_get\([^,]*, *"[a-z_]+\.[a-z_]+"' "$BATS_DIR/../../src" |
		sed 's/.*"\(.*\)"/\1/' | sort -u)
}
