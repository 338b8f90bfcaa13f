#!/usr/bin/env bash
# Runs every fuzz target of the repository for the time given, one after the other.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=$(go env GOCACHE)/fuzz
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# try fuzzes one target of the package that was built. Where it is at an input when the time
# is over it sometimes calls that a failure, "context deadline exceeded", without an input to
# show: then, and then alone, it is worth another try.
try() { # try PACKAGE TARGET TIME
  local folder
  folder=$cache/$(go list "./$1")
  mkdir -p "$folder"
  if (cd "$1" && "$work/fuzz.test" -test.run '^$' -test.fuzz "^$2\$" -test.fuzztime "$3" -test.parallel 2 \
    -test.fuzzcachedir "$folder") 2>&1 | tee "$work/said"; then
    return 0
  fi
  if grep -q '^    context deadline exceeded$' "$work/said" && ! grep -q -e 'Failing input' -e panic "$work/said"; then
    return 1
  fi
  exit 1
}

count=0 built=
while IFS=: read -r file target; do
  package=$(dirname "$file")
  if [ "$built" != "$package" ]; then
    go test -c -fuzz Fuzz -o "$work/fuzz.test" "./$package" # once for all its targets
    built=$package
  fi
  echo "fuzz: $target in $package for $1"
  try "$package" "$target" "$1" || try "$package" "$target" "$1"
  count=$((count + 1))
done < <(git grep -oE "^func Fuzz[A-Za-z0-9_]+" -- "*_test.go" | sed "s/:func /:/")
[ "$count" -gt 0 ] || { echo "fuzz: no target found"; exit 1; }
echo "fuzz: $count targets passed"
