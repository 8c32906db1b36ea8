//! One look at AWS and the decision on it: `facts`, `observe` and `remember_absence` of the lifecycle
//! in the model's terms, and the production `decide` on them.

use super::state::{Absence, Age, Bounds, Copied, Id, NAME, Owner, Phase, Shape, State, Todo, Walk};
use ccagi_aws_agent::agents::autonomy::Mandate;
use ccagi_aws_agent::api::resource::{AdoptionPolicy, Change, Effect, Intent, ResourceState};
use ccagi_aws_agent::kinds::Usually;
use ccagi_aws_agent::lifecycle::decide::{Action, Facts, Seen, Sight, decide, without_account, without_looking};
use ccagi_aws_agent::lifecycle::policies::Policies;
use k8s_openapi::jiff::Timestamp;
use std::time::Duration;

/// A tick in seconds.
const TICK: u64 = 30;

/// How a look turns out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Look {
    /// It shows what is there.
    True,
    /// It misses what it may miss.
    Missing,
    /// It fails: denied, throttled, unreadable or not answered.
    Failed,
}

fn ticks(ages: Age) -> Duration {
    Duration::from_secs(u64::from(ages) * TICK)
}

fn text(id: Id) -> String {
    format!("{}-{}-{}", id.uid, id.life, id.copy)
}

/// What the lifecycle knows when a pass that began `since` ago decides.
fn facts(bounds: &Bounds, walk: &Walk, since: Age, absent: Option<Age>) -> Facts {
    let object = walk.copy.object;
    let intent = object.status.intent.map(|intent| Intent {
        incarnation: i32::from(intent.life),
        token: format!("{}-{}", object.uid, intent.life),
        request_hash: intent.settings.to_string(),
        account_id: "111122223333".into(),
        region: "us-east-1".into(),
        lease_transitions: None,
        without_effect: false,
        recorded_at: String::new(),
    });
    let adoption = bounds.adoptable.then_some(AdoptionPolicy::AdoptOrCreate);
    Facts {
        now: Timestamp::UNIX_EPOCH,
        deleting: object.deleting,
        finalizer: object.finalizer,
        policies: Policies { create: true, update: true, delete: true, adoption, restart: None },
        mandate: Mandate { level: 5, ..Mandate::default() },
        intent,
        intent_is_fresh: walk.fresh,
        current: walk.current,
        recorded_id: object.status.id.map(text),
        named: bounds.shape == Shape::Name,
        dependants: Vec::new(),
        postponed: Vec::new(),
        request_hash: object.settings.to_string(),
        restarting: false,
        visibility_lag: ticks(bounds.lag),
        missed_for: absent.map(|age| ticks(age.saturating_sub(since))),
        poll_period: ticks(1),
        drift_period: ticks(1),
        fruitless_updates: 0,
        usually: Usually { create_seconds: 60, delete_seconds: 60 },
    }
}

/// Whether the walk decides without a look.
pub fn is_blind(bounds: &Bounds, walk: &Walk) -> bool {
    let facts = facts(bounds, walk, 0, None);
    without_account(&facts).is_some() || without_looking(&facts).is_some()
}

/// Whether a look may miss this one now.
fn may_be_missed(bounds: &Bounds, missed: Option<Age>) -> bool {
    bounds.window > 0 && missed.is_none_or(|age| age < bounds.window)
}

/// The places of the resources that a look for the object finds, in the order of the calls that a kind
/// makes: by id, else by token, else by owner.
fn candidates(bounds: &Bounds, state: &State, copy: &Copied, misses: bool) -> Vec<usize> {
    let object = copy.object;
    let shown = |test: &dyn Fn(usize) -> bool| -> Vec<usize> {
        let hidden = |place: &usize| {
            let one = &state.resources[*place];
            misses && one.phase == Phase::Live && may_be_missed(bounds, one.missed)
        };
        (0..state.resources.len())
            .filter(|place| state.resources[*place].phase != Phase::Forgotten && test(*place) && !hidden(place))
            .collect()
    };
    let of = |place: usize| &state.resources[place];
    let named = (bounds.shape == Shape::Name).then_some(NAME);
    if let Some(id) = object.status.id.or(named) {
        return shown(&|place| of(place).id == id);
    }
    let Some(intent) = object.status.intent else { return Vec::new() };
    if bounds.shape == Shape::Token {
        let by_token = shown(&|place| of(place).token == (object.uid, intent.life));
        if !by_token.is_empty() {
            return by_token;
        }
    }
    shown(&|place| of(place).phase == Phase::Live && of(place).owner == Owner::Object(object.uid))
}

/// What the look shows, and of what.
fn sight(bounds: &Bounds, state: &State, copy: &Copied, misses: bool) -> (Sight, Option<Id>) {
    let found = candidates(bounds, state, copy, misses);
    let [place] = found.as_slice() else {
        let ids: Vec<String> = found.iter().map(|place| text(state.resources[*place].id)).collect();
        return (if ids.is_empty() { Sight::Absent } else { Sight::Ambiguous(ids) }, None);
    };
    let one = &state.resources[*place];
    let object = copy.object;
    let differs = !object.deleting && one.phase == Phase::Live && one.settings != object.settings;
    let change = Change {
        path: "settings".into(),
        from: Some(one.settings.to_string()),
        to: Some(object.settings.to_string()),
        effect: Effect::InPlace,
    };
    let seen = Seen {
        id: text(one.id),
        state: if one.phase == Phase::Live { ResourceState::Active } else { ResourceState::Deleted },
        detail: None,
        stopped_by_failure: false,
        changes: if differs { vec![change] } else { Vec::new() },
    };
    let sight = match one.owner {
        Owner::Object(uid) if uid == object.uid => Sight::Ours(seen),
        Owner::Object(_) => Sight::Predecessor(seen),
        Owner::Somebody => Sight::Foreign("somebody".into()),
        Owner::Nobody => Sight::Unowned(seen),
    };
    (sight, Some(one.id))
}

/// Whether a look that misses would show anything else than one that does not.
pub fn can_miss(bounds: &Bounds, state: &State, copy: &Copied) -> bool {
    candidates(bounds, state, copy, true) != candidates(bounds, state, copy, false)
}

/// Looks, decides and says what the walk of controller `c` does next.
pub fn look(bounds: &Bounds, state: &mut State, c: usize, look: Look) -> Option<Todo> {
    let walk = state.controllers[c].walk?;
    let Todo::Look(since) = walk.todo else { return None };
    if is_blind(bounds, &walk) {
        let action = decide(&facts(bounds, &walk, since, None), &Sight::Unseen);
        return Some(todo(&walk, &action, None, false));
    }
    let misses = match look {
        Look::True => false,
        Look::Missing => true,
        Look::Failed => return Some(Todo::Fail),
    };
    let (sight, found) = sight(bounds, state, &walk.copy, misses);
    if misses {
        let shown = candidates(bounds, state, &walk.copy, false);
        for place in shown {
            state.resources[place].missed.get_or_insert(0);
        }
    }
    let absent = remember_absence(state, c, &walk, &sight);
    let action = decide(&facts(bounds, &walk, since, absent), &sight);
    Some(todo(&walk, &action, found, matches!(sight, Sight::Ours(_))))
}

/// Since when what is looked for has been missed; what was looked for before says nothing about it.
fn remember_absence(state: &mut State, c: usize, walk: &Walk, sight: &Sight) -> Option<Age> {
    let object = walk.copy.object;
    let of = (object.uid, object.status.intent.map(|intent| intent.life), object.status.id);
    let absence = &mut state.controllers[c].absence;
    *absence = match (sight.is_in_vain(object.deleting), absence.take()) {
        (true, Some(old)) if old.of == of => Some(old),
        (true, _) => Some(Absence { of, age: 0 }),
        (false, _) => None,
    };
    absence.map(|absence| absence.age)
}

/// What `apply` does first for an action.
fn todo(walk: &Walk, action: &Action, found: Option<Id>, ours: bool) -> Todo {
    let reason = match action {
        Action::Wait { reason, .. } | Action::Refuse { reason, .. } => reason,
        _ => action.name(),
    };
    match (action, found) {
        (Action::WriteIntent { incarnation }, _) => {
            let life = u8::try_from(*incarnation).unwrap();
            if walk.copy.object.finalizer { Todo::Intent(life) } else { Todo::Finalizer(life) }
        }
        (Action::Reread, _) => Todo::Reread,
        (Action::Create, _) => Todo::Create,
        (Action::Record(_), Some(id)) => Todo::Record(id),
        (Action::Adopt, Some(id)) => Todo::Adopt(id),
        (Action::Update(_), Some(id)) => Todo::Update(id),
        (Action::Delete, Some(id)) => Todo::ConfirmDelete(id),
        (Action::RemoveFinalizer(_), _) => Todo::Release,
        (Action::Nothing | Action::Wait { .. } | Action::Refuse { .. }, _) => {
            Todo::Report(reason, found.filter(|_| ours))
        }
        _ => panic!("the model has no such action: {action:?}"),
    }
}
