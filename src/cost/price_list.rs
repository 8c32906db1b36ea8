//! The AWS Price List: what to ask it for a usage, and what its answer means (AWS Billing User Guide,
//! "Reading the service price list file for an AWS service"; the attributes are those that
//! `pricing:GetAttributeValues` names).

use super::items::{Unit, Usage};
use super::prices::Price;
use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::HashMap;
use std::str::FromStr;

/// A question for `pricing:GetProducts`: the products of a service for which the attributes are these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The service code.
    pub service_code: &'static str,
    /// Attributes and their values.
    pub attributes: Vec<(&'static str, String)>,
}

/// What to ask for the price of the usage in the region; `None` for what is left to the price book.
pub fn query(usage: &Usage, region: &str) -> Option<Query> {
    let key: Vec<&str> = usage.key().split('.').collect();
    let (service_code, attributes) = match (usage.service(), key.as_slice()) {
        // What is paid for beside the hours has keys that look like types.
        ("ec2", ["cpu-credits" | "ebs-optimized" | "detailed-monitoring", ..]) => return None,
        ("ec2", [_, _, how @ ..]) => {
            let (tenancy, system) = match how {
                [] => ("Shared", "Linux"),
                ["dedicated"] => ("Dedicated", "Linux"),
                ["windows"] => ("Shared", "Windows"),
                ["windows", "dedicated"] => ("Dedicated", "Windows"),
                _ => return None,
            };
            let suffix: usize = how.iter().map(|part| part.len() + 1).sum();
            let type_ = usage.key().get(..usage.key().len() - suffix)?;
            ("AmazonEC2", instance(type_, tenancy, system))
        }
        ("ebs", ["storage", type_]) => ("AmazonEC2", vec![("productFamily", "Storage"), ("volumeApiName", type_)]),
        ("ebs", ["iops", type_]) => ("AmazonEC2", vec![("group", "EBS IOPS"), ("volumeApiName", type_)]),
        ("ebs", ["throughput", type_]) => {
            ("AmazonEC2", vec![("productFamily", "Provisioned Throughput"), ("volumeApiName", type_)])
        }
        ("rds", ["storage", type_, zones]) => ("AmazonRDS", database_storage(type_, zones)?),
        ("rds", [engine, zones, "db", ..]) => {
            let class = usage.key().splitn(3, '.').nth(2)?;
            ("AmazonRDS", database(engine, zones, class)?)
        }
        ("dynamodb", ["provisioned", "rcu"]) => ("AmazonDynamoDB", vec![("group", "DDB-ReadUnits")]),
        ("dynamodb", ["provisioned", "wcu"]) => ("AmazonDynamoDB", vec![("group", "DDB-WriteUnits")]),
        ("vpc", ["nat", "hour"]) => (
            "AmazonEC2",
            vec![("productFamily", "NAT Gateway"), ("groupDescription", "Hourly charge for NAT Gateways")],
        ),
        ("vpc", ["public-ipv4", "in-use"]) => (
            "AmazonVPC",
            vec![
                ("group", "VPCPublicIPv4Address"),
                ("groupDescription", "Hourly charge for In-use Public IPv4 Addresses"),
            ],
        ),
        _ => return None,
    };
    let attributes = attributes.into_iter().map(|(name, value)| (name, value.to_owned()));
    Some(Query { service_code, attributes: attributes.chain([("regionCode", region.to_owned())]).collect() })
}

/// An instance that is paid by use, with the licence of its system and of nothing else.
fn instance<'a>(type_: &'a str, tenancy: &'a str, system: &'a str) -> Vec<(&'static str, &'a str)> {
    let mut attributes = vec![
        ("instanceType", type_),
        ("operatingSystem", system),
        ("tenancy", tenancy),
        ("preInstalledSw", "NA"),
        ("capacitystatus", "Used"),
    ];
    if system == "Windows" {
        // There is another price for a licence that one has already.
        attributes.push(("licenseModel", "No License required"));
    }
    attributes
}

fn deployment(zones: &str) -> Option<&'static str> {
    match zones {
        "single-az" => Some("Single-AZ"),
        "multi-az" => Some("Multi-AZ"),
        _ => None,
    }
}

fn database<'a>(engine: &str, zones: &str, class: &'a str) -> Option<Vec<(&'static str, &'a str)>> {
    let engine = match engine {
        "mysql" => "MySQL",
        "mariadb" => "MariaDB",
        "postgres" => "PostgreSQL",
        _ => return None,
    };
    Some(vec![("instanceType", class), ("databaseEngine", engine), ("deploymentOption", deployment(zones)?)])
}

fn database_storage(type_: &str, zones: &str) -> Option<Vec<(&'static str, &'static str)>> {
    let volume = match type_ {
        "gp2" => "General Purpose",
        "gp3" => "General Purpose-GP3",
        "io1" => "Provisioned IOPS",
        "io2" => "Provisioned IOPS-IO2",
        "standard" => "Magnetic",
        _ => return None,
    };
    Some(vec![("productFamily", "Database Storage"), ("volumeType", volume), ("deploymentOption", deployment(zones)?)])
}

/// A product as the answer describes it; each is a JSON text of its own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Product {
    product: Description,
    terms: Terms,
    publication_date: String,
}

#[derive(Deserialize)]
struct Description {
    sku: String,
}

#[derive(Deserialize)]
struct Terms {
    #[serde(rename = "OnDemand", default)]
    on_demand: HashMap<String, Term>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Term {
    price_dimensions: HashMap<String, Dimension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    unit: String,
    begin_range: String,
    price_per_unit: HashMap<String, String>,
}

/// The price of one `unit` in an answer; `None` where it has none, or several that differ.
///
/// # Errors
/// Where a product cannot be read.
pub fn price(products: &[String], unit: Unit) -> Result<Option<Price>, serde_json::Error> {
    let mut found: Option<Price> = None;
    for text in products {
        let product: Product = serde_json::from_str(text)?;
        let Some(usd) = product.terms.on_demand.values().find_map(|term| first_tier(term, unit)) else { continue };
        if found.as_ref().is_some_and(|known| known.usd != usd) {
            return Ok(None);
        }
        let source = format!("AWS Price List API, SKU {}", product.product.sku);
        let date = product.publication_date.chars().take("2026-11-24".len()).collect();
        found.get_or_insert(Price { usd, unit, source, date });
    }
    Ok(found)
}

/// The price of the first tier that is not free of charge.
fn first_tier(term: &Term, unit: Unit) -> Option<Decimal> {
    let priced = |dimension: &Dimension| {
        let usd = Decimal::from_str(dimension.price_per_unit.get("USD")?).ok()?;
        let usd = in_unit(&dimension.unit, usd, unit).filter(|usd| *usd > Decimal::ZERO)?;
        Some((Decimal::from_str(&dimension.begin_range).ok()?, usd.normalize()))
    };
    term.price_dimensions.values().filter_map(priced).min().map(|(_, usd)| usd)
}

/// A price for one of `theirs`, as AWS names it, for one of `unit`.
fn in_unit(theirs: &str, usd: Decimal, unit: Unit) -> Option<Decimal> {
    Some(match (theirs, unit) {
        ("Hrs", Unit::Hour)
        | ("ReadCapacityUnit-Hrs", Unit::RcuHour)
        | ("WriteCapacityUnit-Hrs", Unit::WcuHour)
        | ("GB-Mo", Unit::GbMonth)
        | ("IOPS-Mo", Unit::IopsMonth)
        | ("MiBps-Mo", Unit::MbpsMonth) => usd,
        ("GiBps-mo" | "GiBps-Mo", Unit::MbpsMonth) => usd / Decimal::from(1024),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn product(sku: &str, dimensions: &[(&str, &str, &str)]) -> String {
        let dimension = |(unit, begin, usd): &(&str, &str, &str)| json!({"unit": unit, "beginRange": begin, "endRange": "Inf", "pricePerUnit": {"USD": usd}});
        let dimensions: HashMap<String, _> =
            dimensions.iter().enumerate().map(|(at, one)| (format!("{sku}.JRTCKXETXF.{at}"), dimension(one))).collect();
        json!({
            "product": {"sku": sku, "productFamily": "Compute Instance", "attributes": {"instanceType": "t3.micro"}},
            "serviceCode": "AmazonEC2",
            "terms": {"OnDemand": {format!("{sku}.JRTCKXETXF"): {"priceDimensions": dimensions, "sku": sku}}},
            "version": "20261120",
            "publicationDate": "2026-11-20T19:23:31Z",
        })
        .to_string()
    }

    #[test]
    fn an_instance_is_asked_for_by_all_that_makes_its_price() {
        let query = query(&Usage::named("ec2/t3.micro"), "eu-west-1").unwrap();
        assert_eq!(query.service_code, "AmazonEC2");
        for attribute in [("instanceType", "t3.micro"), ("regionCode", "eu-west-1"), ("tenancy", "Shared")] {
            assert!(query.attributes.contains(&(attribute.0, attribute.1.to_owned())), "{query:?}");
        }
    }

    #[test]
    fn what_is_dearer_than_linux_on_shared_hardware_is_asked_for_as_what_it_is() {
        let attributes = |usage: &str| query(&Usage::named(usage), "us-east-1").unwrap().attributes;
        let has = |usage: &str, name, value: &str| attributes(usage).contains(&(name, value.to_owned()));
        assert!(has("ec2/m5.large.dedicated", "tenancy", "Dedicated"));
        assert!(has("ec2/m5.large.windows", "operatingSystem", "Windows"));
        assert!(has("ec2/m5.large.windows.dedicated", "instanceType", "m5.large"));
    }

    #[test]
    fn every_usage_has_its_question_or_is_left_to_the_book() {
        let rows = [
            ("ebs/storage.gp3", Some("AmazonEC2")),
            ("ebs/iops.io1", Some("AmazonEC2")),
            ("ebs/throughput.gp3", Some("AmazonEC2")),
            ("rds/postgres.single-az.db.t4g.micro", Some("AmazonRDS")),
            ("rds/storage.gp3.multi-az", Some("AmazonRDS")),
            ("dynamodb/provisioned.rcu", Some("AmazonDynamoDB")),
            ("dynamodb/provisioned.wcu", Some("AmazonDynamoDB")),
            ("vpc/nat.hour", Some("AmazonEC2")),
            ("vpc/public-ipv4.in-use", Some("AmazonVPC")),
            ("rds/iops.gp3.single-az", None),
            ("rds/oracle.single-az.db.t3.micro", None),
            ("rds/storage.standard.single-az", Some("AmazonRDS")),
            ("rds/extended-support.year-3", None),
            ("secretsmanager/secret", None),
            ("ec2/t3.micro.spot", None),
            ("ec2/cpu-credits.t3", None),
            ("ec2/ebs-optimized.r3.xlarge", None),
            ("ec2/t3.micro.red-hat-enterprise-linux", None),
        ];
        for (usage, service) in rows {
            assert_eq!(query(&Usage::named(usage), "us-east-1").map(|query| query.service_code), service, "{usage}");
        }
        let class = query(&Usage::named("rds/mysql.multi-az.db.m5.large"), "us-east-1").unwrap();
        assert!(class.attributes.contains(&("instanceType", "db.m5.large".to_owned())), "{class:?}");
    }

    #[test]
    fn a_price_says_which_product_it_is_of_and_when_it_was_published() {
        let found = price(&[product("ABC", &[("Hrs", "0", "0.0104000000")])], Unit::Hour).unwrap().unwrap();
        assert_eq!(found.usd, Decimal::new(104, 4));
        assert_eq!((found.source.as_str(), found.date.as_str()), ("AWS Price List API, SKU ABC", "2026-11-20"));
    }

    #[test]
    fn of_tiers_the_first_that_costs_something_counts() {
        let tiers = [("ReadCapacityUnit-Hrs", "0", "0.0000000000"), ("ReadCapacityUnit-Hrs", "18600", "0.0001300000")];
        let found = price(&[product("ABC", &tiers)], Unit::RcuHour).unwrap().unwrap();
        assert_eq!(found.usd, Decimal::new(13, 5));
    }

    #[test]
    fn throughput_is_priced_by_the_gibibyte_and_told_by_the_mebibyte() {
        let found = price(&[product("ABC", &[("GiBps-mo", "0", "40.9600000000")])], Unit::MbpsMonth).unwrap().unwrap();
        assert_eq!(found.usd, Decimal::new(4, 2));
    }

    #[test]
    fn products_that_do_not_agree_or_have_another_unit_are_no_price() {
        let cheap = product("A", &[("Hrs", "0", "0.01")]);
        let dear = product("B", &[("Hrs", "0", "0.02")]);
        assert_eq!(price(&[cheap.clone(), dear], Unit::Hour).unwrap(), None);
        assert_eq!(price(&[cheap], Unit::GbMonth).unwrap(), None);
        assert_eq!(price(&[], Unit::Hour).unwrap(), None);
        assert!(price(&["oops".into()], Unit::Hour).is_err());
    }
}
