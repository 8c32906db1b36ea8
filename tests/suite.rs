//! The integration tests, in one binary: each further one would link the AWS SDK again.
//!
//! `it` holds contracts of the registry and the house, `e2e` the stories, which run the real program
//! against a real API server and an AWS emulator over HTTP (`make test` starts both), `faults` the runs
//! in which every call of the product fails in every way.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod e2e;
mod faults;
mod it;
