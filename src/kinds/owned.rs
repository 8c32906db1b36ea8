//! What carries a cluster's tags in AWS, whichever object it was made for: where the search for orphans
//! begins.

use crate::aws::error::AwsError;
use crate::aws::tags::{CLUSTER, Tags};
use aws_smithy_types::DateTime;
use futures::StreamExt;
use k8s_openapi::jiff::Timestamp;
use std::future::Future;

/// How many resources are read at the same time where a list does not show tags.
const CALLS: usize = 8;

/// A resource, or a part of one, that carries a cluster's tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// Its type by the name that CloudFormation has for it, such as `AWS::EC2::Subnet`.
    pub type_: &'static str,
    /// Its id or name.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its tags.
    pub tags: Tags,
    /// Since when it has been there at the least: its creation, or its last change where AWS tells no
    /// more; `None` where AWS tells nothing.
    pub since: Option<Timestamp>,
    /// Whether it stays in AWS where an object is deleted that says nothing of that.
    pub kept_by_default: bool,
}

/// What a list showed, and what could not be read of it.
#[derive(Debug, Default)]
pub struct Listing {
    /// What carries the cluster's tags.
    pub found: Vec<Owned>,
    /// What failed. As long as there is any, what is not found may still be there.
    pub unread: Vec<Unread>,
}

/// Calls of one operation that failed in the same way.
#[derive(Debug)]
pub struct Unread {
    /// The first error.
    pub error: AwsError,
    /// How many calls failed like this one.
    pub calls: usize,
}

impl Listing {
    /// The answer of one call that lists resources with their tags.
    pub(super) fn of(answer: Result<Vec<Owned>, AwsError>) -> Self {
        let mut listing = Self::default();
        match answer {
            Ok(found) => listing.found = found,
            Err(error) => listing.fail(error),
        }
        listing
    }

    /// This and another listing.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.found.extend(other.found);
        self.unread.extend(other.unread);
        self
    }

    fn fail(&mut self, error: AwsError) {
        let alike = |unread: &&mut Unread| {
            (unread.error.operation, &unread.error.code, unread.error.class)
                == (error.operation, &error.code, error.class)
        };
        match self.unread.iter_mut().find(alike) {
            Some(unread) => unread.calls += 1,
            None => self.unread.push(Unread { error, calls: 1 }),
        }
    }
}

/// Reads what a list without tags names, each with a call of its own. `None` is what does not carry the
/// cluster's tags, or is gone by now; one that cannot be read hides none of the others.
pub(super) async fn each<T, F>(listed: Result<Vec<T>, AwsError>, read: impl Fn(T) -> F) -> Listing
where
    F: Future<Output = Result<Option<Owned>, AwsError>>,
{
    let listed = match listed {
        Ok(listed) => listed,
        Err(error) => return Listing::of(Err(error)),
    };
    let calls: Vec<F> = listed.into_iter().map(read).collect();
    let mut answers = futures::stream::iter(calls).buffer_unordered(CALLS);
    let mut listing = Listing::default();
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(found) => listing.found.extend(found),
            Err(error) => listing.fail(error),
        }
    }
    listing
}

/// Whether the tags are those of the cluster.
pub(super) fn names_cluster(tags: &Tags, cluster: &str) -> bool {
    tags.get(CLUSTER).is_some_and(|value| value == cluster)
}

/// A time as the SDK has it, to the second. One that is out of all bounds tells nothing.
pub(super) fn time(found: Option<&DateTime>) -> Option<Timestamp> {
    Timestamp::from_second(found?.secs()).ok()
}

/// Reads all pages of a call that lists things.
macro_rules! pages {
    ($call:expr, $operation:expr) => {
        $call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.named($operation)
    };
}
pub(super) use pages;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::error::ErrorClass;

    fn error(operation: &'static str, code: &str) -> AwsError {
        AwsError {
            operation,
            class: ErrorClass::Denied,
            code: Some(code.into()),
            message: "no".into(),
            request_id: None,
        }
    }

    fn owned(id: &str) -> Owned {
        let (id, arn) = (id.to_owned(), format!("arn:{id}"));
        Owned { type_: "AWS::S3::Bucket", id, arn, tags: Tags::new(), since: None, kept_by_default: true }
    }

    #[tokio::test]
    async fn one_that_cannot_be_read_hides_none_of_the_others_and_is_counted() {
        let listing = each(Ok(vec!["a", "gone", "denied", "b", "denied"]), async |name: &str| match name {
            "denied" => Err(error("GetBucketTagging", "AccessDenied")),
            "gone" => Ok(None),
            name => Ok(Some(owned(name))),
        })
        .await;
        assert_eq!(listing.found, [owned("a"), owned("b")]);
        let unread: Vec<_> = listing.unread.iter().map(|unread| (unread.error.operation, unread.calls)).collect();
        assert_eq!(unread, [("GetBucketTagging", 2)]);
    }

    #[tokio::test]
    async fn a_list_that_fails_is_not_an_empty_one() {
        let listing = each(Err(error("ListBuckets", "AccessDenied")), async |_: &str| Ok(None)).await;
        assert!(listing.found.is_empty());
        assert_eq!(listing.unread.len(), 1);
    }

    #[test]
    fn only_the_value_of_the_clusters_tag_names_it() {
        let tags = |cluster: &str| Tags::from([(CLUSTER.to_owned(), cluster.to_owned())]);
        assert!(names_cluster(&tags("c-1"), "c-1"));
        assert!(!names_cluster(&tags("c-2"), "c-1"));
        assert!(!names_cluster(&Tags::new(), "c-1"));
    }
}
