#!/usr/bin/env bash
# How fast the window's frames follow each other while each preset trains: what an input waits for. The
# paper's presets train on drawn images of the paper's size, so that nothing need be fetched.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
cargo build --release
for preset in quick fashion digits shapes; do
    xvfb-run -a -s "-screen 0 1600x1000x24" target/release/remixmatch app \
        --preset "$preset" --size 1280x860 --measure 15
done
for preset in paper-cifar10 paper-svhn paper-stl10; do
    xvfb-run -a -s "-screen 0 1600x1000x24" target/release/remixmatch app \
        --preset "$preset" --data builtin:shapes --size 1280x860 --measure 15
done
