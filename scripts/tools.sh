#!/usr/bin/env bash
# Builds the linters at pinned versions into the folder given, once per version.
set -euo pipefail
dir=$1
mkdir -p "$dir"
tool() { # tool NAME MODULE@VERSION
  local mark="$dir/.$1-${2##*@}"
  [ -e "$mark" ] && return
  echo "tools: building $2"
  GOBIN=$dir GOFLAGS=-trimpath go install "$2"
  rm -f "$dir/.$1-"*
  touch "$mark"
}
tool gofumpt mvdan.cc/gofumpt@v0.12.0
tool govulncheck golang.org/x/vuln/cmd/govulncheck@v1.9.0
tool golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
