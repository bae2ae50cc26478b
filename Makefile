# Everything here needs Go alone; `race` needs a C compiler too, `docker` needs
# Docker. `make` or `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL: # Go uses all cores by itself

GO      ?= go
VERSION ?= $(or $(shell git describe --tags --always --dirty 2>/dev/null),dev)
IMAGE   ?= dunamis

BENCH      ?= .
BENCHCOUNT ?= 1
PROFILE    ?= cmd/backtest/default.pgo
FUZZTIME   ?= 10s
TESTFLAGS  ?=

# make mutate
PKG       ?= ./exchange/...
WITH      ?=
CHANGED   ?=
SEED      ?= 1
LIMIT     ?= 40
JOBS      ?= 1
TIMEOUT   ?= 0
THRESHOLD ?= 95

MODULE   := github.com/dunamis-engine/dunamis
LDFLAGS  := -s -w -X $(MODULE)/cli.version=$(VERSION)
TOOL      = $(GO) tool -modfile=$(CURDIR)/tools/go.mod
COMMANDS := backtest paper
EXAMPLE  := $(if $(wildcard examples/own-strategy/go.mod),examples/own-strategy)

##@ Build

.PHONY: build
build: ## Build bin/backtest and bin/paper
	@for c in $(COMMANDS); do \
		echo "build bin/$$c $(VERSION)"; \
		$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/$$c ./cmd/$$c; \
	done

.PHONY: docker
docker: ## Build the container image, IMAGE=dunamis
	docker build --build-arg VERSION='$(VERSION)' --build-arg REVISION="$$(git rev-parse HEAD 2>/dev/null || true)" -t '$(IMAGE):$(VERSION)' .

.PHONY: clean
clean: ## Remove what the targets here build
	rm -rf bin dist

##@ Try

.PHONY: demo
demo: ## Run a backtest on generated data
	$(GO) run ./cmd/backtest demo

##@ Check

.PHONY: fmt
fmt: ## Format all Go files
	@gofmt -s -w .

.PHONY: fmt-check
fmt-check: ## Fail if a Go file is not formatted
	@files="$$(gofmt -s -l .)"; \
	if [[ -n "$$files" ]]; then echo "not formatted (make fmt):" >&2; echo "$$files" >&2; exit 1; fi

.PHONY: vet
vet: ## go vet, the nested modules too
	$(GO) vet ./...
	cd tools && $(GO) vet ./mutate
	@$(if $(EXAMPLE),cd $(EXAMPLE) && $(GO) vet ./...,:)

.PHONY: lint
lint: fmt-check vet ## Format, vet, golangci-lint with the layer rules
	$(TOOL) golangci-lint run ./...
	cd tools && $(GO) tool golangci-lint run --config ../.golangci.yml ./mutate

.PHONY: vuln
vuln: ## Look for known vulnerabilities; skipped where the database cannot be reached
	@out="$$(mktemp)"; trap 'rm -f "$$out"' EXIT; \
	if $(TOOL) govulncheck ./... >"$$out" 2>&1; then \
		cat "$$out"; \
	elif ! grep -q '^Vulnerability #' "$$out" && grep -q 'fetching vulnerabilities' "$$out"; then \
		echo "vuln: skipped, the vulnerability database cannot be reached"; \
	else \
		cat "$$out" >&2; exit 1; \
	fi

.PHONY: test
test: ## Run all tests, those of nested modules too; TESTFLAGS=-v
	cd tools && $(GO) test $(TESTFLAGS) ./mutate
	$(if $(EXAMPLE),cd $(EXAMPLE) && $(GO) test $(TESTFLAGS) ./...)
	$(GO) test $(TESTFLAGS) ./...

.PHONY: race
race: ## Run all tests under the race detector
	CGO_ENABLED=1 $(GO) test -race -timeout 20m $(TESTFLAGS) ./...

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME=10s
	@{ grep -rnoE --include='*_test.go' --exclude-dir=examples '^func Fuzz[A-Za-z0-9_]+' . || true; } | sort | while IFS=: read -r file _ decl; do \
		echo "fuzz $$(dirname "$$file") $${decl#func } $(FUZZTIME)"; \
		$(GO) test -run '^$$' -fuzz "^$${decl#func }$$" -fuzztime '$(FUZZTIME)' "$$(dirname "$$file")" </dev/null; \
	done

.PHONY: soak
soak: ## A live session at a hostile venue, its kill switch pulled at MOMENTS=50 random moments, SPEED=20
	DUNAMIS_SOAK='$(or $(MOMENTS),50)' DUNAMIS_SOAK_SPEED='$(or $(SPEED),20)' $(GO) test -run '^TestSoak$$' -v -timeout 1h ./cli

.PHONY: mutate
mutate: ## Mutation testing: PKG=./exchange LIMIT=40 SEED=1; CONTRIBUTING.md has the rest
	@mkdir -p bin
	@$(GO) build -C tools -o ../bin/mutate ./mutate
	@bin/mutate -seed '$(SEED)' -limit '$(LIMIT)' -jobs '$(JOBS)' -timeout '$(TIMEOUT)' -threshold '$(THRESHOLD)' \
		$(if $(CHANGED),-changed '$(if $(filter 1,$(CHANGED)),main,$(CHANGED))') $(if $(WITH),-with '$(WITH)') \
		-accepted tools/mutate/accepted.txt -json bin/mutate.json $(PKG)

.PHONY: bench
bench: ## Run the benchmarks as the commands are compiled, BENCH=regexp BENCHCOUNT=1 PROFILE=off; results also in bin/bench.txt
	@mkdir -p bin
	$(GO) test -pgo='$(PROFILE)' -run '^$$' -bench '$(BENCH)' -benchmem -count '$(BENCHCOUNT)' -timeout 2h ./... | tee bin/bench.txt

.PHONY: profile
profile: ## Measure again what the compiler optimises bin/ for: cmd/*/default.pgo
	@tmp="$$(mktemp -d)"; trap 'rm -rf "$$tmp"' EXIT; \
	$(GO) test -trimpath ./cli -run '^$$' -bench 'Replay|Year' -cpu 1 -benchtime 5s -o "$$tmp/cli.test" -cpuprofile "$$tmp/cli.prof"; \
	$(GO) test -trimpath ./exchange/sim -run '^$$' -bench 'Orders/mix' -cpu 1 -benchtime 8s -o "$$tmp/sim.test" -cpuprofile "$$tmp/orders.prof"; \
	$(GO) test -trimpath ./exchange/sim -run '^$$' -bench 'Market' -cpu 1 -benchtime 2s -o "$$tmp/sim.test" -cpuprofile "$$tmp/sim.prof"; \
	$(GO) tool pprof -proto "$$tmp"/*.prof >"$$tmp/default.pgo"; \
	for c in $(COMMANDS); do cp "$$tmp/default.pgo" cmd/$$c/; done

.PHONY: bench-compare
bench-compare: ## Compare two outputs of bench: OLD=file NEW=bin/bench.txt
	@$(TOOL) benchstat '$(OLD)' '$(or $(NEW),bin/bench.txt)'

.PHONY: bench-smoke
bench-smoke: ## Run each benchmark once, to see that it still works
	$(GO) test -run '^$$' -bench . -benchtime 1x ./...

.PHONY: determinism
determinism: ## Run the demo with GOMAXPROCS=1 and =2 and compare the digests
	@tmp="$$(mktemp -d)"; trap 'rm -rf "$$tmp"' EXIT; \
	$(GO) build -trimpath -o "$$tmp/backtest" ./cmd/backtest; \
	for n in 1 2; do \
		mkdir "$$tmp/$$n"; \
		( cd "$$tmp/$$n" && HOME="$$tmp/$$n" XDG_CACHE_HOME="$$tmp/$$n/.cache" GOMAXPROCS=$$n "$$tmp/backtest" demo ) >"$$tmp/$$n.log" 2>&1 </dev/null \
			|| { cat "$$tmp/$$n.log" >&2; exit 1; }; \
		find "$$tmp/$$n" -name result.json -exec grep -h '"digest"' {} + | tr -d ' ,' | sort >"$$tmp/$$n.digest" || true; \
		[[ -s "$$tmp/$$n.digest" ]] || { echo "determinism: the demo left no result.json with a digest" >&2; exit 1; }; \
	done; \
	if ! diff "$$tmp/1.digest" "$$tmp/2.digest" >&2; then \
		echo "determinism: the result depends on GOMAXPROCS" >&2; exit 1; \
	fi; \
	echo "determinism: the same with GOMAXPROCS=1 and =2"; cat "$$tmp/1.digest"

.PHONY: example
example: ## Build and run the example of a strategy in a module of its own
	@$(if $(EXAMPLE),cd $(EXAMPLE) && bin="$$(mktemp -d)" && trap 'rm -rf "$$bin"' EXIT && \
		$(GO) build -o "$$bin/example" . && cd "$$bin" && ./example strategies,echo "no examples/own-strategy")

.PHONY: check
check: lint vuln bench-smoke determinism example ## What a change must pass besides the tests

.PHONY: ci
ci: TESTFLAGS = -count=1
ci: export DUNAMIS_RACED = 1
ci: check race test ## Everything a change must pass

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
