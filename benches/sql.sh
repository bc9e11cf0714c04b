#!/usr/bin/env bash
# JSONBench's five questions over made events of a social network, asked in SQL of Steadfast (over HTTP), of DuckDB and of chdb (in
# process), all over the same Parquet files, in turn, in one run: benches/sql.sh [RECORDS] [TIMES]. Needs Python.
set -euo pipefail
cd "$(dirname "$0")/.."
records=${1:-2000000} times=${2:-15}
tests/peers/sql-install.sh > /dev/null
# shellcheck source=benches/lib.sh
. benches/lib.sh

start_steadfast "${STEADFAST:-${CARGO_TARGET_DIR:-target}/release/steadfast}"
python=$PEERS/sql/bin/python
"$python" benches/sql/events.py "$steadfast_url/_bulk" "$records"
settle "$steadfast_pid"
echo "steadfast: $(memory "$steadfast_pid") after the events"
"$python" benches/sql/shapes.py "$steadfast_url/api/sql" "$dir/steadfast/store" "$times"
echo "steadfast: $(memory "$steadfast_pid") after the questions"
