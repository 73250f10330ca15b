#!/usr/bin/env bash
# The checks before every commit: formatting, spelling where `typos` is installed, lints, documentation, and the tests
# that need neither an adapter nor a display. Under three minutes with dependencies compiled; scripts/test.sh runs the rest.
set -euo pipefail
cd "$(dirname "$0")/.."

. scripts/parts.sh

part formatting cargo fmt --check
if command -v typos >/dev/null; then
    part spelling typos
else
    echo "part: spelling, NOT CHECKED: typos is not installed (cargo install typos-cli, or pip install typos)"
fi
part lints cargo clippy --all-targets -- -D warnings
part documentation env RUSTDOCFLAGS="-D warnings" cargo doc --no-deps
part "unit tests" cargo test --lib --bins
part "fast tests" cargo test --test architecture --test docs --test shaders
