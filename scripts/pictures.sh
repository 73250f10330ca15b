#!/usr/bin/env bash
# Opens the app in a window of a virtual display, trains the preset `quick`, and takes a picture of every
# view in both themes, into FOLDER (runs/pictures).
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
cargo build --release
xvfb-run -a -s "-screen 0 1280x860x24" \
    target/release/remixmatch app --preset quick --size 1280x860 --pictures "${1:-runs/pictures}"
