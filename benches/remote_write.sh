#!/usr/bin/env bash
# Remote write taken by Steadfast and by VictoriaMetrics, the same load one after the other in one run:
# benches/remote_write.sh [HOSTS] [STEPS] [APART] [REPLACED]. Ten series a host, a sample each APART (10s), and each host
# replaced by another so many times (0). Needs Go, and minutes to build what is compared.
# CPU seconds count from the start of the load until files are written and merged.
set -euo pipefail
cd "$(dirname "$0")/.."
hosts=${1:-2000} steps=${2:-300} apart=${3:-10s} replaced=${4:-0}
tests/peers/monitoring-install.sh rwgen victoria-metrics
# shellcheck source=benches/lib.sh
. benches/lib.sh

# load NAME PID URL FOLDER...: the figures of one server.
load() {
    local name=$1 pid=$2 url=$3 before
    shift 3
    before=$(cpu "$pid")
    echo "$name: $("$PEERS/bin/rwgen" -url "$url" -hosts "$hosts" -steps "$steps" -apart "$apart" -replaced "$replaced")"
    settle "$pid"
    awk -v name="$name" -v before="$before" -v after="$(cpu "$pid")" -v samples=$((hosts * 10 * steps)) \
        -v bytes="$(du -sbc "$@" | tail -n 1 | cut -f1)" -v memory="$(memory "$pid")" 'BEGIN {
            printf "%s: %.0f samples per CPU second, %.2f bytes a sample, %s\n",
                name, samples / (after - before), bytes / samples, memory }'
}

start_steadfast "${STEADFAST:-${CARGO_TARGET_DIR:-target}/release/steadfast}"
load steadfast "$steadfast_pid" "$steadfast_url/api/v1/write" "$dir/steadfast/store/data/samples" "$dir/steadfast/store/data/series"
start_peer victoria-metrics
load victoria-metrics "$peer_pid" "$peer_url/api/v1/write" "$dir/victoria-metrics/data"
