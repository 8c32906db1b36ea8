//! Stories that run end to end. Each has a namespace, an AWS account and a controller process of its own.

pub mod controller;
pub mod emulator;
mod observer;
pub mod story;

mod absence;
mod accounts;
mod admission;
mod adoption;
mod aws_failures;
mod bad_input;
mod bucket_is_created;
mod bucket_is_updated;
mod budgets;
mod changes;
mod columns;
mod commands;
mod contracts;
mod control_plane;
mod costs;
mod crashes;
mod database_passwords;
mod databases;
mod definitions;
mod deletion;
mod drift;
mod examples;
mod functions;
mod guardrails;
mod health;
mod instances;
mod leader;
mod networks;
mod old_copies;
mod orphans;
mod ownership;
mod plan;
mod plan_kinds;
mod policies;
mod references;
mod refusals;
mod replicas;
mod rights;
mod roles;
mod security_groups;
mod service_agents;
mod shop;
mod statuses;
mod stored_before;
mod switches;
mod tables;
mod telemetry;
#[cfg(feature = "otlp")]
mod traces;
mod tree;
mod two_names;

/// A variable that `make test` sets.
pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: the stories need a cluster and an AWS emulator; run them with `make test`")
    })
}
