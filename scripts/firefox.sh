#!/usr/bin/env bash
# Drives headless Firefox with viewers of the same site and of another one (R44).
set -euo pipefail
cd "$(dirname "$0")/../tests/browser/firefox"
node=$(../../../scripts/node.sh)
for folder in .. .; do
  if ! cmp -s "$folder/package-lock.json" "$folder/node_modules/.installed-lock" 2>/dev/null; then
    (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --legacy-peer-deps --silent && cp package-lock.json node_modules/.installed-lock)
  fi
done
exec "$node" --test --test-timeout=600000 firefox.test.mjs
