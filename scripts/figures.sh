#!/usr/bin/env bash
# Trains every run behind the figures in README.md and docs/results.md, and draws the curves: about two hours on two
# cores with a software adapter. CIFAR-10 is skipped unless scripts/fetch_cifar10.py has fetched it.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
cargo build --release
remixmatch=target/release/remixmatch
cifar=${XDG_DATA_HOME:-$HOME/.local/share}/remixmatch/cifar-10

# train FOLDER ARGUMENTS...: trains a run unless it is finished.
train() {
    local folder=runs/figures/$1
    shift
    [ -e "$folder/summary.json" ] || "$remixmatch" train --split position --out "$folder" "$@"
}

for seed in 0 1 2; do
    for method in remixmatch supervised; do
        train "digits-$method-$seed" --preset digits --method "$method" --seed "$seed"
        train "fashion-$method-$seed" --preset quick --method "$method" --seed "$seed"
    done
done
for set in digits fashion; do
    "$remixmatch" curves runs/figures/$set-{remixmatch,supervised}-{0,1,2} --out docs/$set.svg \
        --name "ReMixMatch, seed 0" --name "ReMixMatch, seed 1" --name "ReMixMatch, seed 2" \
        --name "supervised, seed 0" --name "supervised, seed 1" --name "supervised, seed 2" \
        --title "builtin:$set, 40 labels: test accuracy (thick), guesses (thin)"
done
if [ -d "$cifar" ]; then
    # K, the weight of the rotation loss and a long warm-up as in the reference's hardest CIFAR-10 row.
    for method in remixmatch supervised; do
        train "cifar10-$method" --preset fashion --data cifar-10 --labels 250 --method "$method" \
            --k 1 --weight-r 2 --warmup 3000 --steps 5000 --report-every 250
    done
    "$remixmatch" curves runs/figures/cifar10-{remixmatch,supervised} --out docs/cifar10.svg \
        --name "ReMixMatch" --name "supervised only" \
        --title "CIFAR-10, 250 labels, wrn-10-1: test accuracy (thick), guesses (thin)"
fi
