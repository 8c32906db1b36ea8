//! The only door to AWS: sessions, error classes and tags.

pub mod error;
pub mod session;
pub mod tags;
