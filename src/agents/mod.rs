//! Who decides: the historical agents that own kinds.

pub mod historical;
