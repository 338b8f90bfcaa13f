#!/usr/bin/env bash
# Makes what the cluster of compose.yaml needs and nobody commits: folders for state,
# passwords, keys and certificates. What is there already is kept.
#   deploy/setup.sh [FOLDER]     default: beside this file
# TESSERA names the program; without it, that of the image tessera:local is used.
set -euo pipefail
umask 077
here=$(cd "$(dirname "$0")" && pwd)
root=${1:-$here}
secrets=$root/secrets
state=$root/state
mkdir -p "$secrets/nats"

if [ -n "${TESSERA:-}" ]; then
  tessera() { "$TESSERA" "$@"; }
else
  tessera() { docker run --rm --network none --user "$(id -u):$(id -g)" -v "$secrets/nats:$secrets/nats" tessera:local "$@"; }
fi
# A name of one role's credentials for each service of compose.yaml.
tessera nats-config --dir "$secrets/nats" --as /etc/nats --store /data --host nats-1,nats-2,nats-3 \
  --edges 2 --workers 2 --coordinators 2 >/dev/null

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { [ -e "$secrets/$1" ] || cat >"$secrets/$1"; } # keep FILE: standard input, where there is none yet

database=$(random) reads=$(random) shares=$(random) root_password=$(random) admin=$(random)
if [ ! -e "$secrets/postgres.env" ] && [ ! -e "$secrets/coordinator.env" ]; then
  keep postgres.env <<ENV
POSTGRES_USER=tessera
POSTGRES_DB=tessera
POSTGRES_PASSWORD=$database
ENV
  keep coordinator.env <<ENV
TESSERA_DB=postgres://tessera:$database@postgres/tessera?sslmode=disable
TESSERA_ADMIN_PASSWORD=$admin
ENV
fi
if [ ! -e "$secrets/minio.env" ] && [ ! -e "$secrets/worker.env" ]; then
  keep minio.env <<ENV
MINIO_ROOT_USER=root-of-minio
MINIO_ROOT_PASSWORD=$root_password
MINIO_NOTIFY_NATS_PASSWORD_TESSERA=$(cat "$secrets/nats/credentials/storage.password")
ENV
  keep worker.env <<ENV
TESSERA_S3_ACCESS_KEY=tessera-reads
TESSERA_S3_SECRET_KEY=$reads
TESSERA_CACHE_S3_ACCESS_KEY=tessera-shares
TESSERA_CACHE_S3_SECRET_KEY=$shares
ENV
fi
# Of the site, for edges and coordinators alike. Without a public address the cluster
# answers under loopback names alone.
keep site.env <<'ENV'
# TESSERA_PUBLIC_URL=https://iiif.example.org
TESSERA_DEFAULT_ACCESS=login
ENV

mkdir -p "$state"/{minio,minio-events,postgres,nats-1,nats-2,nats-3,worker-1,worker-2}
owner=$(id -u):$(id -g)
if [ "$(id -u)" -eq 0 ]; then # nothing runs as root
  owner=65532:65532
  chown -R "$owner" "$secrets" "$state"
fi
printf '%s\n' COMPOSE_PROJECT_NAME=tessera "TESSERA_USER=$owner" >"$root/.env"
echo "Sign in as admin@localhost with the TESSERA_ADMIN_PASSWORD in $secrets/coordinator.env"
