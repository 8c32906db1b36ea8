//! The AWS Price List service, which only reads and belongs to no account of the cluster.

use crate::aws::error::{AwsError, Named};
use aws_sdk_pricing::types::{Filter, FilterType};

/// The client of the Price List service.
#[derive(Clone, Debug)]
pub struct PriceList(pub(super) aws_sdk_pricing::Client);

impl PriceList {
    /// The products of a service that have these attributes, each a JSON text. It needs `pricing:GetProducts`.
    ///
    /// # Errors
    /// The error of the call that failed.
    pub async fn products(&self, service_code: &str, attributes: &[(&str, String)]) -> Result<Vec<String>, AwsError> {
        const OPERATION: &str = "GetProducts";
        let filters = attributes
            .iter()
            .map(|(field, value)| Filter::builder().r#type(FilterType::TermMatch).field(*field).value(value).build());
        let filters = filters
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| AwsError::malformed(OPERATION, error.to_string()))?;
        let call = self.0.get_products().service_code(service_code).set_filters(Some(filters));
        call.into_paginator().items().send().collect::<Result<_, _>>().await.named(OPERATION)
    }
}
