# Workers, and `tessera serve`: the program, the decoder beside it, and the two C
# libraries that the decoder alone loads.
#   docker build -f deploy/worker.Dockerfile -t tessera-worker:local .
FROM node:22.12.0-bookworm-slim AS viewer
WORKDIR /src
COPY scripts/viewer.sh scripts/
COPY edge/pages/package.json edge/pages/package-lock.json edge/pages/
RUN scripts/viewer.sh

FROM golang:1.26.8-bookworm AS build
# Security updates count for more here than the same bytes each time.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends libopenjp2-7-dev libvips-dev pkg-config \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=viewer /src/edge/pages/assets/vendor/ edge/pages/assets/vendor/
ARG VERSION=unknown
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-X main.version=${VERSION}" -o /out/tessera ./cmd/tessera \
 && CGO_ENABLED=1 go build -trimpath -ldflags "-X main.version=${VERSION}" -o /out/tessera-decoder ./cmd/tessera-decoder

FROM debian:12-slim
# Security updates count for more here than the same bytes each time.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libopenjp2-7 libvips42 \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o 65532 -g 65532 /var/lib/tessera
COPY --from=build /out/ /usr/local/bin/
USER 65532:65532
WORKDIR /var/lib/tessera
HEALTHCHECK --interval=5s --timeout=6s --start-period=30s CMD ["/usr/local/bin/tessera", "ready"]
ENTRYPOINT ["/usr/local/bin/tessera"]
