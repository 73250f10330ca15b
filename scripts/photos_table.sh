#!/usr/bin/env bash
# Trains on CIFAR-10 at 96x96 pixels from a pretrained network, row by row, and prints a table of test accuracies:
#
#   scripts/photos_table.sh OUT [ROW ...] [-- OPTION ...]
#
# A row is METHOD-LABELS-SEED, for example remixmatch-250-0; METHOD is probe (only the heads are trained), supervised, fixmatch or
# remixmatch. Without rows: 250 labels with seeds 0 to 2 for probe and remixmatch and seed 0 for the others, 40 labels with seed 0.
# OPTIONs go to `remixmatch train` after the preset `photos`. The first 2,000 test images test; with VALIDATION=1 the first 2,000 of
# data_batch_5 do, and the other four files train: settings are chosen so. Finished rows are not run again. Needs the program
# (REMIXMATCH, by default target/release/remixmatch), the weights (scripts/fetch_backbone.py) and CIFAR-10
# (scripts/fetch_cifar10.py; CIFAR10 names another folder).
set -euo pipefail
cd "$(dirname "$0")/.."

if [ $# = 0 ]; then
    sed -n '4p' "$0" >&2
    exit 2
fi
out=$1
shift
rows=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    rows+=("$1")
    shift
done
[ $# = 0 ] || shift
if [ ${#rows[@]} = 0 ]; then
    for seed in 0 1 2; do
        rows+=("probe-250-$seed" "remixmatch-250-$seed")
    done
    rows+=(supervised-250-0 fixmatch-250-0 probe-40-0 supervised-40-0 fixmatch-40-0 remixmatch-40-0)
fi
program=${REMIXMATCH:-target/release/remixmatch}
cifar=${CIFAR10:-${XDG_DATA_HOME:-$HOME/.local/share}/remixmatch/cifar-10}
records=$((2000 * 3073))

# The images that train and the 2,000 that test, in CIFAR-10's own files.
data=$out/data
mkdir -p "$data"
cp "$cifar/batches.meta.txt" "$data"
for n in 1 2 3 4 5; do
    cp "$cifar/data_batch_$n.bin" "$data"
done
if [ -n "${VALIDATION:-}" ]; then
    head -c "$records" "$data/data_batch_5.bin" >"$data/test_batch.bin"
    rm "$data/data_batch_5.bin"
else
    head -c "$records" "$cifar/test_batch.bin" >"$data/test_batch.bin"
fi

train() {
    local row=$1 method labels seed options=()
    shift
    IFS=- read -r method labels seed <<<"$row"
    case $method in
        probe) options=(--method supervised --freeze all) ;;
        supervised | fixmatch | remixmatch) options=(--method "$method") ;;
        *)
            echo "scripts/photos_table.sh: there is no row $row" >&2
            exit 2
            ;;
    esac
    "$program" train --preset photos --data "$data" --labels "$labels" --seed "$seed" --out "$out/$row" "${options[@]}" "$@" \
        >"$out/$row.log" 2>&1
}

echo "| row | steps | seconds | test accuracy, EMA (raw) |"
echo "|---|--:|--:|--:|"
for row in "${rows[@]}"; do
    [ -f "$out/$row/summary.json" ] || train "$row" "$@" || {
        tail -n 1 "$out/$row.log" >&2
        exit 1
    }
    # Columns by their names: the file has more of them for some methods.
    awk -F, -v row="$row" '
        NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i }
        END {
            printf "| %s | %d | %.0f | %.1f (%.1f) |\n", row, $column["step"], $column["seconds"],
                100 * $column["test_acc_ema"], 100 * $column["test_acc"]
        }' "$out/$row/metrics.csv"
done
