#!/usr/bin/env bash
# Dashboards of fifty people at once while samples are written, asked of Steadfast, VictoriaMetrics and Prometheus, one after the other:
# benches/dashboards.sh [BINARY] [HOURS] [SECONDS]. Needs Go, and minutes to build what is compared.
set -euo pipefail
cd "$(dirname "$0")/.."
steadfast=${1:-${STEADFAST:-${CARGO_TARGET_DIR:-target}/release/steadfast}} hours=${2:-3} seconds=${3:-30}
tests/peers/monitoring-install.sh querybench victoria-metrics prometheus
# shellcheck source=benches/lib.sh
. benches/lib.sh

# crowd NAME PID URL
crowd() {
    local last writer before after
    last=$(($(date +%s) / 60 * 60))
    "$PEERS/bin/querybench" load -url "$3/api/v1/write" -hosts 100 -nodes 50 -end "$last" -steps $((hours * 360)) > /dev/null
    settle "$2"
    echo "$1: $(memory "$2") before"
    # Times go on where they ended, which all three take.
    "$PEERS/bin/querybench" load -url "$3/api/v1/write" -hosts 300 -nodes 0 -end $((last + 36000)) -steps 3600 > "$dir/writer.log" 2>&1 &
    writer=$!
    pids+=("$writer")
    before=$(cpu "$2")
    echo "$1: $("$PEERS/bin/querybench" crowd -url "$3" -end "$last" -seconds "$seconds")"
    after=$(cpu "$2")
    kill "$writer"
    wait "$writer" 2> /dev/null || true
    echo "$1: $(awk -v took="$after" -v before="$before" 'BEGIN { print took - before }') CPU seconds, $(memory "$2")"
}

start_steadfast "$steadfast"
crowd steadfast "$steadfast_pid" "$steadfast_url"
for name in victoria-metrics prometheus; do
    start_peer "$name"
    crowd "$name" "$peer_pid" "$peer_url"
done
