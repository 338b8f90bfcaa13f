#!/usr/bin/env bash
# Holds the JPEG 2000 engine against the files of others:
#   scripts/corpus.sh [DIR]
# Each file of DIR is indexed or refused with a reason; regions of it equal the stock
# decoder's, and good tiles are served beside all of it. Without DIR a checkout of
# openjpeg-data is used where there is one, which is fetched in CI (or with FETCH=1), and
# whose files never become part of the repository.
set -euo pipefail
cd "$(dirname "$0")/.."
source=${CORPUS_SOURCE:-https://github.com/uclouvain/openjpeg-data.git}
commit=${CORPUS_COMMIT:-a428429db695fccfc6d698bd13b6937dffd9d005}
checkout=$PWD/.cache/openjpeg-data

skip() {
  echo "corpus: SKIPPED: $*: the engine was held against files of its own making only"
  exit 0
}

# fetch takes the input files of the pinned commit, not what others made of them.
fetch() {
  local fresh=$checkout.new
  rm -rf "$fresh"
  git init -q "$fresh"
  git -C "$fresh" remote add origin "$source"
  GIT_TERMINAL_PROMPT=0 timeout 60 git -C "$fresh" fetch -q --depth 1 --filter=blob:none origin "$commit" &&
    GIT_TERMINAL_PROMPT=0 timeout 300 git -C "$fresh" checkout -q FETCH_HEAD -- input &&
    mv "$fresh" "$checkout" && return
  rm -rf "$fresh"
  return 1
}

dir=${1:-}
if [ -z "$dir" ]; then
  if [ ! -d "$checkout" ]; then
    [ -n "${CI:-}${FETCH:-}" ] || skip "no files of others are here; FETCH=1 $0 fetches openjpeg-data"
    fetch || skip "$source could not be fetched"
  fi
  dir=$checkout/input
fi
[ -d "$dir" ] || { echo "corpus: there is no folder $dir" >&2; exit 2; }
dir=$(cd "$dir" && pwd)

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! JPEG2000_CORPUS=$dir go test -tags corpus -count 1 -v -timeout 20m -run 'Corpus$|BadFiles' ./internal/jp2 ./worker ./tests/e2e >"$log" 2>&1; then
  grep -vE '^ *(=== |--- PASS)' "$log" >&2
  echo "corpus: failed over $dir" >&2
  exit 1
fi
grep -E '^ +([a-z_]+_test.go:|[0-9]+ |slowest)' "$log" | sed -E 's/^ +[a-z_]+_test.go:[0-9]+: *//'
echo "corpus: $dir passed"
