//! Finds the resources of objects in AWS where no cluster tells their ids: by the names that their users
//! gave them, and by the owner tags. It only reads.

use crate::api::FINALIZER;
use crate::api::conditions::Verdict;
use crate::api::resource::{AwsResource, AwsResourceStatus, ResourceState};
use crate::aws::session::Aws;
use crate::aws::tags::{CLUSTER, NAME, NAMESPACE, Owner, Tags, UID};
use crate::kinds::{Kind, KindName, Look, with_kind};
use crate::lifecycle::context::Context;
use crate::lifecycle::intent::Draft;
use crate::lifecycle::resolve::resolve;
use futures::StreamExt;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use std::collections::{BTreeMap, BTreeSet};

/// How many objects are looked for at the same time.
const SEARCHES: usize = 8;

/// What a search has shown.
#[derive(Debug, Default)]
pub struct Recognised {
    /// The id of the cluster whose tags the resources carry, where it is known.
    pub cluster: Option<String>,
    /// What could not be known, in whole sentences.
    pub remarks: Vec<String>,
}

/// A resource that is taken for an object's.
struct Found {
    tags: Tags,
    id: String,
    outputs: BTreeMap<String, String>,
    state: ResourceState,
}

/// The owner tags by which the objects of one cluster are found: UIDs by namespace and name.
type Uids = BTreeMap<(String, String), String>;

/// Notes in the objects what is found of them in AWS, as their statuses would have it. The cluster is the
/// configured one, or else the one that the tags of all resources with names agree on.
pub async fn recognise(objects: &mut [AwsResource], cx: &Context, configured: Option<&str>) -> Recognised {
    let mut remarks = Vec::new();
    let mut clusters: BTreeSet<String> = configured.map(str::to_owned).into_iter().collect();
    let named = look_for(objects, cx, None).await;
    if configured.is_none() {
        clusters.extend(named.iter().flatten().filter_map(|found| found.tags.get(CLUSTER).cloned()));
    }
    note_all(objects, named, &clusters);
    let cluster = clusters.pop_first().filter(|_| clusters.is_empty());
    let unnamed = objects.iter().any(is_unnamed);
    match &cluster {
        Some(cluster) if unnamed => {
            let uids = uids(objects, cx, cluster, &mut remarks).await;
            let found = look_for(objects, cx, Some((cluster, &uids))).await;
            note_all(objects, found, &BTreeSet::from([cluster.clone()]));
        }
        None if unnamed => remarks.push(
            "Whether resources without a name of their own exist already is not known: their ids are in the cluster, or are found by tags with --cluster-id."
                .into(),
        ),
        _ => {}
    }
    Recognised { cluster, remarks }
}

/// Whether AWS gives the object's resource its id.
fn is_unnamed(object: &AwsResource) -> bool {
    let kind = object.spec.kind.the_one();
    kind.is_some_and(|kind| with_kind!(kind, K, spec => K::id(&spec).is_none()))
}

/// Looks for each object that nothing is known of yet: for those with names, or for those with UIDs.
async fn look_for(objects: &[AwsResource], cx: &Context, by: Option<(&str, &Uids)>) -> Vec<Option<Found>> {
    let searches: Vec<_> = objects.iter().map(|object| look_for_one(object, cx, by)).collect();
    futures::stream::iter(searches).buffered(SEARCHES).collect().await
}

/// What cannot be read is not found; the plan itself reads it again and says why not.
async fn look_for_one(object: &AwsResource, cx: &Context, by: Option<(&str, &Uids)>) -> Option<Found> {
    if object.status.is_some() {
        return None;
    }
    let kind = object.spec.kind.the_one()?;
    let aws = resolve(object, cx).await.ok()?;
    with_kind!(kind, K, spec => {
        let id = match by {
            None => K::id(&spec)?,
            Some((cluster, uids)) => found_by_owner::<K>(object, &aws, cluster, uids).await?,
        };
        let observed = K::observe(&aws, &id, Look::Full(&spec)).await.ok()??;
        Some(Found { tags: observed.tags, id, outputs: observed.outputs, state: observed.state })
    })
}

async fn found_by_owner<K: Kind>(object: &AwsResource, aws: &Aws, cluster: &str, uids: &Uids) -> Option<String> {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let uid = uids.get(&(namespace.clone(), name.clone()))?.clone();
    let draft = Draft {
        cluster,
        uid: &uid,
        account_id: aws.account_id(),
        region: aws.region(),
        request_hash: "",
        lease_transitions: None,
    };
    let intent = draft.intent(1, Timestamp::now());
    let owner = Owner { cluster: cluster.to_owned(), namespace, name, uid, agent: K::NAME.owner().as_str() };
    let mut ids = K::find(aws, &owner, &intent).await.ok()?;
    ids.pop().filter(|_| ids.is_empty())
}

/// The UIDs that the tags of the cluster's resources name, of the kinds and places of these objects. Each is
/// listed once.
async fn uids(objects: &[AwsResource], cx: &Context, cluster: &str, remarks: &mut Vec<String>) -> Uids {
    let mut lists: BTreeMap<(String, String, &str), (Aws, KindName)> = BTreeMap::new();
    for object in objects.iter().filter(|object| is_unnamed(object)) {
        let Some(kind) = object.spec.kind.the_one().map(|kind| kind.name()) else { continue };
        if let Ok(aws) = resolve(object, cx).await {
            lists.insert((aws.account_id().into(), aws.region().into(), kind.as_str()), (aws, kind));
        }
    }
    let mut uids = Uids::new();
    for ((account, region, kind), (aws, name)) in lists {
        let listing = name.list_owned(&aws, cluster).await;
        for owned in listing.found {
            let tag = |key: &str| owned.tags.get(key).cloned().unwrap_or_default();
            uids.insert((tag(NAMESPACE), tag(NAME)), tag(UID));
        }
        remarks.extend(listing.unread.into_iter().map(|unread| {
            format!("Not all of {kind} in {account}, {region} could be searched by tags: {}.", unread.error)
        }));
    }
    uids
}

fn note_all(objects: &mut [AwsResource], found: Vec<Option<Found>>, clusters: &BTreeSet<String>) {
    for (object, found) in objects.iter_mut().zip(found) {
        let tag = |found: &Found, key: &str| found.tags.get(key).cloned().unwrap_or_default();
        let own = (object.namespace().unwrap_or_default(), object.name_any());
        let is_its =
            |found: &Found| (tag(found, NAMESPACE), tag(found, NAME)) == own && clusters.contains(&tag(found, CLUSTER));
        if let Some(found) = found.filter(is_its) {
            object.metadata.uid = Some(tag(&found, UID));
            note(object, found);
        }
    }
}

/// Writes into the object what its status would say, as far as it can be known.
fn note(object: &mut AwsResource, found: Found) {
    object.finalizers_mut().push(FINALIZER.to_owned());
    let verdict = match found.state {
        ResourceState::Active => Verdict::ready("Available", "AWS shows it."),
        _ => Verdict::reconciling("Observed", "AWS shows it."),
    };
    let conditions = verdict.conditions(&[], 0, Timestamp::now());
    let (id, state) = (Some(found.id), Some(found.state));
    object.status = Some(AwsResourceStatus { id, state, outputs: found.outputs, conditions, ..Default::default() });
}
