#!/usr/bin/env bash
# Remote write taken by Steadfast and by VictoriaMetrics, the same load one after the other in one run:
# benches/remote_write.sh [HOSTS] [STEPS]. Ten series a host. Needs Go, and minutes to build what is compared.
# CPU seconds count from the start of the load until files are written and merged.
set -euo pipefail
cd "$(dirname "$0")/.."
hosts=${1:-2000} steps=${2:-300}
tests/peers/monitoring-install.sh rwgen victoria-metrics
# shellcheck source=/dev/null
. tests/peers/lib.sh
steadfast=${STEADFAST:-${CARGO_TARGET_DIR:-target}/release/steadfast}
dir=$(mktemp -d)
pids=()
end() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
    rm -rf "$dir"
}
trap end EXIT

cpu() { awk '{ print ($14 + $15) / 100 }' "/proc/$1/stat"; }
resident() { awk '/VmHWM/ { printf "%.0f", $2 / 1024 }' "/proc/$1/status"; }

# load NAME PID URL DATA: the figures of one server.
load() {
    local before sent settled=0 last='' now
    before=$(cpu "$2")
    sent=$("$PEERS/bin/rwgen" -url "$3" -hosts "$hosts" -steps "$steps")
    echo "$1: $sent"
    # Until a whole quiet quarter of a minute: what is flushed and merged later counts, too.
    while ((settled < 5)); do
        sleep 3
        now=$(cpu "$2" | cut -d. -f1)
        if [ "$now" = "$last" ]; then settled=$((settled + 1)); else settled=0; fi
        last=$now
    done
    awk -v name="$1" -v before="$before" -v after="$(cpu "$2")" -v samples=$((hosts * 10 * steps)) \
        -v bytes="$(du -sb "$4" | cut -f1)" -v resident="$(resident "$2")" 'BEGIN {
            printf "%s: %.0f samples per CPU second, %.2f bytes a sample, %d MB at most\n",
                name, samples / (after - before), bytes / samples, resident }'
}

port=$(free_port)
cat > "$dir/steadfast.yaml" <<Y
data_dir: $dir/steadfast
server: {listen: 127.0.0.1:$port}
postgres: {enabled: false}
roles: [watching]
store: {flush_after: 10s, grace: 1s, maintenance: 1s}
host:
  files: {enabled: false}
  packages: {enabled: false}
  systemd: {enabled: false}
  accounts: {enabled: false}
  sysctl: {enabled: false}
  sockets: {enabled: false}
  metrics: {enabled: false}
Y
"$steadfast" up --config "$dir/steadfast.yaml" > "$dir/log" 2>&1 &
pids+=($!)
wait_http "http://127.0.0.1:$port/-/ready" 30 "$!" "$dir/log"
load steadfast "$!" "http://127.0.0.1:$port/api/v1/write" "$dir/steadfast/store/data/samples"

tests/peers/monitoring-up.sh victoria-metrics "$dir/victoria-metrics" > /dev/null
pids+=("$(cat "$dir/victoria-metrics/pid")")
load victoria-metrics "$(cat "$dir/victoria-metrics/pid")" "http://$(cat "$dir/victoria-metrics/addr")/api/v1/write" "$dir/victoria-metrics/data"
