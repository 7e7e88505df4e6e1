#!/usr/bin/env bash
# Make sure of a Chromium, for the tests of the report and the pictures of the documentation. Safe to run again.
set -euo pipefail

say() { echo "chromium.sh: $*" >&2; }

for name in chromium chromium-browser google-chrome-stable google-chrome; do
    command -v "$name" >/dev/null && exit
done
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    say "there is no Chromium or Chrome on the PATH. Install one; as root on Debian this script does"
    exit 1
fi
say "installing chromium"
apt-get update -q >&2
# A font, too: without one a page is empty boxes.
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends chromium fonts-dejavu-core >&2
