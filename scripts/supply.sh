#!/usr/bin/env bash
# Checks the program's dependencies (licences, sources, duplicates, and advisories where the database can be reached),
# and that the program trains without a network. Installs cargo-deny if it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

deny=target/tools/bin/cargo-deny
if command -v cargo-deny >/dev/null; then
    deny=cargo-deny
elif ! [ -x "$deny" ]; then
    cargo install --locked --root target/tools cargo-deny
fi
"$deny" --all-features check bans licenses sources

# An empty network namespace. Where the system does not allow one this fails, as it could not show anything.
# BINARY may name an existing program.
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
