# Everything a person or a machine does with this repository. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO      ?= go
BIN     := $(CURDIR)/bin
TOOLS   := $(CURDIR)/.cache/tools
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -X main.version=$(VERSION)

##@ Use
.PHONY: run
run: setup-build build ## set the machine up if needed, build, serve IMAGES=folder or sample images
	@IMAGES="$${IMAGES:-}" scripts/run.sh

.PHONY: build
build: viewer ## bin/tessera (no cgo) and bin/tessera-decoder (OpenJPEG, libvips)
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/tessera ./cmd/tessera
	CGO_ENABLED=1 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/tessera-decoder ./cmd/tessera-decoder

.PHONY: cluster
cluster: setup-build build ## a whole cluster on this machine, until ^C: 3 NATS servers, S3, PostgreSQL, 2 coordinators, workers, edges (IMAGES=folder, STORAGE=folder)
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN)/nats-server github.com/nats-io/nats-server/v2
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN)/tessera-cluster ./loadtest/cluster
	scripts/servers.sh $(TOOLS)
	@IMAGES="$${IMAGES:-}" scripts/cluster.sh

.PHONY: viewer
viewer: edge/pages/assets/vendor/openseadragon.min.js
edge/pages/assets/vendor/openseadragon.min.js: edge/pages/package-lock.json
	scripts/viewer.sh

.PHONY: sample
sample: setup-build ## make the sample images in ./sample, once
	scripts/sample.sh

##@ Test
.PHONY: test
test: setup-test build lint race fuzz corpus browser ## set the machine up if needed, run everything
	@echo "all tests passed"

.PHONY: check
check: lint ## fast, before each commit: lint, then unit tests with the race detector, on SQLite and without servers of others
	$(GO) test -race -short -timeout 5m $$($(GO) list ./... | grep -v -e "/worker/decode$$" -e /tests/ -e /store/s3 -e /bus/natsconf)

.PHONY: lint
lint: tools ## format, build without cgo, vet, golangci-lint (staticcheck among it), vulnerabilities
	scripts/lint.sh

.PHONY: race
race: ## all Go tests, with the race detector but for those that drive the built program
	$(GO) test -race -timeout 20m $$($(GO) list ./... | grep -v /tests/)
	$(GO) test -timeout 20m ./tests/...

.PHONY: fuzz
fuzz: ## every fuzz target for a few seconds (FUZZTIME=2s)
	scripts/fuzz.sh $${FUZZTIME:-2s}

.PHONY: corpus
corpus: ## public JPEG 2000 files against the stock decoder: DIR=folder, or openjpeg-data where it is here or, in CI, can be fetched
	scripts/corpus.sh $(DIR)

.PHONY: browser
browser: build ## headless Chromium drives viewers of others and the built-in pages against a real server
	scripts/browser.sh

.PHONY: firefox
firefox: build ## the rows of docs/browsers.md that are Firefox's; installs it if needed
	scripts/setup.sh test firefox
	scripts/firefox.sh

.PHONY: soak
soak: setup-test build ## long: 200,000 tasks in one decoder, its C code with a sanitizer, MinIO itself, Dex, Firefox, every fuzz target for FUZZTIME=10m, a thousand sign-ins
	$(GO) test -tags soak -run MemoryPlateau -timeout 3h -v ./worker/decoder
	ASAN_OPTIONS=detect_leaks=0 $(GO) test -asan -timeout 1h -run 'Taken|LeftAlone|AnotherWavelet' ./worker/decode
	scripts/servers.sh $(TOOLS) minio dex
	S3_SERVER=minio $(GO) test -count 1 -timeout 10m ./internal/store/s3/...
	scripts/fuzz.sh $${FUZZTIME:-10m}
	DEX=$(TOOLS)/dex $(GO) test -count 1 -run RealProviders ./tests/e2e
	$(MAKE) firefox
	TESSERA_TEST_SOAK=1 $(GO) test -timeout 20m ./tests/cluster/

.PHONY: test-external
test-external: setup-test build ## run original suites somebody has: DIR=folder of the image-validator or of JPEG 2000 files
	scripts/external.sh "$(DIR)"

.PHONY: bench
bench: setup-bench build ## Go benchmarks, then tiles side by side with iipimage-server
	$(GO) test -run '^$$' -bench . -benchmem ./pkg/... ./internal/... ./edge/... ./worker/... ./coordinator/...
	loadtest/bench.sh

.PHONY: profile
profile: setup-bench build ## where a decoder's time goes, of the pictures that bench makes (PICTURES=…)
	loadtest/profile.sh

##@ Work
.PHONY: setup-build
setup-build: ## install what building needs (apt: libvips, OpenJPEG; npm)
	scripts/setup.sh build

.PHONY: setup-test
setup-test: ## install what tests need besides (Chromium, Node >= 20, an S3 server, PostgreSQL)
	scripts/setup.sh build test
	scripts/servers.sh $(TOOLS)

.PHONY: setup-bench
setup-bench: ## install what benchmarks need besides (iipimage-server, nginx)
	scripts/setup.sh build bench

.PHONY: tools
tools: ## the linters at their pinned versions, under .cache/tools
	scripts/tools.sh $(TOOLS)

.PHONY: docs
docs: ## regenerate the reference of settings
	CGO_ENABLED=0 $(GO) run ./cmd/tessera config reference > docs/settings.md

.PHONY: clean
clean: ## remove what was built
	rm -rf $(BIN) edge/pages/assets/vendor edge/pages/node_modules tests/browser/node_modules

.PHONY: help
help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
