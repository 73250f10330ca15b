#!/usr/bin/env bash
# Installs what is missing and runs every check: formatting, lints, documentation, tests (doctests and examples included),
# and the tests of the page in a browser. Prints the time of each part.
set -euo pipefail
cd "$(dirname "$0")/.."

. scripts/parts.sh

page_is_built() {
    if ! wait "$page"; then
        cat target/page.log
        exit 1
    fi
    tail -n 4 target/page.log
}

part setup scripts/setup.sh
part formatting cargo fmt --check
# The page is built meanwhile: wasm-opt occupies one core for minutes, and the tests rarely occupy two.
mkdir -p target
scripts/page.sh >target/page.log 2>&1 &
page=$!
trap 'kill "$page" 2>/dev/null || true' EXIT
part lints cargo clippy --all-targets -- -D warnings
part documentation env RUSTDOCFLAGS="-D warnings" cargo doc --no-deps
part tests cargo test --no-fail-fast
# The tests built the program, with more features of its dependencies than `cargo build` takes: those would be compiled again.
export REMIXMATCH=$PWD/target/debug/remixmatch
part "exported models in onnxruntime" scripts/onnx_test.sh
part "the page, after these" page_is_built
part "tests of the page" scripts/page_test.sh
