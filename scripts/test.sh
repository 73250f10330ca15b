#!/usr/bin/env bash
# Installs what is missing and runs every check: formatting, lints, tests, and the tests of the page in a browser.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
cargo fmt --check
# The page is built meanwhile: shrinking it keeps one core busy for minutes, and tests seldom keep two.
mkdir -p target
scripts/page.sh >target/page.log 2>&1 &
page=$!
trap 'kill "$page" 2>/dev/null || true' EXIT
cargo clippy --all-targets -- -D warnings
cargo test --no-fail-fast
if ! wait "$page"; then
    cat target/page.log
    exit 1
fi
tail -n 4 target/page.log
scripts/page_test.sh
