#!/usr/bin/env bash
# Builds the real servers that tests run against at pinned versions into the folder
# given, once per version:
#   scripts/servers.sh DIR [NAME...]
# versitygw (S3, light, about two minutes) unless others are named; minio (S3, the
# reference, about five minutes) and dex (OpenID provider, about three) are for make soak.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$1
shift
[ $# -gt 0 ] || set -- versitygw
mkdir -p "$dir"

server() { # server NAME MODULE@VERSION
  local mark="$dir/.$1-${2##*@}"
  [ -e "$mark" ] && [ -x "$dir/$1" ] && return
  echo "servers: building $2"
  GOBIN=$dir CGO_ENABLED=0 GOFLAGS=-trimpath go install "$2"
  rm -f "$dir/.$1-"*
  touch "$mark"
}

# Dex has replacements in its go.mod, which go install refuses: a module of ours pins it.
dex() {
  local mark version
  version=$(awk '$1 == "github.com/dexidp/dex" {print $2}' tests/oidc/dex/go.mod)
  mark="$dir/.dex-$version"
  [ -e "$mark" ] && [ -x "$dir/dex" ] && return
  echo "servers: building dex $version"
  (cd tests/oidc/dex && GOFLAGS=-trimpath go build -o "$OLDPWD/.dex-new" github.com/dexidp/dex/cmd/dex)
  mv .dex-new "$dir/dex"
  rm -f "$dir/.dex-"*
  touch "$mark"
}

for name in "$@"; do
  case $name in
    versitygw) server versitygw github.com/versity/versitygw/cmd/versitygw@v1.8.0 ;;
    minio) server minio github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c ;;
    dex) dex ;;
    *) echo "servers: no server is called $name" >&2; exit 2 ;;
  esac
done
