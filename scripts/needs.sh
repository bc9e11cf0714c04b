#!/usr/bin/env bash
# Makes sure that what the build needs is there: quiet if it is. On Debian and Ubuntu it installs what
# is missing when run as root, and otherwise says what to type; elsewhere it says what to install.
set -euo pipefail

missing=()
has() { command -v "$1" >/dev/null 2>&1; }
# need PACKAGE TEST...: the Debian package that makes TEST succeed.
need() { local package=$1; shift; "$@" || missing+=("$package"); }
header() { local folder; for folder in /usr/include /usr/include/*-linux-gnu /usr/local/include; do [ -e "$folder/$1" ] && return 0; done; return 1; }
compiler() { has cc && has c++; }

need build-essential compiler
need cmake has cmake
need pkg-config has pkg-config
need libssl-dev header openssl/ssl.h
need zlib1g-dev header zlib.h
need libcurl4-openssl-dev header curl/curl.h # librdkafka includes its header; nothing links it
need git has git

if ((${#missing[@]})); then
    install=(apt-get install -y --no-install-recommends "${missing[@]}")
    if ! has apt-get; then
        echo "The build needs what Debian calls ${missing[*]}: install it with your system's package manager." >&2
        exit 1
    elif [ "$(id -u)" != 0 ]; then
        echo "The build needs packages that are not there. Type:" >&2
        echo "    sudo ${install[*]}" >&2
        exit 1
    fi
    echo "Installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${install[@]}" -qq >/dev/null
fi

if ! has cargo && ! [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
    echo "The build needs Rust. Install it from https://rustup.rs, open a new shell and try again." >&2
    exit 1
fi
