#!/usr/bin/env bash
# Runs what somebody has of others' suites against bin/tessera:
#   [VERBOSE=1] scripts/external.sh DIR
# A DIR with the IIIF image-validator (iiif-validate.py): versions 2.0 and 3.0 at
# level 2. A DIR with JPEG 2000 files: each is asked for its info.json and a small
# picture; files may be broken, the server may not; then scripts/corpus.sh has regions
# of each compared with the stock decoder. VERBOSE lists what was refused.
set -euo pipefail
cd "$(dirname "$0")/.."
python=/usr/bin/python3
max_files=5000
squares=67352ccc-d1b0-11e1-89ae-279075081939

dir=${1:-}
[ -n "$dir" ] && [ -d "$dir" ] || { echo "usage: scripts/external.sh DIR (of the image-validator, or of JPEG 2000 files)" >&2; exit 2; }
dir=$(cd "$dir" && pwd)
for command in "$python" curl bin/tessera bin/tessera-decoder; do
  command -v "$command" >/dev/null || { echo "external: $command is missing; run make setup-test build" >&2; exit 2; }
done

work=$(mktemp -d)
server=
stop() {
  [ -z "$server" ] && return
  kill "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  server=
}
trap 'stop; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

start() { # start FOLDER FLAG...; sets host and server
  stop
  host=127.0.0.1:$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  bin/tessera serve --images "$1" --listen "$host" --ops-listen "" --data "$work/data" --default-access open \
    --log-level error "${@:2}" >"$work/tessera.log" 2>&1 &
  server=$!
  for _ in $(seq 100); do
    [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$host/iiif/3/$squares/info.json")" = 200 ] && return
    sleep 0.1
  done
  echo "external: the server does not answer" >&2
  cat "$work/tessera.log" >&2
  exit 1
}

# The validator's own picture: 10 x 10 squares of 100 pixels, colours by column.
paint() { # paint FILE.png
  "$python" - "$1" <<'PY'
import struct, sys, zlib

colours = """
3daa7e 3d6bb2 5255ea a47a6e 81e258 5b2579 8a802a 0655ea 796dcc 41f654
c38578 ab2b66 762d82 f269ab 055569 713a29 df4503 2d4f8c 2375f8 799cb8
a85ca3 1c5b8f 5629ad 6fe61d aebd07 128b58 5da880 23020e cc6989 125680
6b37b2 fb28b8 2f248b 027faa e00c72 85436c efaed1 551d9c 0837bc f07d07
70a71e a63fa1 e8e317 4a5087 4f612f 91a050 2da04f 0c36d7 cb5346 4e1c2e
66c13f e1375b 6bc293 a7185f f9d660 a72288 35fed1 acde15 994d33 8927b7
9fb6c0 80fcad 94a25a c0a573 9a6602 6bed3e 6fecdb 8171ac efcca6 3c6025
48ace3 773364 d155a5 57ac9f bc2aa2 630336 072a25 699b64 26dcf0 622e02
12df91 bd7911 5803d2 b5102b bd27f4 7b9374 f694d6 dfb1c7 4d1288 eb2415
9289b0 54f837 3d904f 6efb31 2b6984 a58337 3c17e1 93c5e2 504368 a177b6
""".split()
rows = (b"\0" + b"".join(bytes.fromhex(c) * 100 for c in colours[y::10]) for y in range(10))
chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
with open(sys.argv[1], "wb") as f:
    f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1000, 1000, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"".join(row * 100 for row in rows))) + chunk(b"IEND", b""))
PY
}

failures=0
fail() {
  echo "  FAIL $*"
  failures=$((failures + 1))
}

validate_one() { # validate_one VERSION ARGUMENT...
  "$python" "$validator" -s "$host" -p "iiif/${1%%.*}" -i "$squares" --version="$1" "${@:2}" 2>&1
}

# The tests with random parameters hit a valid one now and then: one that fails is
# run once more.
validate() { # validate VERSION
  local name passed log=$work/validator-$1.log
  validate_one "$1" --level 2 >"$log" || true
  if ! grep -q '^Done' "$log"; then
    cat "$log" >&2
    echo "external: the validator did not run; it needs: apt-get install python3-bottle python3-magic python3-lxml python3-pil" >&2
    exit 1
  fi
  passed=$(grep -c ' PASS$' "$log" || true)
  while read -r name; do
    if [[ $name == *random* ]] && validate_one "$1" --test "$name" >/dev/null; then
      passed=$((passed + 1))
    else
      fail "$name: $(grep -A 5 "test $name FAIL" "$log" | tr -s '\n ' ' ')"
    fi
  done < <(sed -nE 's/.* test ([a-z0-9_]+) FAIL$/\1/p' "$log")
  echo "external: image-validator $1 level 2: $passed of $(sed -nE 's/^Done \(([0-9]+) tests.*/\1/p' "$log") passed"
}

# ask URL: prints the status; what was sent is in $work/body.
ask() { curl -s -o "$work/body" -w '%{http_code}' --max-time 90 "$1" || true; }

# Refusals are plain words that end like a sentence, or JSON.
has_sentence() { [ -s "$work/body" ] && head -c 4096 "$work/body" | tr -d '\0' | grep -qE '[a-z]{2,} .*[a-z]{2,}'; }

declare -A answered=([served]=0 [refused]=0)
examine() { # examine URL FILE
  local status
  : >"$work/body"
  status=$(ask "$1")
  case $status in
    200) answered[served]=$((answered[served] + 1)) ;;
    4?? | 5??)
      answered[refused]=$((answered[refused] + 1))
      has_sentence || fail "$2: $status without a sentence"
      [ -z "${VERBOSE:-}" ] || echo "  $status $2: $(head -c 300 "$work/body" | tr -d '\0' | tr -s '\n ' ' ')"
      ;;
    *) fail "$2: no answer to $1 ($status)" ;;
  esac
}

# Names are replaced by numbers: they may hold anything, and extensions differ in case.
corpus() {
  local i=0 file id stage=$work/corpus
  mkdir "$stage"
  paint "$stage/$squares.png"
  for file in "${files[@]}"; do
    i=$((i + 1))
    cp "$file" "$stage/$i.$(tr '[:upper:]' '[:lower:]' <<<"${file##*.}")"
  done
  start "$stage" --max-area 16000000
  for i in $(seq ${#files[@]}); do
    file=${files[i - 1]#"$dir/"} id=$i.$(tr '[:upper:]' '[:lower:]' <<<"${files[i - 1]##*.}")
    examine "http://$host/iiif/3/$id/info.json" "$file"
    examine "http://$host/iiif/3/$id/full/!200,200/0/default.jpg" "$file"
    # A region of its own each time, so that no cache answers.
    [ "$(ask "http://$host/iiif/3/$squares/$((i % 700)),$((i / 700)),256,256/256,256/0/default.jpg")" = 200 ] \
      || fail "a healthy tile was not served after $file"
    kill -0 "$server" 2>/dev/null || { fail "the server ended after $file"; break; }
  done
  echo "external: ${#files[@]} JPEG 2000 files: ${answered[served]} answers served, ${answered[refused]} refused in words, $failures failures"
}

validator=$(find "$dir" -maxdepth 3 -name iiif-validate.py -print -quit)
mapfile -t files < <(find "$dir" -type f -regextype posix-extended -iregex '.*\.(jp2|jpx|jpf|jph|j2k|j2c|jpc|jhc)' -size -1048576k | LC_ALL=C sort | head -n $max_files)
[ -n "$validator" ] || [ ${#files[@]} -gt 0 ] || { echo "external: $dir holds neither iiif-validate.py nor JPEG 2000 files" >&2; exit 2; }

if [ -n "$validator" ]; then
  mkdir "$work/validator"
  paint "$work/validator/$squares.png"
  start "$work/validator" --reject-oversize-box
  validate 2.0
  validate 3.0
fi
[ ${#files[@]} -eq 0 ] || { corpus; scripts/corpus.sh "$dir" || failures=$((failures + 1)); }
[ "$failures" -eq 0 ]
