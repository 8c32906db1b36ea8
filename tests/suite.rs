//! The integration tests, in one binary: each further one would link the AWS SDK again.
//!
//! `it` holds contracts of the registry and the house, `e2e` the stories, which run the real program
//! against a real API server and an AWS emulator over HTTP (`make test` starts both).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod e2e;
mod it;
