#!/usr/bin/env bash
# Runs every fuzz target of the repository for the time given, one after the other.
set -euo pipefail
cd "$(dirname "$0")/.."

# try fuzzes one target. Where go test is at an input when the time is over it sometimes
# calls that a failure, "context deadline exceeded", without an input to show: then, and
# then alone, it is worth another try.
try() { # try PACKAGE TARGET TIME
  local said
  said=$(mktemp)
  if go test -run '^$' -fuzz "^$2\$" -fuzztime "$3" -parallel 2 "$1" 2>&1 | tee "$said"; then
    rm "$said"
    return 0
  fi
  if grep -q '^    context deadline exceeded$' "$said" && ! grep -q -e 'Failing input' -e panic "$said"; then
    rm "$said"
    return 1
  fi
  exit 1
}

count=0
while IFS=: read -r file target; do
  echo "fuzz: $target in $(dirname "$file") for $1"
  try "./$(dirname "$file")" "$target" "$1" || try "./$(dirname "$file")" "$target" "$1"
  count=$((count + 1))
done < <(git grep -oE "^func Fuzz[A-Za-z0-9_]+" -- "*_test.go" | sed "s/:func /:/")
[ "$count" -gt 0 ] || { echo "fuzz: no target found"; exit 1; }
echo "fuzz: $count targets passed"
