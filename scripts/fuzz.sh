#!/usr/bin/env bash
# Runs every fuzz target of the repository for the time given, one after the other.
set -euo pipefail
cd "$(dirname "$0")/.."
count=0
while IFS=: read -r file target; do
  echo "fuzz: $target in $(dirname "$file") for $1"
  go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" -parallel 2 "./$(dirname "$file")"
  count=$((count + 1))
done < <(git grep -oE "^func Fuzz[A-Za-z0-9_]+" -- "*_test.go" | sed "s/:func /:/")
[ "$count" -gt 0 ] || { echo "fuzz: no target found"; exit 1; }
echo "fuzz: $count targets passed"
