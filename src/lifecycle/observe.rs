//! Looks at AWS and says what is there and whose it is.

use crate::api::resource::{AwsResource, Change, ResourceState};
use crate::aws::error::AwsError;
use crate::aws::session::Aws;
use crate::aws::tags::{Owner, Ownership, TagEdit, Tags};
use crate::kinds::{Kind, Look, Observed};
use crate::lifecycle::decide::{Seen, Sight};
use crate::lifecycle::names::TwoNames;

/// A sight and, where something was seen, all that was read of it.
pub struct View<K: Kind> {
    /// What a decision needs to know.
    pub sight: Sight,
    /// The resource's id and what was read of it.
    pub found: Option<(String, Observed<K::Spec>)>,
}

/// What is wanted of the resource.
pub struct Wanted<'a, K: Kind> {
    /// The kind block.
    pub spec: &'a K::Spec,
    /// The object as owner.
    pub owner: &'a Owner,
    /// The user's tags and the owner's.
    pub tags: &'a Tags,
    /// What AWS was not given from Secrets as it is now.
    pub secrets: &'a [Change],
}

/// Looks for the resource of `object`.
///
/// # Errors
/// The error of the call that failed. An error is never read as absence.
pub async fn observe<K: Kind>(
    aws: &Aws,
    object: &AwsResource,
    wanted: &Wanted<'_, K>,
    deleting: bool,
) -> Result<View<K>, AwsError> {
    let id = match known_id::<K>(object, wanted.spec) {
        Some(id) => id,
        None => match search::<K>(aws, object, wanted.owner).await? {
            Search::Nothing => return Ok(View { sight: Sight::Absent, found: None }),
            Search::One(id) => id,
            Search::Many(ids) => return Ok(View { sight: Sight::Ambiguous(ids), found: None }),
        },
    };
    let look = if deleting { Look::Owner { spec: wanted.spec, owner: wanted.owner } } else { Look::Full(wanted.spec) };
    let Some(observed) = K::observe(aws, &id, look).await? else {
        return Ok(View { sight: Sight::Absent, found: None });
    };
    let changes = if deleting { Vec::new() } else { differences::<K>(object, wanted, &observed) };
    let seen = Seen {
        id: id.clone(),
        state: observed.state,
        detail: observed.detail.clone(),
        stopped_by_failure: K::stopped_by_failure(&observed),
        changes,
    };
    let sight = match wanted.owner.relation(&observed.tags) {
        Ownership::Ours => Sight::Ours(seen),
        // AWS takes the tags off what it has removed. It was found by our record or our token.
        Ownership::Nobody if seen.state == ResourceState::Deleted && adoptable(object) != Some(&id) => {
            Sight::Ours(seen)
        }
        Ownership::Nobody => Sight::Unowned(seen),
        Ownership::Predecessor => Sight::Predecessor(seen),
        Ownership::Other(owner) => Sight::Foreign(owner),
    };
    Ok(View { sight, found: Some((id, observed)) })
}

/// The resource without the settings that its spec names, where it is there and this object's: what is shown
/// of one of which something else cannot be read. What is only left of one that is gone does not count.
///
/// # Errors
/// The error of the call that failed.
pub async fn glimpse<K: Kind>(
    aws: &Aws,
    object: &AwsResource,
    wanted: &Wanted<'_, K>,
) -> Result<Option<(String, Observed<K::Spec>)>, AwsError> {
    let Some(id) = known_id::<K>(object, wanted.spec) else { return Ok(None) };
    let look = Look::Owner { spec: wanted.spec, owner: wanted.owner };
    let found = K::observe(aws, &id, look).await?.filter(|observed| {
        !observed.is_remainder() && matches!(wanted.owner.relation(&observed.tags), Ownership::Ours)
    });
    Ok(found.map(|observed| (id, observed)))
}

/// The id as recorded, as declared, or as it follows from the spec. Of two names that contradict each other
/// only the one in the kind block counts: such an object comes here only to be deleted, and what it took over
/// under the other name may not be what was meant.
fn known_id<K: Kind>(object: &AwsResource, spec: &K::Spec) -> Option<String> {
    if let Some(names) = TwoNames::of::<K>(object, spec) {
        return Some(names.name);
    }
    let recorded = object.status.as_ref().and_then(|status| status.id.clone());
    recorded.or_else(|| adoptable(object).cloned()).or_else(|| K::id(spec))
}

/// The id that the manifest names to be adopted or observed: the resource's first life and no other.
fn adoptable(object: &AwsResource) -> Option<&String> {
    let lives = object.status.as_ref().and_then(|status| status.intent.as_ref()).map_or(1, |intent| intent.incarnation);
    object.spec.resource_id.as_ref().filter(|_| lives == 1)
}

enum Search {
    Nothing,
    One(String),
    Many(Vec<String>),
}

/// Looks for a resource that a lost answer or a lost status made us forget.
async fn search<K: Kind>(aws: &Aws, object: &AwsResource, owner: &Owner) -> Result<Search, AwsError> {
    let Some(intent) = object.status.as_ref().and_then(|status| status.intent.as_ref()) else {
        return Ok(Search::Nothing);
    };
    let mut ids = K::find(aws, owner, intent).await?;
    Ok(match ids.len() {
        0 => Search::Nothing,
        1 => Search::One(ids.remove(0)),
        _ => Search::Many(ids),
    })
}

/// All differences, those of the secrets and the tags included.
pub fn differences<K: Kind>(object: &AwsResource, wanted: &Wanted<'_, K>, observed: &Observed<K::Spec>) -> Vec<Change> {
    let mut changes = K::diff(wanted.spec, observed);
    // Where the kind sees for itself that AWS has another value, that says more.
    let unseen = |secret: &&Change| changes.iter().all(|change| change.path != secret.path);
    let unseen: Vec<Change> = wanted.secrets.iter().filter(unseen).cloned().collect();
    changes.extend(unseen);
    changes.extend(tag_edit(object, wanted.tags, &observed.tags).changes(&observed.tags));
    changes
}

/// What is to be done to the tags.
pub fn tag_edit(object: &AwsResource, desired: &Tags, observed: &Tags) -> TagEdit {
    let applied = object.status.as_ref().map(|status| status.applied_tag_keys.as_slice()).unwrap_or_default();
    TagEdit::between(desired, observed, applied)
}
