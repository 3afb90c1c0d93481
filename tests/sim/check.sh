#!/bin/sh
# The histories of `make check-sim`: 10,000 from seed 1, and those of seeds that failed once. TAP.
exec "$CALSYNC_BUILD/sim/sim" --kept "$(dirname "$0")/kept.txt"
