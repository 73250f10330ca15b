#!/usr/bin/env bash
# Installs what is missing, trains the preset `quick` on the embedded data and prints the result.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
cargo run --release -- train --preset quick --out runs/demo --force "$@"
