#!/bin/sh
# calsync as the system's services run it: with their user, store, configuration, key and sandbox.
#
#   calsync-system [OPTION...] COMMAND [ARGUMENT...]      as root; see calsync-system(8)
set -eu
case ${1-} in
'' | -h | --help)
	echo "usage: calsync-system [OPTION...] COMMAND [ARGUMENT...]"
	echo "Run calsync as the system's services do, on their store. See calsync-system(8)."
	exit $(($# == 0 ? 2 : 0))
	;;
esac
if [ "$(id -u)" -ne 0 ]; then
	echo "calsync-system: only root can become the user of the services: sudo calsync-system ..." >&2
	exit 1
fi

settings() {
	cat <<'END'
@SYNCER@
END
}

# A terminal of its own for who types; else the streams as they are, for pipes and scripts.
if [ -t 0 ] && [ -t 1 ] && [ -t 2 ]; then
	streams=--pty
else
	streams=--pipe
fi
set -- @BINDIR@/calsync "$@"
words=$#
while read -r line; do
	case $line in
	[A-Z]*=*) set -- "$@" "--property=$line" ;;
	esac
done <<END
$(settings)
END
# The settings stand behind the command now: bring it behind them.
set -- "$@" --
while [ "$words" -gt 0 ]; do
	word=$1
	shift
	set -- "$@" "$word"
	words=$((words - 1))
done
exec systemd-run --quiet --collect --wait "$streams" --service-type=exec \
	--description='calsync for an administrator' "$@"
