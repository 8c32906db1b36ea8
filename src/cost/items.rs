//! What is paid for: usage, quantity and unit.

use crate::api::resource::ResourceState;
use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::civil::Date;
use k8s_openapi::jiff::tz::TimeZone;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::fmt;

/// The hours of the month by which AWS's monthly prices are made daily ones (AWS Pricing Calculator:
/// "730 hours in a month").
pub const HOURS_PER_MONTH: Decimal = Decimal::from_parts(730, 0, 0, false, 0);

const HOURS_PER_DAY: Decimal = Decimal::from_parts(24, 0, 0, false, 0);

/// What is used, by service and key, such as `ec2/t3.micro` or `ebs/storage.gp3`: the key of a price.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usage(String);

impl Usage {
    /// The usage of this service and key.
    pub fn new(service: &str, key: impl fmt::Display) -> Self {
        Self(format!("{service}/{key}"))
    }

    /// The usage by its name, as [`Usage::as_str`] writes it.
    pub fn named(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// Service and key, with a slash between them.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The service, such as `ec2`.
    pub fn service(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(service, _)| service)
    }

    /// What of the service it is, such as `t3.micro`.
    pub fn key(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, key)| key)
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What a price is for one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// One of something for an hour.
    Hour,
    /// A read capacity unit for an hour.
    RcuHour,
    /// A write capacity unit for an hour.
    WcuHour,
    /// A virtual CPU for an hour.
    VcpuHour,
    /// A virtual CPU for a month.
    VcpuMonth,
    /// One of something for a month.
    Month,
    /// A gigabyte for a month. AWS bills the GiB of its volumes as GB (EBS pricing: "per GB-month").
    GbMonth,
    /// A provisioned I/O operation per second for a month.
    IopsMonth,
    /// A provisioned MiB per second for a month.
    MbpsMonth,
    /// A thousand objects that are watched over for a month.
    ThousandObjectsMonth,
    /// A gigabyte.
    Gb,
    /// A gigabyte of memory for a second.
    GbSecond,
    /// A thousand requests.
    ThousandRequests,
    /// A million requests.
    MillionRequests,
    /// A million read request units.
    MillionReadUnits,
    /// A million write request units.
    MillionWriteUnits,
    /// A million stream read request units.
    MillionStreamReads,
}

impl Unit {
    /// Every unit, with its name in the price book and in outputs.
    const NAMES: &'static [(Self, &'static str)] = &[
        (Self::Hour, "hour"),
        (Self::RcuHour, "RCU-hour"),
        (Self::WcuHour, "WCU-hour"),
        (Self::VcpuHour, "vCPU-hour"),
        (Self::VcpuMonth, "vCPU-month"),
        (Self::Month, "month"),
        (Self::GbMonth, "GB-month"),
        (Self::IopsMonth, "IOPS-month"),
        (Self::MbpsMonth, "MBps-month"),
        (Self::ThousandObjectsMonth, "1k objects-month"),
        (Self::Gb, "GB"),
        (Self::GbSecond, "GB-second"),
        (Self::ThousandRequests, "1k requests"),
        (Self::MillionRequests, "1M requests"),
        (Self::MillionReadUnits, "1M RRU"),
        (Self::MillionWriteUnits, "1M WRU"),
        (Self::MillionStreamReads, "1M sRRU"),
    ];

    /// The unit's name.
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(unit, _)| *unit == self).map_or("", |(_, name)| name)
    }

    /// The unit of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(unit, _)| *unit)
    }

    /// What one that is held for a day costs at a price of `usd` a unit; `None` for what is paid by use.
    pub fn per_day(self, usd: Decimal) -> Option<Decimal> {
        match self {
            Self::Hour | Self::RcuHour | Self::WcuHour | Self::VcpuHour => Some(usd * HOURS_PER_DAY),
            Self::Month
            | Self::GbMonth
            | Self::IopsMonth
            | Self::MbpsMonth
            | Self::VcpuMonth
            | Self::ThousandObjectsMonth => Some(usd * HOURS_PER_DAY / HOURS_PER_MONTH),
            Self::Gb
            | Self::GbSecond
            | Self::ThousandRequests
            | Self::MillionRequests
            | Self::MillionReadUnits
            | Self::MillionWriteUnits
            | Self::MillionStreamReads => None,
        }
    }
}

/// What is held all day, whether it is used or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostItem {
    /// What it is.
    pub usage: Usage,
    /// How much of it is held, such as 40 GB or one instance.
    pub quantity: Decimal,
    /// What is priced.
    pub unit: Unit,
}

/// What a resource is paid for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Costs {
    /// What is paid for by time. Each usage is there once.
    pub items: Vec<CostItem>,
    /// What is paid for by use, which the resource itself does not tell.
    pub by_use: Vec<Usage>,
    /// What is paid for by time and follows from something that is not known, in words.
    pub unknown: Vec<String>,
}

impl Costs {
    /// Adds what is held; nothing where there is none of it.
    pub fn hold(&mut self, usage: Usage, quantity: impl Into<Decimal>, unit: Unit) {
        let quantity = quantity.into();
        if quantity <= Decimal::ZERO {
            return;
        }
        match self.items.iter_mut().find(|item| item.usage == usage) {
            Some(item) => item.quantity += quantity,
            None => self.items.push(CostItem { usage, quantity, unit }),
        }
    }

    /// Adds what is paid for by use.
    pub fn by_use(&mut self, service: &str, keys: &[&str]) {
        self.by_use.extend(keys.iter().map(|key| Usage::new(service, key)));
    }
}

/// What AWS says of a resource that is paid for and is no field of its spec, by AWS's name for it, such as
/// `Tenancy`.
pub type Billed = BTreeMap<&'static str, String>;

/// What is known of a resource beside its spec.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The day for which the cost is told: some prices begin on a day.
    pub today: Date,
    /// What AWS says beyond the spec; `None` where the resource was not looked at.
    pub billed: Option<&'a Billed>,
    /// Where it is in its life: what stands still is not paid for its running.
    pub state: ResourceState,
    /// Its outputs; `None` where it was not looked at.
    pub outputs: Option<&'a BTreeMap<String, String>>,
}

impl Found<'_> {
    /// What is known of a resource that is only declared: that it is to run.
    pub fn declared() -> Self {
        Self { today: today(), billed: None, state: ResourceState::Active, outputs: None }
    }

    /// What is known of a resource that was looked at.
    pub fn read<'a>(
        state: ResourceState,
        outputs: &'a BTreeMap<String, String>,
        billed: Option<&'a Billed>,
    ) -> Found<'a> {
        Found { today: today(), billed, state, outputs: Some(outputs) }
    }

    /// What AWS says under this name.
    pub fn billed(&self, name: &str) -> Option<&str> {
        self.billed?.get(name).map(String::as_str)
    }

    /// Whether it is paid for its running. What is on its way to a change counts: it is paid for again
    /// in a moment.
    pub fn runs(&self) -> bool {
        match self.state {
            ResourceState::Pending
            | ResourceState::Creating
            | ResourceState::Active
            | ResourceState::Updating
            | ResourceState::Unknown => true,
            ResourceState::Stopped | ResourceState::Deleting | ResourceState::Deleted | ResourceState::Failed => false,
        }
    }

    /// The output of this name, where the resource was looked at.
    pub fn output(&self, name: &str) -> Option<&str> {
        self.outputs?.get(name).map(String::as_str)
    }
}

/// The day in UTC, by which AWS bills.
fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_by_the_name_that_it_is_written_with() {
        for (unit, name) in Unit::NAMES {
            assert_eq!((Unit::named(name), unit.as_str()), (Some(*unit), *name));
        }
        assert_eq!(Unit::named("fortnight"), None);
    }

    #[test]
    fn the_same_usage_is_one_item_and_nothing_is_no_item() {
        let mut costs = Costs::default();
        for quantity in [8, 20, 0] {
            costs.hold(Usage::new("ebs", "storage.gp3"), quantity, Unit::GbMonth);
        }
        costs.hold(Usage::new("ebs", "iops.gp3"), -100, Unit::IopsMonth);
        assert_eq!(costs.items.len(), 1);
        assert_eq!(costs.items[0].quantity, Decimal::from(28));
    }

    #[test]
    fn a_usage_is_a_service_and_a_key() {
        let usage = Usage::named("rds/postgres.single-az.db.t4g.micro");
        assert_eq!((usage.service(), usage.key()), ("rds", "postgres.single-az.db.t4g.micro"));
        assert_eq!(usage, Usage::new("rds", "postgres.single-az.db.t4g.micro"));
    }
}
