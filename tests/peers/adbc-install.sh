#!/usr/bin/env bash
# ADBC for Flight SQL in a Python environment of its own ($PEERS/adbc).
set -euo pipefail; . "$(dirname "$0")/lib.sh"
venv_need adbc "adbc-driver-flightsql==${ADBC_VERSION:-1.13.0}" "adbc-driver-manager==${ADBC_VERSION:-1.13.0}" "pyarrow==${PYARROW_VERSION:-26.0.1}"; echo adbc
