# syntax=docker/dockerfile:1

FROM golang:1.26-bookworm AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /src

COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod \
    go mod download

COPY . .
ARG VERSION=dev
# Each command that the tree has becomes one static binary; backtest must be there.
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    mkdir -p /out/bin /out/data && \
    for main in cmd/*/main.go; do \
        command="$(basename "$(dirname "$main")")" && \
        CGO_ENABLED=0 go build -trimpath -buildvcs=false \
            -ldflags "-s -w -X github.com/dunamis-engine/dunamis/cli.version=$VERSION" \
            -o "/out/bin/$command" "./cmd/$command" || exit 1; \
    done && \
    test -x /out/bin/backtest

FROM gcr.io/distroless/static-debian12:nonroot
ARG VERSION=dev
ARG REVISION=
LABEL org.opencontainers.image.title="Dunamis" \
      org.opencontainers.image.description="Backtesting and paper trading for crypto derivatives" \
      org.opencontainers.image.source="https://github.com/dunamis-engine/dunamis" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"

COPY --from=build /out/bin/ /usr/local/bin/
COPY --from=build /src/LICENSE /src/NOTICE /usr/share/doc/dunamis/
# The working directory belongs to the user that runs: catalogs and results go there.
COPY --from=build --chown=65532:65532 /out/data /data

# nonroot, by number so that Kubernetes can check runAsNonRoot.
USER 65532:65532
WORKDIR /data
ENTRYPOINT ["/usr/local/bin/backtest"]
CMD ["--help"]
