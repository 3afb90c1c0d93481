# shellcheck disable=SC2154,SC2030,SC2031,SC2016 # (fish and the scripts made here have $ of their own)
# Words come from the tables and the store; each shell's script only passes them on.
load helpers

setup() {
	calsync_setup
}

teardown() {
	calsync_teardown
}

COMPLETIONS=$BATS_DIR/../../completions

words() {
	calsync __complete "$@" | cut -f1
}

# commands_of [GROUP]: what its help lists, in that order.
commands_of() {
	# shellcheck disable=SC2086 # no word: the program itself
	calsync help $1 | sed -n '/^Commands:$/,/^$/s/^  \([a-z-]*\) .*/\1/p'
}

# bash_completes LINE: what bash offers with the cursor at the end of LINE, one a line.
bash_completes() {
	bash --norc -c '
		source "$1"
		COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDS=() rest=$2
		# As readline does: blanks separate, = and : are words of their own.
		while [[ -n $rest ]]; do
			case $rest in
			[[:space:]]*) rest=${rest#?}; [[ -n $rest ]] || COMP_WORDS+=("") ;;
			[=:]*) COMP_WORDS+=("${rest:0:1}"); rest=${rest#?}; [[ -n $rest ]] || COMP_WORDS+=("") ;;
			*) word=${rest%%[[:space:]=:]*}; COMP_WORDS+=("$word"); rest=${rest#"$word"} ;;
			esac
		done
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_calsync
		printf "%s\n" "${COMPREPLY[@]}"' bash "$COMPLETIONS/calsync.bash" "$1"
}

zsh_completes() {
	zsh -f -c '
		compdef() { }
		compadd() { shift 4; print -rl -- ${(P)1} }
		_files() { print -r -- FILES }
		compset() { }
		source "$1"
		words=(${(z)2}); [[ $2 == *" " ]] && words+=("")
		CURRENT=$#words
		_calsync' zsh "$COMPLETIONS/_calsync" "$1"
}

fish_completes() {
	fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$COMPLETIONS/calsync.fish" "$1" | cut -f1
}

with_store() {
	fake_google_start
	connect_account work
	calsync -q event add Standup --start "2026-03-10 10:00"
	ID=$(calsync --json event list | jq -r '.[0].id')
}

@test "completion: commands, subcommands, options, choices" {
	[ "$(commands_of | wc -l)" -ge 9 ] && [ "$(commands_of event | wc -l)" -ge 5 ]
	assert_equal "$(words '')" "$(commands_of)"
	assert_equal "$(words 'c')" "$(commands_of | grep '^c')"
	assert_equal "$(words event '')" "$(commands_of event)"
	assert_equal "$(words sync --al | tr '\n' ' ')" "--all --allow-deletes "
	assert_equal "$(words sync --jobs 4 --col | tr '\n' ' ')" "--color "
	assert_equal "$(words --color '' | tr '\n' ' ')" "auto always never "
	assert_equal "$(words connect --calendars=o | tr '\n' ' ')" "--calendars=owned "
	# The options of what is done without a subcommand; nothing behind --.
	assert_equal "$(words calendars --js)" "--json"
	assert_equal "$(words sync -- --a)" ""
	assert_equal "$(words help sta)" "status"
	assert_equal "$(words key move '')" "secret-service
credential
file"
	assert_equal "$(words key move cr)" "credential"
	assert_equal "$(words connect --client-secrets '')" ":file"
	assert_equal "$(words event add --timezone Europe/Berl)" "Europe/Berlin"
	calsync __complete sy | grep -q "^sync	exchange changes"
}

@test "completion: names from the store" {
	with_store
	assert_equal "$(words disconnect '')" "work"
	assert_equal "$(words -a '')" "work"
	assert_equal "$(words calendars select us)" "user1@example.com"
	assert_equal "$(calsync __complete event show "${ID:0:5}")" "$ID	Standup"
	assert_equal "$(words --db "$CALSYNC_STORE" event rm '')" "$ID"
	assert_equal "$(words --db nowhere.db event rm '')" ""
}

@test "completion: without a store, with a broken one: no words, no complaint" {
	run --separate-stderr -0 calsync __complete event show ''
	assert_equal "$output$stderr" ""
	mkdir -p "${CALSYNC_STORE%/*}"
	echo broken >"$CALSYNC_STORE"
	run --separate-stderr -0 calsync __complete event show ''
	assert_equal "$output$stderr" ""
}

@test "completion: a title cannot steer the terminal" {
	with_store
	calsync -q event edit "$ID" --title $'bad\e[31m\ttitle\u202e'
	run -0 calsync __complete event show ''
	refute_matches "$output" $'\e'
	refute_matches "$output" $'\u202e'
	assert_equal "$(wc -l <<<"$output")" 1
}

@test "completion: bash" {
	with_store
	assert_equal "$(bash_completes 'calsync sy')" sync
	assert_equal "$(bash_completes 'calsync event ')" "$(commands_of event)"
	assert_equal "$(bash_completes 'calsync event show ')" "$ID"
	# Only what follows the = is replaced, as bash takes = for a word of its own.
	assert_equal "$(bash_completes 'calsync --color=al')" always
	assert_equal "$(bash_completes 'calsync connect --calendars=' | tr '\n' ' ')" "primary owned all "
	touch some-file
	assert_equal "$(bash_completes 'calsync connect --client-secrets some')" some-file
	assert_equal "$(bash_completes 'calsync connect --client-secrets=some')" some-file
}

@test "completion: bash quotes what needs it" {
	fake_google_start
	connect_account 'my work'
	assert_equal "$(bash_completes 'calsync disconnect ')" 'my\ work'
}

@test "completion: zsh" {
	with_store
	assert_equal "$(zsh_completes 'calsync sy')" sync
	assert_equal "$(zsh_completes 'calsync event ')" "$(commands_of event)"
	assert_equal "$(zsh_completes 'calsync event show ')" "$ID"
	assert_equal "$(zsh_completes 'calsync --color=al')" --color=always
	assert_equal "$(zsh_completes 'calsync connect --client-secrets some')" FILES
	assert_equal "$(zsh_completes 'calsync xyz')" ""
}

@test "completion: fish" {
	with_store
	assert_equal "$(fish_completes 'calsync sy')" sync
	assert_equal "$(fish_completes 'calsync event ' | sort)" "$(commands_of event | sort)"
	assert_equal "$(fish_completes 'calsync event show ')" "$ID"
	assert_equal "$(fish_completes 'calsync --color=al')" --color=always
	touch some-file
	assert_equal "$(fish_completes 'calsync connect --client-secrets some')" some-file
}
