#!/usr/bin/env bash
# Tessera beside iipimage-server on this machine, in one run: cold tiles, the way of a
# viewer, warm tiles of a signed-in reader, people who sign in, memory. README.md says how to read the table.
# Fails on wrong answers only, never on a number.
#   PARTS="cold trace warm signed crowd memory" PICTURES="tiled-1024 untiled-lossy" ROUNDS=5 TILES=200 WARM_REQUESTS=20000 SLICES=10 SEED=1 loadtest/bench.sh
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${ROUNDS:-5} tiles=${TILES:-200} warm_requests=${WARM_REQUESTS:-20000} seed=${SEED:-1} slices=${SLICES:-10}
parts=${PARTS:-cold trace warm signed crowd memory}
structures=${PICTURES:-untiled-lossy untiled-lossless untiled-lrcp tiled-1024 tiled-256}
pictures=$PWD/.cache/bench
iipsrv=/usr/lib/iipimage-server/iipsrv.fcgi

scripts/setup.sh build bench
for binary in bin/tessera bin/tessera-decoder; do
  [ -x "$binary" ] || { echo "bench: $binary is missing; run make build first" >&2; exit 2; }
done
mkdir -p "$pictures/tiled" "$pictures/large"
CGO_ENABLED=0 go build -o "$pictures/tiles" ./loadtest/tiles
load=$pictures/tiles

cuts="-c [256,256],[256,256],[128,128] -b 64,64 -n 7"
# The recommended profile: RPCL, tiles 1024, precincts 256 (128 below), code-blocks
# 64, PLT and TLM, 9/7 at about 1.7 bits a pixel. Then what libraries own besides: tiles
# of 256; one tile with packet lengths told, lossy and lossless; lossless without, in the
# order of layers.
declare -A profiles=(
  [tiled-1024]="-p RPCL -t 1024,1024 $cuts -PLT -TLM -I -r 14"
  [tiled-256]="-p RPCL -t 256,256 -b 64,64 -n 6 -PLT -TLM -I -r 14"
  [untiled-lossy]="-p RPCL $cuts -PLT -I -r 14"
  [untiled-lossless]="-p RPCL $cuts -PLT"
  [untiled-lrcp]="-p LRCP $cuts"
)
compress() { # compress PPM JP2 PROFILE
  # shellcheck disable=SC2086 # a profile is several words
  opj_compress -i "$1" -o "$1.jp2" ${profiles[$3]} -threads "$(nproc)" >"$pictures/opj.log" 2>&1 \
    || { cat "$pictures/opj.log" >&2; exit 1; }
  mv "$1.jp2" "$2"
}
large=$pictures/large/tiled-1024-300mp.jp2
for structure in $structures tiled-1024; do # which other parts need too
  [ ! -e "$pictures/tiled/$structure.jp2" ] || continue
  echo "bench: making the 113-megapixel picture $structure, once"
  [ -e "$pictures/tiled.ppm" ] || "$load" paint 12288 9216 "$pictures/tiled.ppm"
  compress "$pictures/tiled.ppm" "$pictures/tiled/$structure.jp2" "$structure"
done
rm -f "$pictures/tiled.ppm"
if [[ " $parts " == *" memory "* && ! -e "$large" ]]; then
  echo "bench: making the 300-megapixel picture, once (some minutes, 1 GB of disk, 5 GB of memory)"
  "$load" paint 20000 15000 "$pictures/large.ppm"
  compress "$pictures/large.ppm" "$large" tiled-1024
  rm "$pictures/large.ppm"
fi

work=$(mktemp -d)
pids=()
stop() { # ends what start_* started and waits for it
  [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  pids=()
}
trap 'stop; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
listed() { local IFS=,; echo "${pids[*]}"; }

ready() { # ready URL LOG
  for _ in $(seq 200); do
    case $(curl -s -o /dev/null -w '%{http_code}' --max-time 5 "$1") in
      000 | 5*) sleep 0.1 ;;
      *) return ;;
    esac
  done
  echo "bench: $1 is not answered" >&2
  tail -n 20 "$2" >&2
  exit 1
}

# Each start is a fresh process with an empty data folder: no result, no pixel and
# no header is known yet. The files themselves are in the page cache on both sides.
start_tessera() { # start_tessera FOLDER IDENTIFIER ACCESS; sets url
  local port
  port=$("$load" ports 1)
  rm -rf "$work/data"
  bin/tessera serve --listen "127.0.0.1:$port" --ops-listen "" --data "$work/data" --images "$1" \
    --default-access "$3" --decoders 2 --jpeg-quality 80 --log-level warn >"$work/tessera.log" 2>&1 &
  pids+=($!)
  url=http://127.0.0.1:$port/iiif/2/$2
  ready "$url/info.json" "$work/tessera.log"
}

start_iipimage() { # start_iipimage FOLDER FILE; sets url
  local port i
  port=$("$load" ports 1)
  for i in 0 1; do
    rm -f "$work/iip$i.sock"
    env -i PATH="$PATH" VERBOSITY=1 LOGFILE="$work/iip$i.log" URI_MAP="iiif=>IIIF" FILESYSTEM_PREFIX="$1/" \
      JPEG_QUALITY=80 MAX_IMAGE_CACHE_SIZE=0 MAX_CVT=5000 "$iipsrv" --bind "$work/iip$i.sock" >/dev/null 2>&1 &
    pids+=($!)
  done
  sed -e "s|WORK|$work|g; s|PORT|$port|; s|USER|$(id -un) $(id -gn)|" loadtest/nginx.conf >"$work/nginx.conf"
  nginx -e "$work/nginx.log" -c "$work/nginx.conf" 2>>"$work/nginx.log" &
  pids+=($!)
  url=http://127.0.0.1:$port/iiif/$2
  ready "$url/info.json" "$work/nginx.log"
}

start() { # start SERVER STRUCTURE; sets url
  case $1 in
    tessera) start_tessera "$pictures/tiled" "$2" open ;;
    iipimage) start_iipimage "$pictures/tiled" "$2.jp2" ;;
  esac
}

results=$work/results

turns() { # turns ROUND A B: who begins changes from round to round
  if [ $(($1 % 2)) = 1 ]; then echo "$2" "$3"; else echo "$3" "$2"; fi
}

# The servers take turns, alone while they are measured.
cold() {
  local structure round server
  echo "bench: cold tiles, $rounds rounds of $tiles a server; load average $(cut -d' ' -f1-3 /proc/loadavg)"
  for structure in $structures; do
    cat "$pictures/tiled/$structure.jp2" >/dev/null # into the page cache
    for round in $(seq "$rounds"); do
      for server in tessera iipimage; do
        start "$server" "$structure"
        "$load" cold -url "$url" -server $server -picture "$structure" -round "$round" -seed $((seed + round)) -n "$tiles" -c 2 \
          -pids "$(listed)" -keep "$work/$server.album" >>"$results"
        stop
      done
      "$load" compare "$work/tessera.album" "$work/iipimage.album"
    done
  done
}

# A viewer's way, with six connections as browsers have: in tiles of 256, and again, by
# fresh processes, in those that Tessera advertises.
trace() {
  local structure round server sizes size
  echo "bench: traces of a viewer, $rounds rounds a server; load average $(cut -d' ' -f1-3 /proc/loadavg)"
  for structure in $structures; do
    cat "$pictures/tiled/$structure.jp2" >/dev/null
    start_tessera "$pictures/tiled" "$structure" open
    sizes=$(printf '256\n%s\n' "$("$load" side -url "$url" -pids "$(listed)")" | sort -nu)
    stop
    for round in $(seq "$rounds"); do
      for size in $sizes; do
        for server in tessera iipimage; do
          start "$server" "$structure"
          "$load" trace -url "$url" -server $server -picture "$structure" -round "$round" -seed $((seed + round)) -side "$size" -c 6 \
            -pids "$(listed)" -keep "$work/$server.album" >>"$results"
          stop
        done
        "$load" compare "$work/tessera.album" "$work/iipimage.album"
      done
    done
  done
}

TESSERA_ADMIN_PASSWORD=$(cat /proc/sys/kernel/random/uuid)
TILES_PASSWORD=$(cat /proc/sys/kernel/random/uuid)
export TESSERA_ADMIN_PASSWORD TILES_PASSWORD

add_readers() { # add_readers COUNT: reader-1@example.org and so on
  local n
  for n in $(seq "$1"); do
    TESSERA_PASSWORD=$TESSERA_ADMIN_PASSWORD bin/tessera admin user add --server "${url%/iiif/*}" \
      --password-stdin "reader-$n@example.org" <<<"$TILES_PASSWORD" >/dev/null
  done
}

warm() {
  local bare_url round
  echo "bench: warm tiles of a signed-in reader, $rounds rounds of $warm_requests requests a server"
  start_tessera "$pictures/tiled" tiled-1024 login
  add_readers 1
  "$load" record -url "$url" -user reader-1@example.org -seed "$seed" -n "$tiles" -pids "$(listed)" -out "$work/answers"
  bare_url=http://127.0.0.1:$("$load" ports 1)
  "$load" bare -listen "${bare_url#http://}" -answers "$work/answers" &
  pids+=($!)
  ready "$bare_url/" /dev/null
  for round in $(seq "$rounds"); do
    "$load" warm -url "$url" -server tessera -round "$round" -answers "$work/answers" -requests "$warm_requests" -c 2 -pids "${pids[0]}" >>"$results"
    "$load" warm -url "$bare_url" -server bare -round "$round" -answers "$work/answers" -requests "$warm_requests" -c 2 -pids "${pids[1]}" >>"$results"
  done
  stop
}

# One picture under two names, of which one is open, at one server.
signed() {
  local round who
  echo "bench: warm tiles of a signed-in reader and open ones, $rounds rounds of $warm_requests requests each"
  mkdir -p "$pictures/people"
  ln -f "$pictures/tiled/tiled-1024.jp2" "$pictures/people/open.jp2"
  ln -f "$pictures/tiled/tiled-1024.jp2" "$pictures/people/signed-in.jp2"
  echo '{"items": [{"name": "Open", "images": ["open"], "access": "open"}]}' >"$work/rules.json"
  TESSERA_INITIAL_RULES=$work/rules.json start_tessera "$pictures/people" open login
  add_readers 1
  "$load" record -url "$url" -seed "$seed" -n "$tiles" -pids "$(listed)" -out "$work/open"
  "$load" record -url "${url%open}signed-in" -user reader-1@example.org -seed "$seed" -n "$tiles" -pids "$(listed)" -out "$work/signed-in"
  for round in $(seq "$rounds"); do
    for who in $(turns "$round" signed-in open); do
      "$load" warm -kind signed -url "${url%open}$who" -server "$who" -round "$round" -answers "$work/$who" \
        -requests "$warm_requests" -c 2 -pids "$(listed)" >>"$results"
    done
  done
  stop
}

# A steady pace of warm tiles, by turns of a second with and without 32 people who sign in
# over and over, eight at a time.
crowd() {
  local round
  echo "bench: warm tiles while people sign in and while nobody does, $rounds rounds of $slices s each"
  start_tessera "$pictures/tiled" tiled-1024 login
  add_readers 32
  "$load" record -url "$url" -user reader-1@example.org -seed "$seed" -n "$tiles" -pids "$(listed)" -out "$work/answers"
  for round in $(seq "$rounds"); do
    "$load" crowd -url "$url" -round "$round" -answers "$work/answers" -people 32 -slices "$slices" -pace 200 -c 6 -pids "$(listed)" >>"$results"
  done
  stop
}

memory() {
  echo "bench: memory over 600 tiles of the 300-megapixel picture"
  cat "$large" >/dev/null
  start_tessera "$pictures/large" tiled-1024-300mp open
  "$load" memory -url "$url" -server tessera -seed "$seed" -n 600 -c 2 -pids "$(listed)" >>"$results"
  stop
}

for part in $parts; do
  case $part in
    cold | trace | warm | signed | crowd | memory) $part ;;
    *) echo "bench: PARTS are cold, trace, warm, signed, crowd and memory, not $part" >&2; exit 2 ;;
  esac
done
echo
"$load" report "$results"
