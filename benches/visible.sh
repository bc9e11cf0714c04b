#!/usr/bin/env bash
# How long after a sample is acknowledged a query has it, alone and while others write: benches/visible.sh [TIMES].
set -euo pipefail
cd "$(dirname "$0")/.."
times=${1:-300}
tests/peers/monitoring-install.sh rwgen
# shellcheck source=benches/lib.sh
. benches/lib.sh

start_steadfast "${STEADFAST:-${CARGO_TARGET_DIR:-target}/release/steadfast}"
echo "alone: $(python3 benches/visible.py "$steadfast_url" "$times")"
"$PEERS/bin/rwgen" -url "$steadfast_url/api/v1/write" -hosts 2000 -steps 1000000 > "$dir/writer.log" 2>&1 &
pids+=($!)
echo "while others write as fast as they can: $(python3 benches/visible.py "$steadfast_url" "$times")"
