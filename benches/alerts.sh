#!/usr/bin/env bash
# Alerts posted to Steadfast and to Alertmanager, the same load and configuration, one after the other in one run:
# benches/alerts.sh [ALERTS] [GROUPS]. Needs Go, and minutes to build what is compared.
set -euo pipefail
cd "$(dirname "$0")/.."
alerts=${1:-1000000} groups=${2:-100000}
tests/peers/monitoring-install.sh alertmanager
# shellcheck source=benches/lib.sh
. benches/lib.sh
steadfast=${STEADFAST:-${CARGO_TARGET_DIR:-target}/release/steadfast}
load=${STEADFAST_ALERTS_BENCH:-cargo bench --locked -q -p steadfast --bench alerts --}

port=$(free_port) sink=$(free_port)
mkdir "$dir/alertmanager"
cat > "$dir/alertmanager/alertmanager.yml" <<Y
route: {receiver: sink, group_by: [service], group_wait: 5s, group_interval: 1h, repeat_interval: 4h}
receivers:
  - name: sink
    webhook_configs: [{url: "http://127.0.0.1:$sink/", max_alerts: 10}]
Y
cat > "$dir/steadfast.yaml" <<Y
data_dir: $dir/steadfast
roles: [alerting]
server: {listen: "127.0.0.1:$port"}
postgres: {enabled: false}
alertmanager: {config_file: $dir/alertmanager/alertmanager.yml, max_alerts: $((alerts + 1))}
Y
# load NAME PID URL
load() {
    # shellcheck disable=SC2086 # a command and its arguments
    $load "$3" "$2" "$alerts" "$groups" "$sink" | sed -u "s/^/$1: /"
}
# ready: waits for Steadfast's answer and says how long it took
ready() {
    local start
    start=$(date +%s%3N)
    "$steadfast" up --config "$dir/steadfast.yaml" >> "$dir/log" 2>&1 &
    pids=("$!")
    wait_http "http://127.0.0.1:$port/-/ready" 120 "${pids[0]}" "$dir/log"
    echo "steadfast: ready after $(($(date +%s%3N) - start)) ms"
}
ready
load steadfast "${pids[0]}" "http://127.0.0.1:$port"
kill -9 "${pids[0]}"
wait "${pids[0]}" 2>/dev/null || true
ready
printf 'steadfast: after kill -9 it holds %s alerts\n' "$(curl -fsS "http://127.0.0.1:$port/api/v2/alerts" | tr , '\n' | grep -c '"fingerprint"')"
kill "${pids[0]}"
wait "${pids[0]}" 2>/dev/null || true
pids=()

start_peer alertmanager
load alertmanager "$peer_pid" "$peer_url"
