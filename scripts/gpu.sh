#!/usr/bin/env bash
# Measures a card: every part with its own time limit, results as lines of JSON in OUT/results.jsonl, flushed one by one.
#
#   scripts/gpu.sh OUT [PART ...]
#
# Needs nothing but the program (REMIXMATCH, by default the one on the path or target/release) and, for the comparison, a
# Python with PyTorch (PYTHON) and Burn's program (BURN), if there. Ends within SECONDS_IN_ALL (480); what there is no time
# for is named in a line. COMMIT names what the program was built from, where git cannot say. scripts/gpu_report.py makes a
# table of the results.
set -uo pipefail
cd "$(dirname "$0")/.."

if [ $# = 0 ]; then
    sed -n '4p' "$0" >&2
    exit 2
fi
out=$1
shift
mkdir -p "$out" || exit
results=$out/results.jsonl
log=$out/log.txt
: >"$results" >"$log"
program=${REMIXMATCH:-$(command -v remixmatch || echo target/release/remixmatch)}
python=${PYTHON:-python3}
end=$((SECONDS + ${SECONDS_IN_ALL:-480}))

# A line of JSON from names and texts.
line() {
    local text="{\"part\": \"$1\""
    shift
    while [ $# -gt 1 ]; do
        local value=${2//\\/\\\\}
        text+=", \"$1\": \"${value//\"/\\\"}\""
        shift 2
    done
    echo "$text}" >>"$results"
}

# part NAME LIMIT COMMAND...: runs a command for at most LIMIT seconds; its lines go to the results.
part() {
    local name=$1 limit=$2 left=$((end - SECONDS)) began=$SECONDS status=0
    shift 2
    if [ "$left" -lt 5 ]; then
        line skipped name "$name"
        return
    fi
    echo "== $name: $*" >>"$log"
    timeout --kill-after=5 "$((limit < left ? limit : left))" "$@" 2>>"$log" >>"$results" || status=$?
    # A part that was stopped may have left half a line.
    [ -z "$(tail -c1 "$results")" ] || echo >>"$results"
    line time name "$name" seconds "$((SECONDS - began))" status "$status"
    echo "$name: $((SECONDS - began)) s, status $status"
}

bench() {
    "$program" bench --json --no-autotune "$@"
}
# Shares are of the fastest product that was measured.
share() {
    local best
    best=$(sed -n 's/.*"part":"gemm".*"gflops":\([0-9.]*\).*/\1/p' "$results" | sort -g | tail -n1)
    bench ${best:+--best-gemm "$best"} "$@"
}
export -f bench share
export program results

info() {
    "$program" info --json | tr -d '\n' | sed -e 's/^{/{"part": "info", /'
}
# The comparison: the same network on one batch, ours and the others' in turns. SETTINGS are PyTorch's; BURN is the path of
# Burn's program, as scripts/peers.sh builds it.
peers() {
    local round images setting
    for round in $(seq "${ROUNDS:-2}"); do
        for images in 64 512; do
            bench --part training --network wrn-28-2 --images "$images" --steps 100
            for setting in ${SETTINGS:-eager-cuda eager-last-cuda-tf32}; do
                echo 100 | "$python" benches/peers/torch/peer.py "$setting" wrn-28-2 "$images" 32 3 10 20 |
                    peer "$setting" "$images"
            done
            if [ -n "${BURN:-}" ]; then
                echo 100 | "$BURN" wrn-28-2 "$images" 32 3 10 20 | peer "$(basename "$BURN")" "$images"
            fi
        done
    done
}
peer() {
    sed -u -e "s/^{/{\"part\": \"peer\", \"setting\": \"$1\", \"network\": \"wrn-28-2\", \"images\": $2, /"
}
compiled_peers() {
    ROUNDS=1 SETTINGS="compiled-cuda compiled-last-cuda-tf32" BURN= peers
}
# Fewer passes per dispatch, as on cards with less memory.
passes() {
    local memory
    for memory in 3000 1000; do
        share --part step --preset paper-cifar10 --adapter-memory "$memory"
    done
}
mixed() {
    local k
    for k in 8 1; do
        share --part step --preset paper-cifar10 --k "$k" --precision mixed
    done
    bench --part estimate --preset paper-cifar10 --precision mixed ${ESTIMATE:---card h100}
}
export -f mixed info peer peers compiled_peers passes
export python

run_part() {
    case $1 in
        info) part info 30 bash -c info ;;
        dispatch) part dispatch 30 bash -c 'bench --part dispatch' ;;
        # Feature maps in f16.
        mixed) part mixed 120 bash -c mixed ;;
        quick) part quick 60 bash -c 'share --part step --preset quick' ;;
        step-1) part step-1 60 bash -c 'share --part step --preset paper-cifar10 --k 1' ;;
        step-8) part step-8 90 bash -c 'share --part step --preset paper-cifar10' ;;
        peers) part peers 120 bash -c peers ;;
        gemm) part gemm 60 bash -c 'bench --part gemm' ;;
        convolutions) part convolutions 100 bash -c 'share --part convolutions --images 128,768 --every-tiling' ;;
        memory) part memory 30 bash -c 'bench --part memory' ;;
        # ESTIMATE: the card's --peak, --bandwidth and --cores.
        estimate) part estimate 30 bash -c "bench --part estimate --preset paper-cifar10 ${ESTIMATE:---card h100}" ;;
        passes) part passes 60 bash -c passes ;;
        compiled-peers) part compiled-peers 120 bash -c compiled_peers ;;
        *)
            echo "scripts/gpu.sh: there is no part $1" >&2
            exit 2
            ;;
    esac
}

commit=${COMMIT:-$(git describe --always --dirty 2>/dev/null || echo unknown)}
card=$(nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm,clocks.max.sm --format=csv,noheader 2>/dev/null)
line run commit "$commit" date "$(date -u +%Y-%m-%dT%H:%M:%SZ)" card "$card"
[ $# -gt 0 ] || set -- info dispatch gemm step-8 step-1 mixed quick estimate memory peers convolutions passes compiled-peers
for name in "$@"; do
    run_part "$name"
done
echo "$(wc -l <"$results") lines in $results"
