# SPDX-License-Identifier: Apache-2.0
#
# What a person types. Go and Node are needed; `make test` installs the rest from Debian
# and npm, or says what it skips (tools/setup/install); `make bench` has its own way.

GO     ?= go
BINARY := bin/sesame
# Everything that Go compiles or embeds; the Go tool finds out what changed.
export CGO_ENABLED := 0

# How many times `make soak` kills the server.
KILLS ?= 200
# Flags of the benchmark, such as -quick: see `go run ./bench -h`.
BENCHFLAGS ?=
# How long `make fuzz` works on each target.
FUZZTIME ?= 10s
# How long `make soak` does.
SOAKTIME ?= 1m

.PHONY: build run test soak bench lint generate fuzz race setup clean

build:
	$(GO) build -trimpath -o $(BINARY) ./cmd/sesame

## run: everything on loopback, mail is caught and shown at http://127.0.0.1:8025
run: build
	$(BINARY) dev

setup:
	@tools/setup/install

## test: all there is, with real servers and clients; ends with their list
test: setup lint build
	SESAME_BIN=$(abspath $(BINARY)) $(GO) run ./tools/setup/runtests -count=1 -timeout=12m ./...

## soak: the same promises, for longer; the race detector; every fuzz target for SOAKTIME
soak: setup build
	SESAME_BIN=$(abspath $(BINARY)) SESAME_KILLS=$(KILLS) $(GO) test -count=1 -timeout=80m -v ./test/crash/...
	$(MAKE) race
	$(MAKE) fuzz FUZZTIME=$(SOAKTIME)

## bench: the parts by themselves, then side by side with others; writes docs/benchmarks.md
bench:
	$(GO) test -run=^$$ -bench=. -benchmem -benchtime=0.5s ./internal/...
	$(GO) run ./bench $(BENCHFLAGS)

lint:
	@unformatted=$$(find . \( -name node_modules -o -name build -o -name .git \) -prune -o -name '*.go' -print | xargs gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "gofmt these files:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

generate:
	$(GO) generate ./...

fuzz:
	FUZZTIME=$(FUZZTIME) tools/setup/fuzz

## race: the unit tests under the race detector, which needs a C compiler
race:
	CGO_ENABLED=1 $(GO) test -race -count=1 -timeout=30m ./internal/...

clean:
	rm -rf bin build test/clients/node_modules
