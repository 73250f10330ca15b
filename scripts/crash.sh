#!/usr/bin/env bash
# Kills a training run KILLS times (100) at random moments and compares its result with an unbroken run's; a few
# seconds per kill.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
REMIXMATCH_KILLS="${1:-100}" cargo test --test cli run_killed_at_random_moments -- --nocapture
