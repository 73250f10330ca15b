#!/usr/bin/env bash
# Runs every parser on INPUTS inputs (500,000) mutated from fuzz/corpus, the same ones every time, and prints rate, slowest
# input and memory. Failing inputs are saved in fuzz/found. FIRST is the first input's number; TARGET selects one parser.
#
# With a nightly toolchain and cargo-fuzz, coverage guides the search:
# `REMIXMATCH_FUZZ_TARGET=npz cargo +nightly fuzz run parser fuzz/corpus/npz`.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
# Memory beyond 6 GiB is a finding: the allocation fails.
ulimit -v $((6 << 20))
export REMIXMATCH_FUZZ_INPUTS=${1:-500000} REMIXMATCH_FUZZ_FIRST=${FIRST:-0}
if [ -n "${TARGET:-}" ]; then
    export REMIXMATCH_FUZZ_TARGET=$TARGET
fi
cargo test --test reliability parsers_survive -- --nocapture
