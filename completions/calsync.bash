# bash completion for calsync: every word comes from `calsync __complete`.
# shellcheck shell=bash

_calsync() {
	local i word line=$COMP_LINE glued='' lines=()
	local -a words=()

	# Bash splits words at = and : as well; what no space separates belongs together.
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if ((i == 0)) || [[ $line == [[:space:]]* ]]; then
			words+=("$word")
			line=${line#"${line%%[![:space:]]*}"}
			glued=
		else
			glued=${words[-1]}
			words[-1]+=$word
		fi
		line=${line#"$word"}
	done
	mapfile -t lines < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
	COMPREPLY=()
	if [[ ${lines[0]-} == :file ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]#=}")
		return
	fi
	for line in "${lines[@]}"; do
		word=${line%%$'\t'*}
		# Only what follows the last = or : is replaced on the command line.
		printf -v word %q "${word#"$glued"}"
		COMPREPLY+=("$word")
	done
}

complete -F _calsync calsync
