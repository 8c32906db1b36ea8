//! Orphans: AWS resources that carry the cluster's tags and belong to no object. They are searched for
//! and told; nothing is written, in AWS or in the cluster.
//!
//! AWS is listed first and the cluster second, by a quorum read: a resource is made only for an object
//! that is there before it, so that the object of everything listed is in the second list, unless it is
//! gone. What then looks like an orphan must look like one again a while later: tags are shown with a
//! delay, and a resource may just be changing hands.

pub mod compare;

use crate::api::account::AwsAccount;
use crate::api::commands;
use crate::api::resource::AwsResource;
use crate::aws::error::{AwsError, ErrorClass};
use crate::aws::session::{Aws, SessionError, Sessions};
use crate::kinds::KindName;
use crate::kinds::owned::Unread;
use crate::lifecycle::objects::for_each_page;
use compare::{Judged, Live, Orphan, Sighting, confirmed, judge};
use futures::StreamExt;
use k8s_openapi::jiff::Timestamp;
use kube::core::PartialObjectMeta;
use kube::{Api, Client, ResourceExt};
use std::collections::BTreeSet;
use std::time::Duration;

/// How many kinds and regions are listed at the same time.
const LISTS: usize = 4;

/// What a search works with.
pub struct Search {
    /// The connection to the cluster.
    pub client: Client,
    /// The sessions of the accounts.
    pub sessions: Sessions,
    /// The cluster's id, as it stands in its resources' tags.
    pub cluster_id: String,
    /// Resources that AWS says to be younger than this are left out.
    pub min_age: Duration,
}

/// What one look has shown.
#[derive(Debug, Default)]
pub struct Outlook {
    /// What belongs to no object.
    pub orphans: Vec<Orphan>,
    /// How many more there are that are too young to be judged.
    pub young: usize,
    /// What could not be looked at. As long as there is any, there may be more orphans.
    pub failures: Vec<Failure>,
}

/// What a first look has shown, and what it takes to look again.
pub struct FirstLook {
    /// What it has shown. None of it is confirmed.
    pub outlook: Outlook,
    spots: Vec<Spot>,
}

/// Something that could not be looked at.
#[derive(Debug)]
pub struct Failure {
    /// The name of the AwsAccount.
    pub account: String,
    /// The region, where it is about one.
    pub region: Option<String>,
    /// The kind, where it is about one.
    pub kind: Option<KindName>,
    /// Why.
    pub cause: Cause,
}

/// Why something could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The account is not verified; it was not touched.
    #[error(transparent)]
    NoSession(SessionError),
    /// Calls failed.
    #[error("{error}{}", more(*.calls))]
    Unread {
        /// The first call's error.
        error: AwsError,
        /// How many calls failed in this way.
        calls: usize,
    },
}

impl Cause {
    /// What a person can do about it, where it is known.
    pub fn next_step(&self) -> Option<String> {
        match self {
            Self::Unread { error, .. } if error.class == ErrorClass::Denied => {
                Some(format!("Allow the account's role what `{}` prints.", commands::iam_policy_for_orphans()))
            }
            Self::NoSession(_) | Self::Unread { .. } => None,
        }
    }
}

fn more(calls: usize) -> String {
    if calls > 1 { format!(" (and {} more calls like this one)", calls - 1) } else { String::new() }
}

/// One kind in one place, which is listed by itself.
#[derive(Clone)]
struct Spot {
    account: String,
    aws: Aws,
    kind: KindName,
}

impl Search {
    /// Looks for the first time, at all kinds in all regions of these accounts.
    ///
    /// # Errors
    /// Where the cluster's objects cannot be listed: nothing can be said then.
    pub async fn look(&self, accounts: &[AwsAccount]) -> Result<FirstLook, kube::Error> {
        let (mut spots, mut failures) = (Vec::new(), Vec::new());
        for account in accounts {
            match self.spots(account).await {
                Ok(found) => spots.extend(found),
                Err(error) => failures.push(Failure {
                    account: account.name_any(),
                    region: None,
                    kind: None,
                    cause: Cause::NoSession(error),
                }),
            }
        }
        let mut outlook = self.look_at(&spots).await?;
        outlook.failures.append(&mut failures);
        Ok(FirstLook { outlook, spots })
    }

    /// Looks again at the kinds and places of what a first look has shown, and leaves what both show.
    ///
    /// # Errors
    /// Where the cluster's objects cannot be listed: nothing can be said then.
    pub async fn look_again(&self, first: FirstLook) -> Result<Outlook, kube::Error> {
        let FirstLook { outlook: first, mut spots } = first;
        let of_orphans: BTreeSet<_> = first.orphans.iter().map(|orphan| place(&orphan.sighting)).collect();
        spots.retain(|spot| of_orphans.contains(&(spot.account.clone(), spot.region(), spot.kind.as_str())));
        let mut again = self.look_at(&spots).await?;
        let mut failures = first.failures;
        failures.append(&mut again.failures);
        let orphans = confirmed(&first.orphans, again.orphans);
        Ok(Outlook { orphans, young: first.young, failures })
    }

    /// Every kind in every region of the account, through sessions that AWS has confirmed.
    async fn spots(&self, account: &AwsAccount) -> Result<Vec<Spot>, SessionError> {
        let mut spots = Vec::new();
        for region in &account.spec.regions {
            let aws = self.sessions.session(&account.spec, region).await?;
            let is_home = *region == account.spec.default_region;
            let kinds = KindName::ALL.iter().filter(|kind| is_home || !kind.is_global());
            spots.extend(kinds.map(|kind| Spot { account: account.name_any(), aws: aws.clone(), kind: *kind }));
        }
        Ok(spots)
    }

    async fn look_at(&self, spots: &[Spot]) -> Result<Outlook, kube::Error> {
        let (mut sightings, mut failures) = (Vec::new(), Vec::new());
        let lists: Vec<_> = spots.iter().cloned().map(|spot| spot.list(&self.cluster_id)).collect();
        let mut answers = futures::stream::iter(lists).buffer_unordered(LISTS);
        while let Some((seen, failed)) = answers.next().await {
            sightings.extend(seen);
            failures.extend(failed);
        }
        let live = live(&self.client).await?;
        let Judged { orphans, young } = judge(sightings, &live, Timestamp::now(), self.min_age);
        Ok(Outlook { orphans, young, failures })
    }
}

/// Where a resource was seen.
fn place(sighting: &Sighting) -> (String, Option<String>, &'static str) {
    (sighting.account.clone(), sighting.region.clone(), sighting.kind.as_str())
}

impl Spot {
    fn region(&self) -> Option<String> {
        (!self.kind.is_global()).then(|| self.aws.region().to_owned())
    }

    async fn list(self, cluster: &str) -> (Vec<Sighting>, Vec<Failure>) {
        let listing = self.kind.list_owned(&self.aws, cluster).await;
        let sighting = |owned| Sighting {
            account: self.account.clone(),
            account_id: self.aws.account_id().to_owned(),
            region: self.region(),
            kind: self.kind,
            owned,
        };
        let failure = |Unread { error, calls }| Failure {
            account: self.account.clone(),
            region: self.region(),
            kind: Some(self.kind),
            cause: Cause::Unread { error, calls },
        };
        (listing.found.into_iter().map(sighting).collect(), listing.unread.into_iter().map(failure).collect())
    }
}

/// All AwsResources of the cluster, of which only the metadata is read: one whose spec is unreadable is
/// there too. Without a resource version the API server answers from what a quorum has.
async fn live(client: &Client) -> Result<Live, kube::Error> {
    let api: &Api<AwsResource> = &Api::all(client.clone());
    let mut live = Live::default();
    let list = |page| async move { api.list_metadata(&page).await };
    let add = |page: Vec<PartialObjectMeta<AwsResource>>| {
        for object in page {
            live.add(object.namespace().unwrap_or_default(), object.name_any(), object.uid().unwrap_or_default());
        }
    };
    for_each_page(list, add).await?;
    Ok(live)
}
