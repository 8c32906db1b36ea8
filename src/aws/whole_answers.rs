//! An HTTP client that hands on answers in XML only if they are whole.
//!
//! The SDK's XML reader takes the end of the text for the end of all that is open. A list of tags that
//! broke off would read as fewer tags or none, and what is ours as nobody's. JSON that breaks off is an
//! error by itself.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::config_bag::ConfigBag;

/// An answer ended before it was complete. Whether the call took effect is not known.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off in its middle")]
struct BrokenOff;

/// The client.
#[derive(Clone, Debug)]
pub(super) struct WholeAnswers(pub SharedHttpClient);

impl HttpClient for WholeAnswers {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector(self.0.http_connector(settings, components)))
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.validate_base_client_config(components, config)
    }

    fn validate_final_config(&self, components: &RuntimeComponents, config: &ConfigBag) -> Result<(), BoxError> {
        self.0.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

#[derive(Clone, Debug)]
struct Connector(SharedHttpConnector);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(whole(answer))
    }
}

async fn whole(answer: HttpConnectorFuture) -> Result<HttpResponse, ConnectorError> {
    let mut response = answer.await?;
    let body = ByteStream::new(response.take_body()).collect().await;
    let bytes = body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
    if !is_whole(&bytes) {
        return Err(ConnectorError::io(BrokenOff.into()));
    }
    *response.body_mut() = SdkBody::from(bytes);
    Ok(response)
}

/// Whether a body that begins as XML ends with the end of its outermost element.
fn is_whole(body: &[u8]) -> bool {
    let mut text = body.trim_ascii();
    while text.starts_with(b"<?") || text.starts_with(b"<!") {
        let Some(end) = text.iter().position(|byte| *byte == b'>') else { return false };
        text = text[end + 1..].trim_ascii_start();
    }
    let Some(root) = text.strip_prefix(b"<") else {
        // Nothing is left after the declaration, or it is another format.
        return !text.is_empty() || body.trim_ascii().is_empty();
    };
    let Some(end) = root.iter().position(|byte| *byte == b'>') else { return false };
    let tag = &root[..end];
    if tag.ends_with(b"/") {
        return root.len() == end + 1;
    }
    let name = tag.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    let closed = text.strip_suffix(b">").map(|rest| rest.trim_ascii_end()).and_then(|rest| rest.strip_suffix(name));
    closed.is_some_and(|rest| rest.ends_with(b"</"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_with_its_outermost_element_is_whole() {
        for text in [
            "",
            "{\"a\":",
            "<Tagging xmlns=\"x\"><TagSet></TagSet></Tagging>",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchBucket</Code></Error >\n",
            "<LocationConstraint xmlns=\"x\"/>",
        ] {
            assert!(is_whole(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_breaks_off_anywhere_is_not() {
        let text = "<?xml version=\"1.0\"?><Tagging xmlns=\"x\"><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>";
        for end in 1..text.len() {
            assert!(!is_whole(&text.as_bytes()[..end]), "{}", &text[..end]);
        }
    }
}
