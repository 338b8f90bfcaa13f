#!/usr/bin/env bash
# Runs a cluster on this machine over IMAGES, or over the sample library where none is
# given.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -n "${IMAGES:-}" ]; then
  exec bin/tessera-cluster --images "$IMAGES" ${MANIFESTS:+--manifests "$MANIFESTS"}
fi
scripts/sample.sh
exec bin/tessera-cluster --images sample/images --manifests sample/manifests --coordinator=--initial-rules=sample/rules.json
