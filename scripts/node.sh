#!/usr/bin/env bash
# Prints the path of a Node of version 20 or newer; where the machine's own is older,
# brings one from npm into .cache.
set -euo pipefail
cd "$(dirname "$0")/.."
if command -v node >/dev/null && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ]; then
  command -v node
  exit 0
fi
case $(uname -m) in
  x86_64) arch=x64 ;;
  aarch64) arch=arm64 ;;
  *) echo "node.sh: install Node 20 or newer for $(uname -m)" >&2; exit 2 ;;
esac
dir=$PWD/.cache/node
if [ ! -x "$dir/node_modules/node-linux-$arch/bin/node" ]; then
  mkdir -p "$dir"
  npm install --prefix "$dir" --no-save --ignore-scripts --no-audit --no-fund --silent "node-linux-$arch@22" >&2
fi
echo "$dir/node_modules/node-linux-$arch/bin/node"
