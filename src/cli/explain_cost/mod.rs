//! `ccagi-aws-agent explain-cost`: what the cost of an AwsResource is made of.

mod report;

use crate::api::account::AwsAccount;
use crate::api::commands;
use crate::api::resource::AwsResource;
use crate::aws::session::{CallSettings, Sessions, http_client};
use crate::config::{PriceConfig, PriceSource};
use crate::controllers::cluster::{ClusterError, connect_to_read};
use crate::controllers::prices;
use crate::cost::{Costs, Found, Unit, Usage, price};
use crate::kinds::{Kind, with_kind};
use crate::lifecycle::prices::Prices;
use crate::lifecycle::resolve::region_of;
use clap::{Args, ValueEnum};
use kube::{Api, Client};
use rust_decimal::Decimal;
use std::str::FromStr;
use std::time::Duration;

/// Which resource, and how to show it. Nothing is written, and AWS is asked for nothing but prices, and
/// for those only with `--prices api`.
#[derive(Args, Debug)]
pub struct ExplainCostConfig {
    /// Name of the AwsResource.
    name: String,

    /// Its namespace; that of the kubeconfig's context where absent.
    #[arg(short, long)]
    namespace: Option<String>,

    /// Format of the report.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,

    #[command(flatten)]
    prices: PriceConfig,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// For machines.
    Json,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ExplainCostError {
    /// The process may not have threads.
    #[error("the program cannot be started: {0}")]
    NoRuntime(#[source] std::io::Error),
    /// The cluster is not to be had.
    #[error(transparent)]
    NoCluster(#[from] ClusterError),
    /// The object could not be read.
    #[error("the AwsResource {0}/{1} could not be read: {2}")]
    Unreadable(String, String, #[source] kube::Error),
    /// There is no such object.
    #[error("the AwsResource {0}/{1} does not exist ({list})", list = commands::list_resources(.0))]
    UnknownResource(String, String),
    /// The object has no kind block, or more than one.
    #[error("the AwsResource {0}/{1} does not declare exactly one kind")]
    NoKind(String, String),
    /// The region of the object follows from its account, which could not be read.
    #[error("the AwsAccount {0}, whose region it is, could not be read: {1}")]
    NoAccount(String, #[source] kube::Error),
    /// The report could not be printed.
    #[error("standard output: {0}")]
    Output(#[from] std::io::Error),
}

/// What the quantities are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basis {
    /// What the controller has seen in AWS.
    Found,
    /// What the manifest declares; nothing was seen yet.
    Declared,
}

/// Prints what the cost of the object is made of.
///
/// # Errors
/// [`ExplainCostError`] where the object cannot be read.
pub fn run(config: &ExplainCostConfig) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(ExplainCostError::NoRuntime)?;
    runtime.block_on(explain(config)).map_err(Into::into)
}

async fn explain(config: &ExplainCostConfig) -> Result<(), ExplainCostError> {
    let client = connect_to_read().await?;
    let namespace = config.namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
    let object = read(&client, &namespace, &config.name).await?;
    let region = region(&client, &object).await?;
    let (costs, basis) =
        costs(&object).ok_or_else(|| ExplainCostError::NoKind(namespace.clone(), config.name.clone()))?;
    let book = source(&config.prices).await.book_for(&costs, &region).await;
    let subject = report::Subject { namespace: &namespace, name: &config.name, region: &region, basis };
    let estimate = price(&costs, &region, &book);
    match config.output {
        Output::Json => super::print_json(&report::json(&subject, &estimate))?,
        Output::Table => super::print(&report::table(&subject, &estimate))?,
    }
    Ok(())
}

async fn read(client: &Client, namespace: &str, name: &str) -> Result<AwsResource, ExplainCostError> {
    let api: Api<AwsResource> = Api::namespaced(client.clone(), namespace);
    let found = api.get_opt(name).await;
    let found = found.map_err(|error| ExplainCostError::Unreadable(namespace.into(), name.into(), error))?;
    found.ok_or_else(|| ExplainCostError::UnknownResource(namespace.into(), name.into()))
}

async fn region(client: &Client, object: &AwsResource) -> Result<String, ExplainCostError> {
    if let Some(region) = &object.spec.region {
        return Ok(region.clone());
    }
    let name = &object.spec.account_ref.name;
    let account = Api::<AwsAccount>::all(client.clone()).get(name).await;
    let account = account.map_err(|error| ExplainCostError::NoAccount(name.clone(), error))?;
    Ok(region_of(object, &account.spec))
}

async fn source(config: &PriceConfig) -> Prices {
    if config.prices == PriceSource::Book {
        return Prices::included();
    }
    let patience = Duration::from_secs(30);
    let settings = CallSettings { attempts: 3, ..CallSettings::to_read(Duration::from_secs(10), patience) };
    prices(config, &Sessions::from_environment(&settings, http_client()).await, patience)
}

/// What the object is paid for: as it was last seen in AWS, or as it is declared where it was not seen.
fn costs(object: &AwsResource) -> Option<(Costs, Basis)> {
    let status = object.status.as_ref();
    if let Some(cost) = status.and_then(|status| status.cost.as_ref()) {
        let mut costs = Costs::default();
        for item in &cost.items {
            let (quantity, unit) = (Decimal::from_str(&item.quantity).ok()?, Unit::named(&item.unit)?);
            costs.hold(Usage::named(&item.usage), quantity, unit);
        }
        let (usages, words): (Vec<String>, Vec<String>) =
            cost.not_included.iter().cloned().partition(|text| !text.contains(' '));
        costs.by_use = usages.iter().map(|usage| Usage::named(usage)).collect();
        costs.unknown = words;
        return Some((costs, Basis::Found));
    }
    if status.is_some_and(|status| status.cost_per_day.is_some()) {
        return Some((Costs::default(), Basis::Found));
    }
    let kind = object.spec.kind.the_one()?;
    Some((with_kind!(kind, K, spec => K::cost_items(&spec, Found::declared())), Basis::Declared))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn instance(status: Value) -> AwsResource {
        serde_json::from_value(json!({
            "apiVersion": "aws.ccagi.io/v1alpha1", "kind": "AwsResource",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {
                "accountRef": {"name": "prod"},
                "ec2Instance": {"imageId": "ami-0abcdef1234567890", "instanceType": "t3.small"},
            },
            "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn what_was_seen_in_aws_is_explained_as_the_status_has_it() {
        let cost = json!({
            "items": [{"usage": "ebs/storage.gp3", "quantity": "8", "unit": "GB-month", "perDay": "0.021"}],
            "notIncluded": ["data-transfer/internet-out", "ebs/storage of the root volume"],
        });
        let (costs, basis) = costs(&instance(json!({"cost": cost}))).unwrap();
        assert_eq!(basis, Basis::Found);
        assert_eq!(costs.items[0].in_words(), "8 GB-month of ebs/storage.gp3");
        assert_eq!((costs.by_use.len(), costs.unknown.len()), (1, 1));
    }

    #[test]
    fn what_was_not_seen_yet_is_explained_as_declared() {
        let (costs, basis) = costs(&instance(json!({}))).unwrap();
        assert_eq!((basis, costs.items[0].in_words().as_str()), (Basis::Declared, "1 × ec2/t3.small"));
    }

    #[test]
    fn what_was_seen_and_is_free_has_no_items() {
        let (costs, basis) = costs(&instance(json!({"costPerDay": "0.00"}))).unwrap();
        assert_eq!((costs, basis), (Costs::default(), Basis::Found));
    }
}
