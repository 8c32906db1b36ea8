//! Contracts of the house and of the table of kinds.
