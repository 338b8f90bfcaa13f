#!/bin/sh
# Run in MinIO's own client: buckets, a user for each thing workers do, notifications.
# Doing it again changes nothing. The image has a shell and little else: no grep.
set -eu
mc alias set here http://minio:9000 "$MINIO_ROOT_USER" "$MINIO_ROOT_PASSWORD" >/dev/null
mc mb --ignore-existing here/masters here/manifests here/tiles

user() { # user NAME SECRET POLICY
  mc admin user add here "$1" "$2"
  mc admin policy create here "$1" "/setup/$3"
  case $(mc admin user info here "$1") in
    *"PolicyName: $1"*) ;; # to attach it twice is an error
    *) mc admin policy attach here "$1" --user "$1" ;;
  esac
}
user "$TESSERA_S3_ACCESS_KEY" "$TESSERA_S3_SECRET_KEY" reads.json
user "$TESSERA_CACHE_S3_ACCESS_KEY" "$TESSERA_CACHE_S3_SECRET_KEY" shares.json

# Results can be made anew; nothing else deletes them.
case $(mc ilm rule ls here/tiles 2>/dev/null || true) in
  *Enabled*) ;;
  *) mc ilm rule add --expire-days 30 here/tiles ;;
esac
for bucket in masters manifests; do
  mc event add --ignore-existing "here/$bucket" arn:minio:sqs::TESSERA:nats --event put,delete
done
