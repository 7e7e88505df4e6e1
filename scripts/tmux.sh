#!/usr/bin/env bash
# Make sure of tmux, in which tests drive the live view on a real terminal. Safe to run again.
set -euo pipefail

say() { echo "tmux.sh: $*" >&2; }

command -v tmux >/dev/null && exit 0

if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
    as_root=()
elif command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
else
    say "tmux is missing; install it with this system's package manager"
    exit 1
fi

say "installing tmux"
"${as_root[@]}" apt-get update -q >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends tmux >&2
