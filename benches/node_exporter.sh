#!/usr/bin/env bash
# What series of node_exporter take on disk: this machine's, scraped each second, told as if fifteen seconds had gone by, the same to
# Steadfast, VictoriaMetrics and (as blocks, by promtool) Prometheus: benches/node_exporter.sh [SCRAPES]. Needs Go, Python and Debian's packages.
set -euo pipefail
cd "$(dirname "$0")/.."
scrapes=${1:-480}
tests/peers/monitoring-install.sh node_exporter victoria-metrics promtool
# shellcheck source=benches/lib.sh
. benches/lib.sh

port=$(free_port)
"$PEERS/bin/node_exporter" --web.listen-address="127.0.0.1:$port" > "$dir/exporter.log" 2>&1 &
pids+=($!)
wait_http "http://127.0.0.1:$port/metrics" 30 $! "$dir/exporter.log"
mkdir "$dir/scrapes"
for ((n = 1; n <= scrapes; n++)); do
    curl -fsS "http://127.0.0.1:$port/metrics" -o "$dir/scrapes/$n.prom"
    sleep 1
done
echo "$scrapes scrapes of $(grep -vc '^#' "$dir/scrapes/$scrapes.prom") series"

replay() { python3 benches/replay.py "$@"; }

# figure NAME SAMPLES FOLDER...
figure() {
    local name=$1 samples=$2
    shift 2
    du -sbc "$@" | tail -n 1 | awk -v name="$name" -v samples="$samples" '{ printf "%s: %.2f bytes a sample\n", name, $1 / samples }'
}

start_steadfast "${STEADFAST:-${CARGO_TARGET_DIR:-target}/release/steadfast}"
samples=$(replay remote-write "$dir/scrapes" "$steadfast_url/api/v1/write" 2>&1)
settle "$steadfast_pid"
figure steadfast "$samples" "$dir/steadfast/store/data/samples" "$dir/steadfast/store/data/series"
start_peer victoria-metrics
samples=$(replay remote-write "$dir/scrapes" "$peer_url/api/v1/write" 2>&1)
settle "$peer_pid"
# Its newest parts are in memory until it ends.
kill "$peer_pid" && wait "$peer_pid" 2> /dev/null || true
figure victoria-metrics "$samples" "$dir/victoria-metrics/data"
samples=$(replay openmetrics "$dir/scrapes" 2>&1 > "$dir/openmetrics")
"$PEERS/bin/promtool" tsdb create-blocks-from openmetrics "$dir/openmetrics" "$dir/blocks" > "$dir/promtool.log"
figure prometheus "$samples" "$dir/blocks"
