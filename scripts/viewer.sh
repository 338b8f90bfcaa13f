#!/usr/bin/env bash
# Brings OpenSeadragon from npm into the folder that the binary embeds.
set -euo pipefail
cd "$(dirname "$0")/../edge/pages"
npm ci --ignore-scripts --no-audit --no-fund --silent
mkdir -p assets/vendor
cp node_modules/openseadragon/build/openseadragon/openseadragon.min.js assets/vendor/
cp node_modules/openseadragon/LICENSE.txt assets/vendor/openseadragon.LICENSE.txt
