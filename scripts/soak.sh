#!/usr/bin/env bash
# Trains `shapes` in the window of a virtual display for MINUTES (120) and compares steps, frames and memory of the
# first ten minutes with the last ten (of a short soak: its halves). BINARY may name an existing program. runs/soak.txt has
# one row per minute, runs/soak.csv the samples of the resident memory.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-120}
scripts/setup.sh
binary=${BINARY:-target/release/remixmatch}
[ -n "${BINARY:-}" ] || cargo build --release
rows=runs/soak.txt
looks=runs/soak.csv
mkdir -p runs
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT

# Runs are autosaved in the user's data folder; this one has a folder of its own.
XDG_DATA_HOME=$home xvfb-run -a -s "-screen 0 1280x860x24" "$binary" app \
    --preset shapes --steps 1000000 --size 1280x860 --measure $((minutes * 60 + 5)) >"$rows" 2>&1 &
xvfb=$!
echo "minute,resident_kib" >"$looks"
began=
while kill -0 $xvfb 2>/dev/null; do
    process=$(pgrep -P "$xvfb" -x remixmatch || true)
    if [ -n "$process" ]; then
        : "${began:=$SECONDS}"
        resident=$(awk '/VmRSS/ { print $2 }' "/proc/$process/status" 2>/dev/null || true)
        [ -z "$resident" ] || echo "$(((SECONDS - began) / 60 + 1)),$resident" >>"$looks"
    fi
    sleep 5
done
wait $xvfb || { cat "$rows" >&2; exit 1; }
tail -n 1 "$rows"
grep -E '^[0-9]+,' "$rows" | awk -F, -v looks="$looks" '
    function window(i) { return i <= w ? 1 : i > n - w && i <= n ? 2 : 0 }
    function line(what, a, b) { printf "%-28s %9.1f %9.1f  ratio %.3f\n", what, a, b, b / a }
    { n++; at[n] = $2; frames[n] = $3; late[n] = $4; adapter[n] = $5 }
    END {
        w = n >= 20 ? 10 : int(n / 2)
        if (w < 2) { print "too few minutes to compare: expected at least 4"; exit }
        for (i = 1; i <= n; i++) if (k = window(i)) { f[k] += frames[i]; p[k] += late[i]; m[k] += adapter[i] }
        while ((getline row < looks) > 0) {
            split(row, cell, ",")
            if (k = window(cell[1] + 0)) { r[k] += cell[2]; seen[k]++ }
        }
        printf "%d minutes, %d steps; the first %d minutes, the last %d, last over first\n", n, at[n], w, w
        # A row has the step at the end of its minute.
        line("steps per minute", (at[w] - at[1]) / (w - 1), (at[n] - at[n - w + 1]) / (w - 1))
        line("frames per minute", f[1] / w, f[2] / w)
        line("frame time, 95 % (ms)", p[1] / w, p[2] / w)
        line("resident memory (MiB)", r[1] / seen[1] / 1024, r[2] / seen[2] / 1024)
        if (m[1] > 0) line("memory of the adapter (MiB)", m[1] / w / 1024, m[2] / w / 1024)
    }'
