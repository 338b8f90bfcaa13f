#!/usr/bin/env bash
# Where a decoder's time goes while cold tiles are asked for, in percent by kind of work, and
# how much more that is than entropy decoding, wavelets and JPEG encoding take.
#   PICTURES="untiled-lossy tiled-1024" TILES=200 SEED=2 loadtest/profile.sh
# The pictures are those of bench.sh, which makes them. perf asks for root.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh build bench profile
pictures=$PWD/.cache/bench
CGO_ENABLED=0 go build -o "$pictures/tiles" ./loadtest/tiles
load=$pictures/tiles
work=$(mktemp -d)
pid=
stop() {
  [ -z "$pid" ] || { kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; }
  pid=
}
trap 'stop; rm -rf "$work"' EXIT

profile() { # profile STRUCTURE
  local port url
  [ -e "$pictures/tiled/$1.jp2" ] || { echo "profile: no picture $1: run loadtest/bench.sh first" >&2; exit 2; }
  port=$("$load" ports 1)
  url=http://127.0.0.1:$port/iiif/2/$1
  cat "$pictures/tiled/$1.jp2" >/dev/null
  bin/tessera serve --listen "127.0.0.1:$port" --ops-listen "" --data "$work/$1" --images "$pictures/tiled" \
    --default-access open --decoders 2 --jpeg-quality 80 --log-level warn >"$work/log" 2>&1 &
  pid=$!
  for _ in $(seq 100); do
    curl -sf -o /dev/null --max-time 5 "$url/info.json" && break
    sleep 0.1
  done
  perf record -q -F 2000 -a -o "$work/$1.perf" -- "$load" cold -url "$url" -server tessera -picture "$1" \
    -round 1 -seed "${SEED:-2}" -n "${TILES:-200}" -c 2 -pids "$pid" -keep "$work/album" >"$work/said"
  stop
  echo "$1"
  perf report -i "$work/$1.perf" --no-children --stdio -g none --comm tessera-decoder --sort dso,sym 2>/dev/null | kinds
}

# kinds adds up the lines of a report: percent, object, [.], symbol.
kinds() {
  awk '
    $1 !~ /^[0-9.]+%$/ { next }
    {
      kind = "the rest"
      if ($4 ~ /^(entropy|blocks)_/) kind = "entropy decoding"
      else if ($4 ~ /^wavelet_/) kind = "wavelets, colour transform, level shift"
      else if ($2 ~ /openjp2/) kind = "OpenJPEG"
      else if ($2 ~ /jpeg/) kind = "libjpeg"
      else if ($2 ~ /libc[.-]/) kind = "libc"
      else if ($3 == "[k]") kind = "kernel"
      else if ($4 ~ /internal\/jp2\./) kind = "taking codestreams apart"
      else if ($4 ~ /^(runtime|internal\/runtime)/) kind = "Go runtime"
      sum[kind] += $1
      all += $1
      if (kind == "entropy decoding" || kind ~ /^wavelets/ || kind == "OpenJPEG" || kind == "libjpeg") core += $1
    }
    END {
      if (core == 0) { print "profile: no sample of a decoder"; exit 1 }
      for (kind in sum) printf "  %5.1f  %s\n", 100 * sum[kind] / all, kind | "sort -rn"
      close("sort -rn")
      printf "  %5.2f  times entropy decoding, wavelets, OpenJPEG and libjpeg\n", all / core
    }'
}

for structure in ${PICTURES:-untiled-lossy tiled-1024 tiled-256}; do profile "$structure"; done
