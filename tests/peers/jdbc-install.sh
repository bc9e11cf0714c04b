#!/usr/bin/env bash
# PostgreSQL's JDBC driver and Arrow's for Flight SQL, each one file, from Maven ($PEERS/jdbc); needs Java 17 and mvn.
set -euo pipefail; . "$(dirname "$0")/lib.sh"
D=$PEERS/jdbc; want="postgresql ${PGJDBC_VERSION:-42.7.14}, flight ${FLIGHT_JDBC_VERSION:-18.3.0}"
[ "$(cat "$D/versions" 2>/dev/null)" = "$want" ] && { echo "jdbc (present)"; exit 0; }
rm -rf "$D"; mkdir -p "$D"
for artifact in "org.postgresql:postgresql:${PGJDBC_VERSION:-42.7.14}" "org.apache.arrow:flight-sql-jdbc-driver:${FLIGHT_JDBC_VERSION:-18.3.0}"; do
  mvn -q -B dependency:copy "-Dartifact=$artifact" "-DoutputDirectory=$D" -Dmdep.stripVersion=true >&2; done
echo "$want" > "$D/versions"; echo jdbc
