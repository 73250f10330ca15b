#!/usr/bin/env bash
# Builds the page into web/dist: static files that any server can host.
# Takes rustup's target wasm32-unknown-unknown if it is installed, else Debian's rustc-web, cargo-web and
# rust-web-src, which bring the standard library as source.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/page_tools.sh

page_cargo build --profile page --bin remixmatch

built=$page_target/wasm32-unknown-unknown/page/remixmatch.wasm
work=$page_target/bound
rm -rf "$work"
"$wasm_bindgen" --target web --no-typescript --remove-producers-section --out-dir "$work" "$built"
"$wasm_opt" -Os --enable-bulk-memory --enable-sign-ext --enable-mutable-globals --enable-reference-types \
    --enable-multivalue --enable-nontrapping-float-to-int --strip-debug --strip-producers \
    "$work/remixmatch_bg.wasm" -o "$work/small.wasm"
mv "$work/small.wasm" "$work/remixmatch_bg.wasm"

node web/pack.js "$work" web web/dist
