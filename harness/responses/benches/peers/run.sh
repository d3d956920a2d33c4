#!/bin/sh
# Installs the peers beside nothing else (in PEERS, a temporary directory unless given) and runs
# the comparison. ROUNDS is the number of rounds; JOURNAL=1 also fills a journal with 4 GB.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${PEERS:-}" ]; then
    PEERS=$(mktemp -d)
    trap 'rm -rf "$PEERS"' EXIT
fi
export PEERS
cp "$here/aimock.mjs" "$PEERS/"
[ -d "$PEERS/node_modules/@copilotkit/aimock" ] ||
    npm install --silent --no-audit --no-fund --prefix "$PEERS" @copilotkit/aimock@1.43.0
cd "$here/../.."
cargo bench --bench peers --features wiremock -- "$@"
