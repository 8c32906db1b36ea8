//! What is printed of an estimate.

use super::Basis;
use crate::cli::table::{aligned, text};
use crate::cost::{Estimate, HOURS_PER_MONTH, NotIncluded, Price, PricedItem, usd};
use rust_decimal::Decimal;
use serde_json::{Value, json};

const HEADER: [&str; 7] = ["COMPONENT", "QUANTITY", "UNIT", "UNIT PRICE", "PER DAY", "PRICE OF", "SOURCE"];

/// Whose cost it is.
pub(super) struct Subject<'a> {
    pub namespace: &'a str,
    pub name: &'a str,
    pub region: &'a str,
    pub basis: Basis,
}

fn per_month(per_day: Decimal) -> Decimal {
    per_day * HOURS_PER_MONTH / Decimal::from(24)
}

/// The report for machines. Amounts are decimal strings in USD.
pub(super) fn json(subject: &Subject<'_>, estimate: &Estimate) -> Value {
    let Subject { namespace, name, region, basis } = subject;
    let items: Vec<Value> = estimate.items.iter().map(item).collect();
    let not_included: Vec<Value> = estimate.not_included.iter().map(not_included).collect();
    let missing: Vec<Value> = estimate
        .missing
        .iter()
        .map(|item| json!({"usage": item.usage.as_str(), "quantity": item.quantity.normalize().to_string(), "unit": item.unit.as_str()}))
        .collect();
    json!({
        "namespace": namespace,
        "name": name,
        "region": region,
        "basis": match basis { Basis::Found => "found", Basis::Declared => "declared" },
        "perDay": estimate.total().map(usd),
        "perMonth": estimate.total().map(per_month).map(usd),
        "pricedAsIn": estimate.priced_as_in,
        "items": items,
        "notIncluded": not_included,
        "missing": missing,
    })
}

fn item(priced: &PricedItem) -> Value {
    let PricedItem { item, price, per_day } = priced;
    json!({
        "usage": item.usage.as_str(),
        "quantity": item.quantity.normalize().to_string(),
        "unit": item.unit.as_str(),
        "unitPrice": price.usd.to_string(),
        "perDay": usd(*per_day),
        "source": price.source,
        "date": price.date,
    })
}

fn not_included(one: &NotIncluded) -> Value {
    match &one.price {
        None => json!({"what": one.what}),
        Some(Price { usd, unit, source, date }) => json!({
            "what": one.what, "unit": unit.as_str(), "unitPrice": usd.to_string(), "source": source, "date": date,
        }),
    }
}

/// The report for people.
pub(super) fn table(subject: &Subject<'_>, estimate: &Estimate) -> String {
    let mut lines = vec![heading(subject, estimate)];
    if !estimate.items.is_empty() {
        lines.push(String::new());
        let rows = estimate.items.iter().map(row);
        lines.extend(aligned(&std::iter::once(HEADER.map(str::to_owned)).chain(rows).collect::<Vec<_>>()));
    }
    if !estimate.missing.is_empty() {
        lines.extend([String::new(), "There is no price for:".into()]);
        lines.extend(estimate.missing.iter().map(|item| format!("  {}", item.in_words())));
    }
    if !estimate.not_included.is_empty() {
        lines.extend([String::new(), "Not included, because it depends on use or is not known:".into()]);
        let rows: Vec<[String; 4]> = estimate.not_included.iter().map(use_row).collect();
        lines.extend(aligned(&rows));
    }
    if let Some(region) = estimate.priced_as_in {
        lines.extend([
            String::new(),
            format!("Prices of {region} stand in for those of {}, which are not known.", subject.region),
        ]);
    }
    text(&lines)
}

fn heading(subject: &Subject<'_>, estimate: &Estimate) -> String {
    let Subject { namespace, name, region, basis } = subject;
    let basis = match basis {
        Basis::Found => "as found in AWS",
        Basis::Declared => "as declared, not seen in AWS yet",
    };
    let cost = match estimate.total() {
        Some(per_day) => {
            format!("{} USD per day, {} per month of 730 hours", usd(per_day), usd(per_month(per_day).round_dp(2)))
        }
        None => format!("more than {} USD per day; not everything has a price", usd(estimate.per_day)),
    };
    format!("{namespace}/{name} in {region}, {basis}: {cost}")
}

fn row(priced: &PricedItem) -> [String; 7] {
    let PricedItem { item, price, per_day } = priced;
    [
        item.usage.to_string(),
        item.quantity.normalize().to_string(),
        item.unit.as_str().to_owned(),
        price.usd.to_string(),
        usd(*per_day),
        price.date.clone(),
        price.source.clone(),
    ]
}

fn use_row(one: &NotIncluded) -> [String; 4] {
    let what = format!("  {}", one.what);
    match &one.price {
        Some(price) => {
            [what, format!("{} per {}", price.usd, price.unit.as_str()), price.date.clone(), price.source.clone()]
        }
        None => [what, "no price known".into(), String::new(), String::new()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::{Costs, PriceBook, Unit, Usage, price};

    fn subject(region: &str) -> Subject<'_> {
        Subject { namespace: "shop", name: "web", region, basis: Basis::Found }
    }

    fn estimate(region: &str, instance_type: &str) -> Estimate {
        let mut costs = Costs::default();
        costs.hold(Usage::new("ec2", instance_type), 1, Unit::Hour);
        costs.hold(Usage::new("ebs", "storage.gp3"), 8, Unit::GbMonth);
        costs.by_use("data-transfer", &["internet-out"]);
        price(&costs, region, &PriceBook::included())
    }

    #[test]
    fn the_table_names_every_component_with_its_price_and_where_it_is_from() {
        let text = table(&subject("us-east-1"), &estimate("us-east-1", "t3.medium"));
        // 0.9984 for the instance and 0.0210 for the volume; 30.37 and 0.64 a month.
        assert!(
            text.starts_with("shop/web in us-east-1, as found in AWS: 1.0194 USD per day, 31.01 per month"),
            "{text}"
        );
        let row = text.lines().find(|line| line.starts_with("ec2/t3.medium")).unwrap();
        for part in ["hour", "0.0416", "0.9984", "2026-07-20", "Price List"] {
            assert!(row.contains(part), "{part}: {row}");
        }
        assert!(text.contains("data-transfer/internet-out   0.09 per GB"), "{text}");
    }

    #[test]
    fn prices_that_stand_in_and_prices_that_are_missing_are_said() {
        let text = table(&subject("eu-west-1"), &estimate("eu-west-1", "t3.medium"));
        assert!(text.ends_with("Prices of us-east-1 stand in for those of eu-west-1, which are not known."), "{text}");
        let text = table(&subject("us-east-1"), &estimate("us-east-1", "x99.huge"));
        assert!(text.contains("more than 0.021 USD per day") && text.contains("  1 × ec2/x99.huge"), "{text}");
    }

    #[test]
    fn the_json_has_amounts_as_text_and_no_total_where_a_price_is_missing() {
        let known = json(&subject("us-east-1"), &estimate("us-east-1", "t3.medium"));
        assert_eq!(
            (known["perDay"].as_str(), known["items"][0]["unitPrice"].as_str()),
            (Some("1.0194"), Some("0.0416"))
        );
        assert_eq!(known["notIncluded"][0]["unit"], "GB");
        let unknown = json(&subject("us-east-1"), &estimate("us-east-1", "x99.huge"));
        assert!(unknown["perDay"].is_null());
        assert_eq!(unknown["missing"][0]["usage"], "ec2/x99.huge");
    }
}
