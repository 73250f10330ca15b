#!/usr/bin/env bash
# Builds the page and tests it in headless Chromium, with real WebGPU on the browser's software adapter.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! [ -x "${CHROMIUM:-/usr/bin/chromium}" ]; then
    apt-get install -y --no-install-recommends chromium
fi
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    apt-get install -y --no-install-recommends nodejs npm
fi
scripts/page.sh
. scripts/page_tools.sh
page_cargo build --profile page --example layers
rm -rf "$page_target/layers"
"$wasm_bindgen" --target web --no-typescript --out-dir "$page_target/layers" \
    "$page_target/wasm32-unknown-unknown/page/examples/layers.wasm"
# What the page is compared with.
cargo build --bin remixmatch
# One at a time: each has the adapter, which is the processor, to itself.
cd web
node --test --test-concurrency=1 tests/*.test.js
