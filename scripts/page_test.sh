#!/usr/bin/env bash
# Tests the page that `scripts/page.sh` built in headless Chromium, with real WebGPU on the browser's software
# adapter, and the layers' shaders against the f64 reference there. REMIXMATCH may name an existing program.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/page_tools.sh

[ -f web/dist/index.html ] || scripts/page.sh
[ -x "${CHROMIUM:-/usr/bin/chromium}" ] || install_packages chromium
page_example layers
# The page is compared with the native program.
[ -n "${REMIXMATCH:-}" ] || cargo build --bin remixmatch
# One at a time: the adapter is the processor, and each test needs all of it.
cd web
node --test --test-concurrency=1 tests/*.test.js
