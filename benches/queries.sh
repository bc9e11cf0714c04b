#!/usr/bin/env bash
# PromQL over the same data by Steadfast, VictoriaMetrics and Prometheus, the questions in turn, in one run:
# benches/queries.sh [BINARY] [HOSTS] [HOURS] [TIMES]. TSBS' devops data, ten series a host, and 50 hosts with node_exporter; each
# question so many times. Needs Go, and minutes to build what is compared. Milliseconds; a ratio above 1 is slower than Steadfast.
set -euo pipefail
cd "$(dirname "$0")/.."
steadfast=${1:-${STEADFAST:-${CARGO_TARGET_DIR:-target}/release/steadfast}} hosts=${2:-1000} hours=${3:-12} times=${4:-50} nodes=50
tests/peers/monitoring-install.sh querybench victoria-metrics prometheus
# shellcheck source=benches/lib.sh
. benches/lib.sh

start_steadfast "$steadfast"
names=(steadfast) urls=("$steadfast_url")
for name in victoria-metrics prometheus; do
    start_peer "$name"
    names+=("$name") urls+=("$peer_url")
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
