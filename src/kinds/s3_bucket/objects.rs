//! Emptying a bucket, where its owner wants it emptied.

use super::settings::call;
use crate::aws::error::{AwsError, ErrorClass, Named, unbuildable};
use crate::aws::session::Aws;
use crate::kinds::policy_document::decoded;
use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::types as s3;

/// The most objects that are deleted by calls of their own in one pass: a pass has to end in time.
const ONE_BY_ONE: usize = 100;

/// One version of an object, or one delete marker.
#[derive(Debug, PartialEq, Eq)]
struct Version {
    key: String,
    id: Option<String>,
}

/// Deletes up to 1000 objects, versions and delete markers; the next pass goes on.
///
/// Keys are listed percent-encoded: one may hold what XML cannot, and the answer would not be readable (API
/// reference, ListObjectVersions, `EncodingType`). Such a key cannot be written into the XML of DeleteObjects
/// either, and is deleted by a call of its own, which has it in the path.
pub(super) async fn delete_a_page(aws: &Aws, bucket: &str) -> Result<(), AwsError> {
    let encoding = s3::EncodingType::Url;
    let page = call!(aws, bucket, list_object_versions, "ListObjectVersions", encoding_type(encoding))?;
    let (batch, singles): (Vec<_>, Vec<_>) = versions(&page).into_iter().partition(|version| is_xml(&version.key));
    delete_together(aws, bucket, batch).await?;
    for version in singles.into_iter().take(ONE_BY_ONE) {
        let call = aws.s3().delete_object().bucket(bucket).expected_bucket_owner(aws.account_id());
        call.key(version.key).set_version_id(version.id).send().await.named("DeleteObject")?;
    }
    Ok(())
}

/// What the page lists, with keys as they are.
fn versions(page: &ListObjectVersionsOutput) -> Vec<Version> {
    let is_encoded = page.encoding_type() == Some(&s3::EncodingType::Url);
    let version = |key: Option<&str>, id: Option<&str>| {
        let key = key.unwrap_or_default();
        // S3 encodes as HTML forms do, with a plus for a space.
        let key = if is_encoded { decoded(&key.replace('+', " ")) } else { key.to_owned() };
        Version { key, id: id.map(str::to_owned) }
    };
    let versions = page.versions().iter().map(|found| version(found.key(), found.version_id()));
    let markers = page.delete_markers().iter().map(|found| version(found.key(), found.version_id()));
    versions.chain(markers).collect()
}

/// Whether XML 1.0 has every character of the text (section 2.2, `Char`).
fn is_xml(text: &str) -> bool {
    text.chars()
        .all(|letter| matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..))
}

async fn delete_together(aws: &Aws, bucket: &str, versions: Vec<Version>) -> Result<(), AwsError> {
    const OPERATION: &str = "DeleteObjects";
    if versions.is_empty() {
        return Ok(());
    }
    let objects = versions
        .into_iter()
        .map(|version| s3::ObjectIdentifier::builder().key(version.key).set_version_id(version.id).build())
        .collect::<Result<Vec<_>, BuildError>>()
        .map_err(unbuildable(OPERATION))?;
    let batch = s3::Delete::builder().set_objects(Some(objects)).quiet(true).build().map_err(unbuildable(OPERATION))?;
    let answer = call!(aws, bucket, delete_objects, "DeleteObjects", delete(batch))?;
    match answer.errors().first() {
        None => Ok(()),
        Some(error) => Err(AwsError {
            operation: OPERATION,
            class: ErrorClass::Blocked,
            code: error.code().map(str::to_owned),
            message: format!("{}: {}", error.key().unwrap_or("?"), error.message().unwrap_or("not deleted")),
            request_id: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(encoding: Option<s3::EncodingType>, key: &str) -> ListObjectVersionsOutput {
        let version = s3::ObjectVersion::builder().key(key).version_id("v-1").build();
        ListObjectVersionsOutput::builder().versions(version).set_encoding_type(encoding).build()
    }

    #[test]
    fn keys_are_taken_as_they_are_and_not_as_they_are_listed() {
        let found = |key: &str| versions(&page(Some(s3::EncodingType::Url), key)).remove(0).key;
        assert_eq!(found("a+b%2Bc%0Ad%01"), "a b+c\nd\u{1}");
        assert_eq!(found("caf%C3%A9/100%25"), "caf\u{e9}/100%");
        let plain = versions(&page(None, "a+b%20c"));
        assert_eq!(plain, [Version { key: "a+b%20c".into(), id: Some("v-1".into()) }]);
    }

    #[test]
    fn what_xml_cannot_hold_is_told_from_what_it_can() {
        for key in ["a b/c", "\t\r\n", "caf\u{e9}", "\u{1f600}", "<&>", "\u{85}"] {
            assert!(is_xml(key), "{key:?}");
        }
        for key in ["\u{0}", "a\u{1}", "\u{b}", "\u{1f}b", "\u{fffe}", "\u{ffff}"] {
            assert!(!is_xml(key), "{key:?}");
        }
    }
}
