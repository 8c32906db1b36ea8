//! What must hold in every state.

use super::look::Look;
use super::state::{Bounds, Foul, NAME, Owner, Phase, Shape, State, Todo};
use super::steps::Answer;
use super::world::{Step, known, next, possible};
use stateright::{Model, Property};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;

pub const ONE: &str = "never two live resources of one object";
pub const FOREIGN: &str = "never a write to what is somebody else's";
pub const RELEASE: &str = "never a finalizer removed while the resource is there";
pub const LEAK: &str = "never a resource whose object is gone";
pub const CONVERGES: &str = "without further faults it always ends as desired";
pub const DECLARED: &str = "it is as declared";
pub const AGAIN: &str = "it was made a second time";
pub const GONE: &str = "the object is gone after its resource was made";
pub const MISSED: &str = "a look missed it";
pub const OLD: &str = "a walk goes on with an old copy of the object";
/// What must be reachable, so that nothing above holds for want of anything that happens.
pub const REACHED: [&str; 5] = [DECLARED, AGAIN, GONE, MISSED, OLD];

/// The most steps of a run without faults.
const STEPS: usize = 400;

/// The model: its bounds, and from where it is known that a run without faults ends as desired.
pub struct World {
    pub bounds: Bounds,
    converging: Mutex<HashSet<u64>>,
}

/// Whose turn it is in a run without faults: each controller's that may, for one walk, then a tick's.
#[derive(Clone, Copy, Hash)]
struct Turn {
    controller: usize,
    walking: bool,
}

impl World {
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, converging: Mutex::default() }
    }

    /// Whether the run without faults from here ends as desired and then stays as it is.
    fn converges(&self, state: &State) -> bool {
        let mut state = state.clone();
        let mut turn = Turn { controller: 0, walking: state.controllers[0].walk.is_some() };
        let mut passed = Vec::new();
        let mut last_round = None;
        for _ in 0..STEPS {
            let place = fingerprint(&(&state, turn));
            passed.push(place);
            let settled = last_round.as_ref() == Some(&state) && as_desired(&self.bounds, &state);
            let mut converging = self.converging.lock().unwrap();
            if settled || converging.contains(&place) {
                converging.extend(passed);
                return true;
            }
            drop(converging);
            if turn.controller == self.bounds.controllers {
                last_round = Some(state.clone());
            }
            let Some(after) = self.step(state, &mut turn) else { return false };
            state = after;
        }
        false
    }

    /// The next step of the run without faults.
    fn step(&self, state: State, turn: &mut Turn) -> Option<State> {
        let c = turn.controller;
        let Some(controller) = state.controllers.get(c) else {
            *turn = Turn { controller: 0, walking: false };
            let mut state = next(&self.bounds, &state, Step::Tick)?;
            // A token that stands in the way does so for its lifetime only.
            state.resources.retain(|one| one.phase != Phase::Forgotten);
            return Some(state);
        };
        match controller.walk {
            Some(walk) => {
                turn.walking = true;
                let looks = matches!(walk.todo, Todo::Look(_));
                let step = if looks { Step::Look(c, Look::True) } else { Step::Act(c, Answer::Given) };
                next(&self.bounds, &state, step)
            }
            None if turn.walking => {
                *turn = Turn { controller: c + 1, walking: false };
                Some(state)
            }
            None if self.bounds.stale && controller.cache != state.read() => {
                next(&self.bounds, &state, Step::Deliver(c))
            }
            None if known(&self.bounds, &state, c).is_none() || (self.bounds.fenced && state.leader != c) => {
                *turn = Turn { controller: c + 1, walking: false };
                Some(state)
            }
            None => {
                turn.walking = true;
                next(&self.bounds, &state, Step::Begin(c))
            }
        }
    }
}

fn fingerprint(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// Whether the resource is as the object declares it, or is left alone for a reason that the object
/// tells; and no resource of ours is left where there is no object.
fn as_desired(bounds: &Bounds, state: &State) -> bool {
    let Some(object) = state.live else { return !leaks(state) };
    let own: Vec<_> = state.own(object.uid).collect();
    let taken = |owner: &Owner| !matches!(owner, Owner::Object(uid) if *uid == object.uid);
    match own.as_slice() {
        _ if object.deleting => false,
        [one] => {
            let known = bounds.shape == Shape::Name || object.status.id == Some(one.id);
            let told = object.status.told == "Nothing" && object.status.observed == object.settings;
            known && told && one.settings == object.settings
        }
        [] => {
            let conflict = object.status.told == "ManagementConflict";
            conflict && state.resources.iter().any(|one| one.id == NAME && taken(&one.owner))
        }
        _ => false,
    }
}

/// Whether there is a live resource of an object that is gone.
fn leaks(state: &State) -> bool {
    let there = |uid: u8| state.live.is_some_and(|object| object.uid == uid);
    let lost = |owner: Owner| matches!(owner, Owner::Object(uid) if !there(uid));
    state.resources.iter().any(|one| one.phase == Phase::Live && lost(one.owner))
}

impl Model for World {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(&self.bounds)]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        possible(&self.bounds, state, steps);
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        next(&self.bounds, state, step)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE, |_, state: &State| (1..=3).all(|uid| state.own(uid).count() < 2)),
            Property::always(FOREIGN, |_, state: &State| state.foul != Some(Foul::ForeignWrite)),
            Property::always(RELEASE, |_, state: &State| state.foul != Some(Foul::EarlyRelease)),
            Property::always(LEAK, |_, state: &State| !leaks(state)),
            Property::always(CONVERGES, |world: &World, state: &State| world.converges(state)),
            Property::sometimes(DECLARED, |world: &World, state: &State| {
                state.live.is_some_and(|object| !object.deleting) && as_desired(&world.bounds, state)
            }),
            Property::sometimes(AGAIN, |_, state: &State| {
                let live = state.resources.iter().find(|one| one.phase == Phase::Live);
                live.is_some_and(|one| one.token.1 > 1)
            }),
            Property::sometimes(GONE, |_, state: &State| state.live.is_none() && state.was_made),
            Property::sometimes(MISSED, |_, state: &State| state.resources.iter().any(|one| one.missed.is_some())),
            Property::sometimes(OLD, |_, state: &State| {
                state.controllers.iter().any(|one| one.walk.is_some_and(|walk| !walk.copy.current))
            }),
        ]
    }
}
