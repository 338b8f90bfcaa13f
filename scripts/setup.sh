#!/usr/bin/env bash
# Installs what building (and testing) needs on Debian, once; a plain user is
# shown the line to run instead.
set -euo pipefail

packages=()
want() { # want COMMAND-OR-PKGCONFIG PACKAGE...
  case $1 in
    pc:*) command -v pkg-config >/dev/null && pkg-config --exists "${1#pc:}" || packages+=("${@:2}") ;;
    *) command -v "$1" >/dev/null || packages+=("${@:2}") ;;
  esac
}

for set in "$@"; do
  case $set in
    build)
      want git git
      want cc gcc libc6-dev
      want pkg-config pkg-config
      want pc:vips libvips-dev
      want pc:libopenjp2 libopenjp2-7-dev
      want opj_compress libopenjp2-tools
      want npm npm
      ;;
    test)
      want chromium chromium fonts-dejavu-core
      want vips libvips-tools
      want curl curl ca-certificates
      want python3 python3
      compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || packages+=(postgresql)
      ;;
    firefox)
      want firefox-esr firefox-esr
      ;;
    bench)
      [ -x /usr/lib/iipimage-server/iipsrv.fcgi ] || packages+=(iipimage-server)
      want nginx nginx-light
      want curl curl
      ;;
    profile)
      want perf linux-perf
      ;;
    *) echo "setup: no set of packages is called $set" >&2; exit 2 ;;
  esac
done

[ ${#packages[@]} -eq 0 ] && exit 0
if ! command -v apt-get >/dev/null; then
  echo "setup: this machine has no apt-get; install the equivalents of: ${packages[*]}" >&2
  exit 2
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "setup: some packages are missing. Run this line, then the same command again:" >&2
  echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages[*]}" >&2
  exit 2
fi
echo "setup: installing ${packages[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for try in 1 2 3; do
  if apt-get update -qq >"$log" 2>&1 && apt-get install -y -qq --no-install-recommends "${packages[@]}" >"$log" 2>&1; then
    exit 0
  fi
  echo "setup: try $try failed" >&2
done
cat "$log" >&2
exit 1
