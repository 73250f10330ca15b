#!/usr/bin/env bash
# Runs exported models of short runs in onnxruntime and compares them with `predict`. Installs onnxruntime into target/tools.
# REMIXMATCH may name an existing program.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh

tools=$PWD/target/tools/onnx
if ! "$tools/bin/python" -c "import numpy, onnxruntime" 2>/dev/null; then
    python3 -c "import venv, ensurepip" 2>/dev/null || install_packages python3 python3-venv
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check numpy onnxruntime
fi
[ -n "${REMIXMATCH:-}" ] || cargo build --bin remixmatch
"$tools/bin/python" scripts/onnx_test.py "${REMIXMATCH:-target/debug/remixmatch}" "$@"
