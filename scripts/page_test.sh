#!/usr/bin/env bash
# Builds the page and tests it in headless Chromium, with real WebGPU on the browser's software adapter.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/page_tools.sh

[ -x "${CHROMIUM:-/usr/bin/chromium}" ] || install_packages chromium
# The layers' tests first: what they need is compiled for the page too.
page_cargo build --profile page --bin remixmatch --example layers
rm -rf "$page_target/layers"
"$wasm_bindgen" --target web --no-typescript --out-dir "$page_target/layers" \
    "$page_target/wasm32-unknown-unknown/page/examples/layers.wasm"
scripts/page.sh
# What the page is compared with.
cargo build --bin remixmatch
# One at a time: each has the adapter, which is the processor, to itself.
cd web
node --test --test-concurrency=1 tests/*.test.js
