#!/usr/bin/env bash
# Installs what is missing on Debian or Ubuntu: a software WebGPU adapter, and a display for tests of the
# window. Elsewhere it only checks.
set -euo pipefail
. "$(dirname "$0")/packages.sh"

have_adapter() { ls /usr/share/vulkan/icd.d/*.json >/dev/null 2>&1; }
have_display() { command -v xvfb-run >/dev/null && command -v xauth >/dev/null; }

if have_adapter && have_display; then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    have_adapter || echo "no Vulkan driver was found: install your system's Mesa Vulkan drivers" >&2
    have_display || echo "xvfb-run was not found: install your system's Xvfb for tests of the window" >&2
    exit 1
fi
# Debian 12's Mesa is several times slower than the one in its backports.
sources=/etc/apt/sources.list.d/debian.sources
if grep -qs bookworm "$sources" && ! grep -rqs bookworm-backports /etc/apt/sources.list.d; then
    uri=$(sed -n 's/^URIs: *//p' "$sources" | head -n 1)
    printf 'Types: deb\nURIs: %s\nSuites: bookworm-backports\nComponents: main\nSigned-By: %s\n' \
        "$uri" /usr/share/keyrings/debian-archive-keyring.gpg |
        as_root tee /etc/apt/sources.list.d/backports.sources >/dev/null
fi
as_root apt-get update
have_adapter || as_root apt-get install -y -t bookworm-backports mesa-vulkan-drivers ||
    as_root apt-get install -y mesa-vulkan-drivers
have_display || as_root apt-get install -y xvfb xauth libx11-xcb1 libxcursor1 libxi6 libxrandr2 libxkbcommon-x11-0
