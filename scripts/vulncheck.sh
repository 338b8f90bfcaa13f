#!/usr/bin/env bash
# govulncheck, tolerant of a machine that cannot reach the vulnerability database:
# a finding fails, an unreachable database is said and passes.
set -euo pipefail
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if "$1" ./... >"$log" 2>&1; then
  exit 0
fi
if grep -qE 'fetching vulnerabilities|no such host|connection refused|dial tcp|Forbidden|403|404|proxyconnect|i/o timeout' "$log" && ! grep -q '^Vulnerability #' "$log"; then
  echo "  the vulnerability database cannot be reached from here; not checked"
  exit 0
fi
cat "$log"
exit 1
