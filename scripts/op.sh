#!/usr/bin/env bash
# Runs the OpenID provider of the tests in the foreground; tests/oidc/op.mjs has its
# settings.
set -euo pipefail
cd "$(dirname "$0")/../tests/oidc"
node=$(../../scripts/node.sh)
# Tests of several packages may come at once.
exec 9>.lock
flock 9
if ! cmp -s package-lock.json node_modules/.installed-lock 2>/dev/null; then
  npm ci --ignore-scripts --no-audit --no-fund --silent >&2
  cp package-lock.json node_modules/.installed-lock
fi
exec 9>&-
exec "$node" op.mjs
