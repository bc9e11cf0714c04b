#!/usr/bin/env bash
# Objects compared per second of a core's time by Steadfast and by gitops-engine, the same objects in one
# run: benches/kubernetes.sh [SECONDS]. Needs Go.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-3}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

cargo build --release --locked -q -p kubernetes --example compare_bench
(cd benches/gitops-engine && go build -o "$dir/gitops-engine" .)
compare=${CARGO_TARGET_DIR:-target}/release/examples/compare_bench
"$compare" --write "$dir/pairs"
"$compare" "$dir/pairs" "$seconds"
"$dir/gitops-engine" "$dir/pairs" "$seconds"
