#!/usr/bin/env bash
# Checks what the program is built from: licences, where it comes from, duplicates, and known weaknesses where the
# advisory database can be reached; and that it trains without a network. Installs cargo-deny if it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

deny=target/tools/bin/cargo-deny
if command -v cargo-deny >/dev/null; then
    deny=cargo-deny
elif ! [ -x "$deny" ]; then
    cargo install --locked --root target/tools cargo-deny
fi
"$deny" --all-features check bans licenses sources

# A network of its own, with nothing in it. Where that is not allowed this fails: it would show nothing.
# BINARY may name a program that is built already.
[ -n "${BINARY:-}" ] || cargo build --bin remixmatch
run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
unshare --map-root-user --net "${BINARY:-target/debug/remixmatch}" train --data builtin:digits --labels 10 --batch 4 --k 1 \
    --steps 4 --out "$run/offline"
echo "trained without a network"

database=https://github.com/rustsec/advisory-db
if git ls-remote "$database" HEAD >/dev/null 2>&1; then
    "$deny" --all-features check advisories
else
    echo "advisories: NOT CHECKED, $database cannot be reached from here" >&2
    exit 3
fi
