#!/usr/bin/env bash
# Fuzzes the decoders. `scripts/fuzz.sh SECONDS [TARGET]`: each or one of them for so long. What was found is kept
# and grown further the next time. Ends at the first input that a decoder fails on, and says where it is.
# `scripts/fuzz.sh built` succeeds if the libraries were built already, which takes most of the time;
# `scripts/fuzz.sh lock` brings fuzz/Cargo.lock up to date after a crate has another dependency.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:?SECONDS for each target, and perhaps a TARGET}
only=${2:-}
kept=${STEADFAST_FUZZ:-$HOME/.cache/steadfast/fuzz}
# A folder of its own: coverage in every crate makes another build of all.
export CARGO_TARGET_DIR=${STEADFAST_FUZZ_TARGET:-$HOME/.cache/steadfast/fuzz-target}
host=$(rustc -vV | sed -n 's/^host: //p')
decoder=$CARGO_TARGET_DIR/$host/release/decoder

# No decoder needs what `feature-set` names, which is half of what there would be to build.
without="patch.\"file://$PWD/crates/feature-set\".feature-set.path=\"$PWD/fuzz/feature-set\""
# What the libraries were built of, so that it can be said whether they must be built again.
libraries=$({ rustc -vV; cat fuzz/Cargo.lock; } | cksum)

case $seconds in
    built)
        [ -x "$decoder" ] && [ "$(cat "$CARGO_TARGET_DIR/libraries" 2>/dev/null)" = "$libraries" ]
        exit
        ;;
    lock) exec cargo --config "$without" update --workspace --manifest-path fuzz/Cargo.toml ;;
esac

# Coverage as cargo-fuzz asks for it, of what does not need a nightly compiler; not of build scripts, hence --target.
coverage=(-Cpasses=sancov-module -Cdebug-assertions --cfg fuzzing)
for option in level=4 inline-8bit-counters pc-table trace-compares; do
    coverage+=("-Cllvm-args=-sanitizer-coverage-$option")
done
flags=()
[ -z "${STEADFAST_FUZZ_FLAGS:-}" ] || read -ra flags <<<"$STEADFAST_FUZZ_FLAGS"
RUSTFLAGS="${coverage[*]}" cargo --config "$without" build --release --locked -q --manifest-path fuzz/Cargo.toml \
    --target "$host" "${flags[@]}"
echo "$libraries" >"$CARGO_TARGET_DIR/libraries"

run() {
    local name=$1 corpus=$kept/$1 log=$kept/$1.log result=0
    mkdir -p "$corpus" "$kept/crashes"
    FUZZ_TARGET=$name FUZZ_SEEDS=$corpus "$decoder"
    # A stack as the threads of the process have it. Limits of libFuzzer: 2 GiB, and a minute for an input.
    (
        ulimit -S -s 2048
        FUZZ_TARGET=$name "$decoder" -max_total_time="$seconds" -max_len=4096 -timeout=60 -rss_limit_mb=2048 \
            -artifact_prefix="$kept/crashes/$name-" -print_final_stats=1 "$corpus" >"$log" 2>&1
    ) || result=$?
    if [ "$result" -ne 0 ]; then
        grep -avE '^(#|INFO|stat::|NEW_FUNC)' "$log" | head -n 40
        local input
        input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
        echo "$name: fails on ${input:-an input that was not written, see $log}" >&2
        exit 1
    fi
    awk -v name="$name" '
        /^stat::number_of_executed_units/ { inputs = $2 }
        /^stat::peak_rss_mb/ { memory = $2 }
        { for (n = 1; n < NF; n++) if ($n == "cov:") covered = $(n + 1); else if ($n == "corp:") kept = $(n + 1) }
        END { printf "%-24s %9d inputs, %6d edges, %s kept, %d MB\n", name, inputs, covered, kept, memory }' "$log"
}

if [ -n "$only" ]; then
    run "$only"
else
    for name in $("$decoder"); do run "$name"; done
fi
