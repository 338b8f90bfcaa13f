#!/usr/bin/env bash
# Runs a cluster on this machine over IMAGES, or over the sample library where none is
# given. STORAGE=folder has workers read the folder itself rather than an S3 server that
# was given a copy of it.
set -euo pipefail
cd "$(dirname "$0")/.."
storage=(--storage "${STORAGE:-s3}")
if [ -n "${IMAGES:-}" ]; then
  exec bin/tessera-cluster "${storage[@]}" --images "$IMAGES" ${MANIFESTS:+--manifests "$MANIFESTS"}
fi
scripts/sample.sh
exec bin/tessera-cluster "${storage[@]}" --images sample/images --manifests sample/manifests --coordinator=--initial-rules=sample/rules.json
