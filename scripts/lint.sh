#!/usr/bin/env bash
# What can be said of the code without running it.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$PWD/.cache/tools
step() { echo "lint: $*"; }

step format
unformatted=$(git ls-files "*.go" | xargs "$tools/gofumpt" -l)
[ -z "$unformatted" ] || { echo "run gofumpt -w on:"; echo "$unformatted"; exit 1; }
step "build without cgo"
CGO_ENABLED=0 go build ./...
step vet
go vet ./...
step "golangci-lint, with staticcheck"
"$tools/golangci-lint" run ./...
step vulnerabilities
scripts/vulncheck.sh "$tools/govulncheck"
