#!/usr/bin/env bash
# The same network trained by other frameworks and by this program, turn about, in one run:
#
#   scripts/peers.sh [burn|torch|tfjs|all] [--network NAME] [--batch N] [--rounds N] [--seconds S] [--warm-up STEPS]
#                    [--json FILE]
#
# Installs and builds what is missing, into ignored folders only: PyTorch with what it asks for takes several GB there.
# REMIXMATCH may name a program that is built already. BURN names Burn's settings: wgsl and spirv with its default kernels,
# wgsl-tuned and spirv-tuned, which try kernels in their first run and are long in that. SPIR-V needs a GPU.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh
export BURN=${BURN:-wgsl}

case ${1:-all} in
    burn | torch | tfjs) peers=("$1") ;;
    all) peers=(burn torch tfjs) ;;
    *)
        sed -n '4,5p' "$0" >&2
        exit 2
        ;;
esac
[ $# = 0 ] || shift

prepare_burn() {
    local kind
    for kind in $BURN; do
        local features=${kind/wgsl/}
        features=${features//-/,}
        CARGO_TARGET_DIR=$PWD/target/peers/burn cargo build --release --locked \
            --manifest-path benches/peers/burn/Cargo.toml --features "${features#,}"
        cp target/peers/burn/release/peer-burn "target/peers/burn-$kind"
    done
}

prepare_torch() {
    local venv=target/peers/torch
    # Compiled networks are C++ first.
    command -v g++ >/dev/null || install_packages g++
    python3 -m venv --help >/dev/null 2>&1 || install_packages python3-venv
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet -r benches/peers/torch/requirements.txt
    # What it compiles is kept there instead of in a folder for everything temporary.
    export TORCHINDUCTOR_CACHE_DIR=$PWD/target/peers/inductor
}

prepare_tfjs() {
    . scripts/page_tools.sh
    [ -x "${CHROMIUM:-/usr/bin/chromium}" ] || install_packages chromium
    [ -d benches/peers/node_modules ] || (cd benches/peers && npm ci --no-audit --no-fund) >&2
    page_example peer
}

scripts/setup.sh
command -v node >/dev/null || install_packages nodejs
[ -n "${REMIXMATCH:-}" ] || cargo build --release --bin remixmatch
for peer in "${peers[@]}"; do
    "prepare_$peer" >&2
done
node benches/peers/compare.js "${peers[@]}" "$@"
