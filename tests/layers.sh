#!/bin/sh
# Includes point downwards only; a library is known to few. Prints every #include that is not
# allowed and fails when there is one.
#
#   sh tests/layers.sh [ROOT]       check the tree under ROOT (default: .)
#   sh tests/layers.sh --self-test  check that the check itself notices
set -eu

# The awk program is one word in single quotes: nothing in it is for the shell.
# shellcheck disable=SC2016
check() {
	(cd "$1" && find src tests/fake_google -name '*.[ch]' 2>/dev/null | LC_ALL=C sort |
		xargs awk '
	function no(why) {
		printf "%s:%d: #include %s: %s\n", FILENAME, FNR, what, why
		bad = 1
	}
	BEGIN {
		# Higher may include lower. google and web stand side by side: neither sees the other.
		rank["main.c"] = 9; rank["cmd"] = 8; rank["sync"] = 7
		rank["google"] = 6; rank["web"] = 6
		rank["store"] = 5; rank["secret"] = 4; rank["ical"] = 3; rank["model"] = 2; rank["base"] = 1
		# Who may know a library: a regular expression on the file.
		lib["curl/"] = "^src/google/http[.]c$"
		lib["sqlite3.h"] = "^src/store/db(_internal[.]h|[.]c)$"
		lib["libsecret/"] = "^src/secret/"
		lib["openssl/"] = "^src/(secret/|google/(jwt|oauth|event_id))"
		lib["microhttpd.h"] = "^src/web/"
		lib["libical/"] = "^src/ical/"
		lib["libsmartcols"] = "^src/cmd/"
		lib["ini.h"] = "^src/base/config[.]c$"
	}
	FNR == 1 {
		split(FILENAME, part, "/")
		product = part[1] == "src"
		from = product ? part[2] : "fake_google"
		# plan and merge are pure: a table of cases must be able to test them.
		pure = FILENAME ~ /^src\/sync\/(plan|merge|channel_plan)[.][ch]$/
		if (product && !(from in rank)) {
			printf "%s: folder %s has no place in tests/layers.sh\n", FILENAME, from
			bad = 1
		}
	}
	/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
		if (!match($0, /[<"][^>"]+[>"]/))
			next
		what = substr($0, RSTART, RLENGTH)
		path = substr(what, 2, RLENGTH - 2)
		if (substr(what, 1, 1) == "<") {
			if (product)
				for (l in lib)
					if (index(path, l) == 1 && FILENAME !~ lib[l])
						no("this library is hidden behind another module")
			next
		}
		if (path ~ /[.][.]\// || path ~ /^tests\//) {
			no("name it from src/")
			next
		}
		if (path !~ /\//) # a file of the same folder
			next
		to = path
		sub(/\/.*/, "", to)
		if (!product) {
			# The model of Google shares the shape of an exchange and base with the product,
			# nothing else: it must not inherit our mistakes.
			if (to != "base" && path != "google/transport.h")
				no("the model of Google may know only base and google/transport.h")
			next
		}
		if (!(to in rank)) {
			no("unknown folder")
			next
		}
		if (pure && to != "model" && to != "base" && path !~ /^sync\/(plan|merge|channel_plan)[.]h$/)
			no("plan, merge and channel_plan see only model and base")
		else if (to != from && rank[to] >= rank[from])
			no("points " (rank[to] == rank[from] ? "sideways" : "upwards"))
	}
	END { exit bad }')
}

# expect ok|bad FILE LINE: a tree with that one file passes, or is refused.
expect() {
	rm -rf "$tmp/src" "$tmp/tests"
	mkdir -p "$tmp/$(dirname "$2")"
	printf '%s\n' "$3" >"$tmp/$2"
	if check "$tmp" >/dev/null; then got=ok; else got=bad; fi
	if [ "$got" != "$1" ]; then
		echo "layers: self-test: $2 with $3: expected $1, got $got" >&2
		status=1
	fi
}

if [ "${1-}" = --self-test ]; then
	tmp=$(mktemp -d)
	trap 'rm -rf "$tmp"' EXIT
	status=0
	expect ok src/cmd/a.c '#include "store/store.h"'
	expect ok src/cmd/a.c '#include "cmd/cmd.h"'
	expect ok src/main.c '#include "cmd/cmd.h"'
	expect bad src/store/a.c '#include "sync/sync.h"'
	expect bad src/base/a.h '#include "model/event.h"'
	expect bad src/base/a.c '	#  include "google/http.h"	/* why */'
	expect bad src/google/a.c '#include "web/webhook.h"'
	expect bad src/web/a.c '#include "google/google.h"'
	expect bad src/model/a.c '#include "../store/store.h"'
	expect bad src/model/a.c '#include "tests/fake_google/fg.h"'
	expect bad src/model/a.c '#include "newdir/a.h"'
	expect bad src/newdir/a.c 'int x;'
	expect ok src/sync/plan.c '#include "model/event.h"'
	expect bad src/sync/plan.c '#include "store/store.h"'
	expect bad src/sync/merge.h '#include "google/google.h"'
	expect ok src/sync/channel_plan.c '#include "sync/channel_plan.h"'
	expect bad src/sync/channel_plan.c '#include "store/hook.h"'
	expect bad src/sync/merge.c '#include "sync/sync.h"'
	expect ok src/google/http.c '#include <curl/curl.h>'
	expect bad src/google/oauth.c '#include <curl/curl.h>'
	expect ok src/store/db.c '#include <sqlite3.h>'
	expect bad src/store/event.c '#include <sqlite3.h>'
	expect ok src/google/oauth.c '#include <openssl/sha.h>'
	expect bad src/cmd/connect.c '#include <openssl/sha.h>'
	expect ok tests/fake_google/a.c '#include "google/transport.h"'
	expect ok tests/fake_google/a.c '#include "fg.h"'
	expect bad tests/fake_google/a.c '#include "store/store.h"'
	expect bad tests/fake_google/a.c '#include "google/google.h"'
	exit "$status"
fi
check "${1:-.}"
