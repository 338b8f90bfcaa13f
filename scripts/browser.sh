#!/usr/bin/env bash
# Drives headless Chromium with viewers of others and the built-in pages against a real server.
# SHOTS=folder keeps the screenshots.
set -euo pipefail
cd "$(dirname "$0")/../tests/browser"
node=$(../../scripts/node.sh)
if ! cmp -s package-lock.json node_modules/.installed-lock 2>/dev/null; then
  npm ci --ignore-scripts --no-audit --no-fund --legacy-peer-deps --silent
  cp package-lock.json node_modules/.installed-lock
fi
exec "$node" --test --test-timeout=180000 --test-concurrency=1 ./*.test.mjs
