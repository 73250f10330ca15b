#!/usr/bin/env bash
# Installs what is missing and runs every check: formatting, lints, tests.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
cargo fmt --check
cargo clippy --all-targets -- -D warnings
cargo test --no-fail-fast
