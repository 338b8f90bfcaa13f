#!/usr/bin/env bash
# Serves IMAGES, or the sample library where none is given, on this machine.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -n "${IMAGES:-}" ]; then
  exec bin/tessera serve --images "$IMAGES" ${MANIFESTS:+--manifests "$MANIFESTS"}
fi
scripts/sample.sh
exec bin/tessera serve --images sample/images --manifests sample/manifests --initial-rules sample/rules.json
