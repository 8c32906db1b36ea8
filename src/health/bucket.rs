//! An S3 bucket. S3 tells no state: a bucket that can be read is there, and what is left of its health is
//! whether it is as declared.

use super::Assessment;
use crate::api::resource::Change;

/// The judgement on a bucket that differs from its spec in these.
pub fn judge(changes: &[Change]) -> Assessment {
    let settings: Vec<&Change> = changes.iter().filter(|change| !change.path.starts_with("tags.")).collect();
    let opens = |change: &&&Change| {
        let to = change.to.as_deref().unwrap_or_default();
        change.path.starts_with("publicAccessBlock") && to.contains("true")
    };
    let named = |paths: &[&Change]| paths.iter().map(|change| change.path.as_str()).collect::<Vec<_>>().join(", ");
    let open: Vec<&Change> = settings.iter().filter(opens).copied().collect();
    if !open.is_empty() {
        let message = format!("Public access that the spec blocks is not blocked: {}.", named(&open));
        return Assessment::unhealthy("PublicAccessNotBlocked", message);
    }
    match settings.is_empty() {
        true => Assessment::found(),
        false => Assessment::degraded("DiffersFromSpec", format!("AWS differs from the spec: {}.", named(&settings))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::resource::{Effect, Health};

    fn judged(changes: &[(&str, &str)]) -> Health {
        let change = |(path, to): &(&str, &str)| Change {
            path: (*path).into(),
            from: None,
            to: Some((*to).into()),
            effect: Effect::InPlace,
        };
        judge(&changes.iter().map(change).collect::<Vec<_>>()).health
    }

    #[test]
    fn a_bucket_is_as_well_as_it_is_as_declared() {
        assert_eq!(judged(&[]), Health::Healthy);
        assert_eq!(judged(&[("tags.team", "\"web\"")]), Health::Healthy);
        assert_eq!(judged(&[("versioning", "\"Enabled\"")]), Health::Degraded);
        assert_eq!(judged(&[("publicAccessBlock.blockPublicAcls", "false")]), Health::Degraded);
        assert_eq!(
            judged(&[("versioning", "\"Enabled\""), ("publicAccessBlock.blockPublicAcls", "true")]),
            Health::Unhealthy
        );
    }
}
