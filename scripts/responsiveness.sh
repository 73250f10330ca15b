#!/usr/bin/env bash
# Measures the time between the window's frames while each preset trains. The paper's presets train on
# builtin:shapes, whose images have the paper's size, so that nothing has to be fetched.
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
