//! What a service agent decides or recommends, and how a person approves it.

use super::autonomy;
use crate::api::commands;
use crate::api::conditions::bounded;
use crate::api::resource::Change;
use crate::api::service_agent::{AgentAction, Recommendation};
use crate::cost::usd;
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

/// Hexadecimal digits of an id: 48 bits, among the handful of recommendations of one object.
const ID_DIGITS: usize = 12;

/// The longest text in a recommendation.
const TEXT_LIMIT: usize = 512;

/// Something that is to be done to a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What.
    pub action: AgentAction,
    /// The resource's id, or what it had.
    pub of: String,
    /// The number of the resource's life.
    pub life: i32,
    /// The changes for which it is to be done.
    pub changes: Vec<Change>,
}

impl Decision {
    /// The id of the recommendation of this decision that is open since then. It is a hash of all there
    /// is to approve and of that time, so that an approval can never hold for anything else, nor for
    /// the same once more. It gives away nothing: whoever reads it reads the values beside it, and what a
    /// change does not show of a value it has as a digest that only this process can compute. Such a change
    /// is therefore to be approved anew where another process takes over.
    pub fn id(&self, since: &str) -> String {
        let changes: Vec<_> = self.changes.iter().map(|change| (&change.path, &change.from, &change.to)).collect();
        let all = serde_json::json!([self.action, self.of, self.life, changes, since]);
        let digest = Sha256::digest(all.to_string().as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()[..ID_DIGITS].to_owned()
    }

    /// What would be done, in words.
    pub fn proposal(&self) -> String {
        let what = |change: &Change| format!("{} ({})", change.path, change.in_words());
        let changes = self.changes.iter().map(what).collect::<Vec<_>>().join(", ");
        match self.action {
            AgentAction::Start => format!("Start {}.", self.of),
            AgentAction::Recreate => {
                format!("Make {} again, with what the manifest declares and without the data it held.", self.of)
            }
            AgentAction::Restart => format!("Stop {} and start it again, to change {changes}.", self.of),
        }
    }

    /// The recommendation of this decision to the owner of `object`, by its namespace and name, at this level;
    /// `costs` is what it adds in USD per day. One that is open already keeps its time and with it its id.
    pub fn recommendation(
        &self,
        object: (&str, &str),
        level: i32,
        costs: Option<Decimal>,
        open: &[Recommendation],
        now: &str,
    ) -> Recommendation {
        let since = open.iter().find(|old| old.id == self.id(&old.since)).map_or(now, |old| &old.since).to_owned();
        let id = self.id(&since);
        let required = autonomy::required(self.action);
        let reason = match level < required {
            true => format!("The autonomy level {level} does not permit it; {required} would."),
            false => "The service agent's actions do not list it.".to_owned(),
        };
        Recommendation {
            action: self.action,
            proposal: bounded(&self.proposal(), TEXT_LIMIT),
            reason,
            cost_change_per_day: costs.map(usd),
            approve: commands::approve(object.0, object.1, &id),
            since,
            id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::resource::Effect;

    const WEB: (&str, &str) = ("shop", "web");

    fn restart(to: &str) -> Decision {
        let change = Change {
            path: "instanceType".into(),
            from: Some("t3.micro".into()),
            to: Some(to.into()),
            effect: Effect::Restart,
        };
        Decision { action: AgentAction::Restart, of: "i-1".into(), life: 1, changes: vec![change] }
    }

    #[test]
    fn the_id_follows_from_everything_that_is_approved() {
        let id = restart("t3.small").id("a");
        assert_eq!(id.len(), ID_DIGITS);
        assert_eq!(id, restart("t3.small").id("a"));
        let others = [
            restart("t3.large").id("a"),
            restart("t3.small").id("b"),
            Decision { of: "i-2".into(), ..restart("t3.small") }.id("a"),
            Decision { life: 2, ..restart("t3.small") }.id("a"),
            Decision { action: AgentAction::Start, ..restart("t3.small") }.id("a"),
        ];
        assert!(others.iter().all(|other| *other != id), "{others:?}");
    }

    // An approval that an earlier version asked for holds where the change shows whole values; where it shows
    // cut ones, which could be several, it is asked for again.
    #[test]
    fn an_approval_from_before_holds_for_whole_values_and_not_for_cut_ones() {
        assert_eq!(restart("t3.small").id("a"), "99e1374fa472");
        let cut = format!("{}…", "x".repeat(255));
        let whole = restart(&format!("{} (digest 0123456789abcdef of 300 characters)", "x".repeat(200)));
        assert_ne!(whole.id("a"), restart(&cut).id("a"));
    }

    #[test]
    fn a_recommendation_stays_the_same_while_it_is_open_and_is_another_after_that() {
        let first = restart("t3.small").recommendation(WEB, 6, None, &[], "a");
        let again = restart("t3.small").recommendation(WEB, 6, None, std::slice::from_ref(&first), "b");
        assert_eq!(again, first);
        let later = restart("t3.small").recommendation(WEB, 6, None, &[], "b");
        assert_ne!(later.id, first.id);
    }

    #[test]
    fn a_recommendation_says_what_why_and_how_to_approve() {
        let told = restart("t3.small").recommendation(WEB, 6, Some(Decimal::new(-25, 2)), &[], "a");
        assert_eq!(told.cost_change_per_day.as_deref(), Some("-0.25"));
        assert_eq!(told.proposal, "Stop i-1 and start it again, to change instanceType (t3.micro → t3.small).");
        assert_eq!(told.reason, "The autonomy level 6 does not permit it; 9 would.");
        assert_eq!(told.approve, commands::approve("shop", "web", &told.id));
        assert!(restart("t3.small").recommendation(WEB, 10, None, &[], "a").reason.contains("actions"));
    }
}
