//! A Kubernetes controller that runs AWS the way Kubernetes runs pods.
//!
//! The walk of one value, `instanceType: t3.small`: a manifest → the schema and CEL rules of
//! [`api`] → [`controllers::resource`] → [`lifecycle::resolve`] (account → session) → the kind's
//! `observe` and `diff` in [`kinds`] → [`lifecycle::decide`] (pure: one action) →
//! [`lifecycle::apply`] → the kind's `update` (stop, modify, start, one step a pass) →
//! [`lifecycle::status`] → requeue.
//!
//! Arrows run one way: `main → cli → controllers → lifecycle → kinds → aws`, with [`api`] below all.

// The lint takes the members of several `printcolumn(...)` of one derive for the same attribute twice.
#![allow(clippy::duplicated_attributes)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod agents;
pub mod api;
pub mod aws;
pub mod cli;
pub mod config;
pub mod controllers;
pub mod cost;
pub mod fence;
pub mod guardrails;
pub mod health;
pub mod kinds;
pub mod lifecycle;
pub mod metrics;
pub mod server;
pub mod telemetry;
pub mod traces;
