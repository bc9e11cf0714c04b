#!/usr/bin/env bash
# PromQL over the same data by Steadfast, VictoriaMetrics and Prometheus, the questions in turn, in one run:
# benches/queries.sh [BINARY] [HOSTS] [HOURS] [TIMES]. TSBS' devops data, ten series a host, and 50 hosts with node_exporter; each
# question so many times. Needs Go, and minutes to build what is compared. Milliseconds; a ratio above 1 is slower than Steadfast.
set -euo pipefail
cd "$(dirname "$0")/.."
steadfast=${1:-${STEADFAST:-${CARGO_TARGET_DIR:-target}/release/steadfast}} hosts=${2:-1000} hours=${3:-12} times=${4:-50} nodes=50
tests/peers/monitoring-install.sh querybench victoria-metrics prometheus
# shellcheck source=/dev/null
. tests/peers/lib.sh
dir=$(mktemp -d)
pids=()
end() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
    rm -rf "$dir"
}
trap end EXIT

cpu() { awk '{ print ($14 + $15) / 100 }' "/proc/$1/stat"; }
memory() { awk '/VmRSS/ { now = $2 } /VmHWM/ { most = $2 } END { printf "%d MB, %d MB at most", now / 1024, most / 1024 }' "/proc/$1/status"; }

# settle PID: until a server is quiet for a quarter of a minute, for five minutes at most.
settle() {
    local quiet=0 last='' now rest=100
    while ((quiet < 5 && rest-- > 0)); do
        sleep 3
        now=$(cpu "$1" | cut -d. -f1)
        if [ "$now" = "$last" ]; then quiet=$((quiet + 1)); else quiet=0; fi
        last=$now
    done
}

port=$(free_port)
cat > "$dir/steadfast.yaml" <<Y
data_dir: $dir/steadfast
server: {listen: 127.0.0.1:$port}
postgres: {enabled: false}
roles: [watching]
telemetry: {keep: false}
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
names=(steadfast) urls=("http://127.0.0.1:$port")
for name in victoria-metrics prometheus; do
    tests/peers/monitoring-up.sh "$name" "$dir/$name" > /dev/null
    pids+=("$(cat "$dir/$name/pid")")
    names+=("$name") urls+=("http://$(cat "$dir/$name/addr")")
done

last=$(($(date +%s) / 60 * 60))
of=(-hosts "$hosts" -nodes "$nodes" -end "$last")
asked=()
for n in "${!names[@]}"; do
    before=$(cpu "${pids[n]}")
    printf '%s: ' "${names[n]}"
    "$PEERS/bin/querybench" load -url "${urls[n]}/api/v1/write" "${of[@]}" -steps $((hours * 360))
    settle "${pids[n]}"
    awk -v name="${names[n]}" -v before="$before" -v after="$(cpu "${pids[n]}")" -v memory="$(memory "${pids[n]}")" \
        'BEGIN { printf "%s: %.1f CPU seconds, %s\n", name, after - before, memory }'
    asked+=("${names[n]}=${urls[n]}")
done
"$PEERS/bin/querybench" ask "${of[@]}" -hours "$hours" -times "$times" "${asked[@]}"
for n in "${!names[@]}"; do echo "${names[n]} after the questions: $(memory "${pids[n]}")"; done
