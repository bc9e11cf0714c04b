#!/usr/bin/env bash
# Log records taken by Steadfast (on disk before the answer) and by VictoriaLogs, the same bodies one after the other in one run:
# benches/logs.sh [RECORDS]. Needs Go, and minutes to build what is compared.
set -euo pipefail
cd "$(dirname "$0")/.."
records=${1:-2000000}
tests/peers/monitoring-install.sh victoria-logs
# shellcheck source=benches/lib.sh
. benches/lib.sh
load=${STEADFAST_LOGS_BENCH:-cargo bench --locked -q -p steadfast --bench logs --}

# load NAME PID URL DATA FORMAT
load() {
    # shellcheck disable=SC2086 # a command and its arguments
    $load "$5" "$3" "$2" "$records" | sed -u "s/^/$1: /"
    echo "$1: $(du -sb "$4" | awk -v records="$records" '{ printf "%.0f bytes a record on disk", $1 / records }')"
}

for format in otlp bulk; do
    start_steadfast "${STEADFAST:-${CARGO_TARGET_DIR:-target}/release/steadfast}"
    path=/v1/logs
    [ "$format" = otlp ] || path=/_bulk
    load steadfast "$steadfast_pid" "$steadfast_url$path" "$dir/steadfast/store/data/logs" "$format"
    start_peer victoria-logs
    path=/insert/opentelemetry/v1/logs
    [ "$format" = otlp ] || path='/insert/elasticsearch/_bulk?_time_field=@timestamp&_msg_field=message&_stream_fields=service.name,kubernetes.pod.name'
    load victoria-logs "$peer_pid" "$peer_url$path" "$dir/victoria-logs/data" "$format"
    end && pids=()
    mkdir -p "$dir"
done
