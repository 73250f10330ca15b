#!/usr/bin/env bash
# Trains `shapes` in the window of a virtual display for MINUTES (120) and says whether it slows down or grows: steps a
# second and memory in the first third and in the last. BINARY may name a program that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-120}
scripts/setup.sh
binary=${BINARY:-target/release/remixmatch}
[ -n "${BINARY:-}" ] || cargo build --release
log=runs/soak.csv
mkdir -p runs
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT

# A run keeps itself in the user's data folder, with a row a report; this one has a folder of its own.
XDG_DATA_HOME=$home xvfb-run -a -s "-screen 0 1280x860x24" "$binary" app \
    --preset shapes --steps 1000000 --size 1280x860 --measure $((minutes * 60)) >runs/soak.txt 2>&1 &
xvfb=$!
echo "seconds,resident_kib" >"$log"
began=$SECONDS
while kill -0 $xvfb 2>/dev/null; do
    process=$(pgrep -P "$xvfb" -x remixmatch || true)
    if [ -n "$process" ]; then
        resident=$(awk '/VmRSS/ { print $2 }' "/proc/$process/status" 2>/dev/null || true)
        [ -z "$resident" ] || echo "$((SECONDS - began)),$resident" >>"$log"
    fi
    sleep 5
done
wait $xvfb || { cat runs/soak.txt >&2; exit 1; }
cat runs/soak.txt
awk -F, 'NR > 1 { n++; v[n] = $2 } END {
    third = int(n / 3)
    for (i = 1; i <= third; i++) { first += v[i]; last += v[n - third + i] }
    printf "resident memory: %.0f MiB in the first third, %.0f MiB in the last, ratio %.3f (%d looks)\n",
        first / third / 1024, last / third / 1024, last / first, n
}' "$log"
# Reports are a fixed number of steps apart.
for rows in "$home"/remixmatch/runs/*/metrics.csv; do
    awk -F, 'NR > 1 { n++; step[n] = $1; at[n] = $3 } END {
        third = int(n / 3)
        if (third < 2) { print "steps: too few reports, give more minutes"; exit }
        first = (step[third] - step[1]) / (at[third] - at[1])
        last = (step[n] - step[n - third + 1]) / (at[n] - at[n - third + 1])
        printf "steps: %.2f a second in the first third, %.2f in the last, ratio %.3f (%d reports)\n",
            first, last, last / first, n
    }' "$rows"
done
