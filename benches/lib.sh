# Sourced by the scripts here, from the root of the tree, after `set -euo pipefail`: a folder that goes away, processes that are
# ended, a Steadfast that watches nothing but what it is sent, and what a process has taken.
# shellcheck shell=bash
# shellcheck source=/dev/null
. tests/peers/lib.sh
dir=$(mktemp -d)
pids=()
end() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
    rm -rf "$dir"
}
trap end EXIT

cpu() { awk '{ print ($14 + $15) / 100 }' "/proc/$1/stat"; }
memory() { awk '/VmRSS/ { now = $2 } /VmHWM/ { most = $2 } END { printf "%d MB, %d MB at most", now / 1024, most / 1024 }' "/proc/$1/status"; }

# settle PID: until a server is quiet for a quarter of a minute, for five minutes at most. What is flushed and merged later counts, too.
settle() {
    local quiet=0 last='' now rest=100
    while ((quiet < 5 && rest-- > 0)); do
        sleep 3
        now=$(cpu "$1" | cut -d. -f1)
        if [ "$now" = "$last" ]; then quiet=$((quiet + 1)); else quiet=0; fi
        last=$now
    done
}

# start_steadfast PROGRAM: its data is in $dir/steadfast, its address in $steadfast_url, its process is $steadfast_pid.
start_steadfast() {
    local port
    port=$(free_port)
    cat > "$dir/steadfast.yaml" <<Y
data_dir: $dir/steadfast
server: {listen: 127.0.0.1:$port}
postgres: {enabled: false}
roles: [watching]
telemetry: {keep: false}
desired: {packages: {enabled: false}}
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
    "$1" up --config "$dir/steadfast.yaml" > "$dir/log" 2>&1 &
    steadfast_pid=$!
    pids+=("$steadfast_pid")
    steadfast_url="http://127.0.0.1:$port"
    wait_http "$steadfast_url/-/ready" 30 "$steadfast_pid" "$dir/log"
}

# start_peer NAME: its data is in $dir/NAME/data; sets peer_url and peer_pid.
start_peer() {
    tests/peers/monitoring-up.sh "$1" "$dir/$1" > /dev/null
    peer_pid=$(cat "$dir/$1/pid")
    pids+=("$peer_pid")
    # shellcheck disable=SC2034 # who sources this uses it
    peer_url="http://$(cat "$dir/$1/addr")"
}
