# Built by `make image`. The program needs nothing but the C library and a bundle of certificate authorities:
# tests/chart/test_image.py runs it with no more than that.
FROM docker.io/library/rust:1.95-bookworm AS build
# The cryptography library is C and assembler.
RUN apt-get update && apt-get install --yes --no-install-recommends cmake clang && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY Cargo.toml Cargo.lock ./
COPY src src
# The tests are not in the image; their file must be there for the manifest to be read.
RUN mkdir tests && touch tests/suite.rs
# Traces by the OpenTelemetry protocol; the program is smaller without.
ARG FEATURES=otlp
RUN cargo build --locked --profile dist --features "$FEATURES" --bin ccagi-aws-agent && cp target/dist/ccagi-aws-agent /ccagi-aws-agent

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /ccagi-aws-agent /ccagi-aws-agent
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["/ccagi-aws-agent"]
