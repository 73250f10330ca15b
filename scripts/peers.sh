#!/usr/bin/env bash
# Trains one network with other frameworks and with this program, interleaved, in one run:
#
#   scripts/peers.sh [burn|torch|tfjs|all] [--network NAME] [--batch N] [--rounds N] [--seconds S] [--warm-up STEPS]
#                    [--json FILE]
#
# Installs and builds what is missing, into ignored folders only: PyTorch with its dependencies takes several GB there.
# REMIXMATCH may name an existing program. BURN names Burn's settings: wgsl and spirv with its default kernels,
# wgsl-tuned and spirv-tuned, whose first run is slow as they try kernels. SPIR-V needs a GPU.
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
    # torch.compile generates C++.
    command -v g++ >/dev/null || install_packages g++
    python3 -m venv --help >/dev/null 2>&1 || install_packages python3-venv
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet -r benches/peers/torch/requirements.txt
    # Its compiled code is cached there instead of in the system's temporary folder.
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
