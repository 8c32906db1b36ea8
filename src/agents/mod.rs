//! Who decides: the historical agents that own kinds, the service agents that govern resources, and
//! what each may do without asking. Everything here is pure.

pub mod aggregate;
pub mod autonomy;
pub mod counts;
pub mod decisions;
pub mod historical;
pub mod membership;
pub mod owners;
pub mod roll;
pub mod share;
