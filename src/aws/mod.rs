//! The only door to AWS: sessions, errors, what their codes mean, and tags.

pub mod budget;
pub mod calls;
mod codes;
pub mod error;
pub mod passing;
pub mod pricing;
pub mod session;
pub mod tags;
mod whole_answers;
mod write_gate;
