//! What a resource costs per day at list prices. It only judges: it asks neither AWS nor the cluster.
//!
//! A kind says what is paid for ([`Kind::cost_items`](crate::kinds::Kind::cost_items)), a [`PriceBook`]
//! has the prices, and [`estimate`] makes money of the two. All of it is decimal; no amount is ever a
//! binary fraction. What depends on use is named and not included, and what has no price is named and
//! makes the total unknown, never zero.

mod estimates;
mod items;
pub mod price_list;
mod prices;
mod sum;

pub use estimates::{Estimate, NotIncluded, PricedItem, estimate, price, usd};
pub use items::{Billed, CostItem, Costs, Found, HOURS_PER_MONTH, Unit, Usage};
pub use prices::{FALLBACK_REGION, Price, PriceBook, Quote};
pub use sum::Sum;
